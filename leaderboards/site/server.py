"""Serves a site on this machine, for looking at it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.leaderboards.site.build import MARK

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def make_server(site: Path, host: str, port: int, *, log: Callable[[str], None] | None = None) -> ThreadingHTTPServer:
    """A server of a site that has been built; ``serve_forever`` starts it.

    Args:
        site: written by `build_site`.
        host: address to listen on.
        port: port to listen on; 0 for any.
        log: called with a line for every request that fails.

    Raises:
        StoreError: there is no site.
        InvalidOptionError: the address cannot be listened on.
    """
    if not (site / MARK).is_file():
        raise StoreError(f"there is no site in {site}; 'hamster-bench leaderboard build STORES... --out {site}' makes one")

    class Handler(_Handler):
        directory_served = str(site)
        say = staticmethod(log or (lambda line: None))

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise InvalidOptionError(f"cannot listen on {host}, port {port}: {error}; choose another one with --port") from error


class _Handler(SimpleHTTPRequestHandler):
    directory_served = "."
    say: Callable[[str], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, directory=self.directory_served, **kwargs)

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_head(self) -> Any:
        """As usual, and parts of files: browsers ask for them to move within a video."""
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        file = Path(self.translate_path(self.path))
        if match is None or not file.is_file() or match.groups() == ("", ""):
            return super().send_head()
        size = file.stat().st_size
        first, last = match.groups()
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start >= stop:
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return None
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        stream = file.open("rb")
        stream.seek(start)
        return _Part(stream, stop - start)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: pages that load are no news."""

    def log_message(self, format: str, *args: Any) -> None:
        self.say(format % args)


class _Part:
    """A file up to a certain byte."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream = stream
        self._left = left

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._stream.close()
