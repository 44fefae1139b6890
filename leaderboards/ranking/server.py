"""The page on which raters rank paths, served on this machine.

The browser is never told whose path is whose: letters are drawn for each rater and picture, and turned back into planners here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hamster_bench.errors import HamsterBenchError, InvalidOptionError
from hamster_bench.leaderboards.ranking.ratings import Rating, add_rating, read_ratings
from hamster_bench.leaderboards.ranking.sheet import LETTERS, Sheet

LARGEST_BODY = 64 * 1024
_PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/rank.js": ("rank.js", "text/javascript; charset=utf-8"),
    "/rank.css": ("rank.css", "text/css; charset=utf-8"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)


def make_server(sheet: Sheet, host: str, port: int, *, log: Callable[[str], None] | None = None) -> ThreadingHTTPServer:
    """A server of the page; ``serve_forever`` starts it.

    Args:
        sheet: what is ranked.
        host: address to listen on.
        port: port to listen on; 0 for any.
        log: called with a line for every rating.

    Raises:
        InvalidOptionError: the address cannot be listened on.
    """

    class Handler(_Handler):
        ranked = sheet
        say = staticmethod(log or (lambda line: None))
        writing = threading.Lock()
        # The user asked to be reached under any name.
        reachable_by_others = host in ("0.0.0.0", "::")

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise InvalidOptionError(f"cannot listen on {host}, port {port}: {error}; choose another one with --port") from error


def next_item(sheet: Sheet, rater: str) -> dict[str, Any]:
    """What a rater is shown next: ``total``, ``done``, and ``item`` (None at the end) with its paths under letters."""
    rated = {rating.item for rating in read_ratings(sheet) if rating.rater == rater}
    waiting = [number for number in sheet.order_of_items(rater) if sheet.items[number].name not in rated]
    answer: dict[str, Any] = {"total": len(sheet.items), "done": len(sheet.items) - len(waiting), "item": None}
    if waiting:
        number = waiting[0]
        item = sheet.items[number]
        paths = [item.paths[planner] for planner in sheet.order_of_paths(rater, number)]
        answer["item"] = {
            "number": number,
            "instruction": item.instruction,
            "paths": [
                {"letter": letter, "path": None if path is None else json.loads(path.to_json())}
                for letter, path in zip(LETTERS, paths, strict=False)
            ],
        }
    return answer


def rating_from_letters(sheet: Sheet, values: Mapping[str, Any]) -> Rating:
    """A rating as the page sends it: ``rater``, ``number`` of the item, and ``ranks`` by letter.

    Raises:
        InvalidOptionError: it is malformed.
    """
    rater, number, ranks = values.get("rater"), values.get("number"), values.get("ranks")
    if not isinstance(rater, str) or isinstance(number, bool) or not isinstance(number, int) or not isinstance(ranks, dict):
        raise InvalidOptionError("a rating holds rater, number and ranks")
    if not 0 <= number < len(sheet.items):
        raise InvalidOptionError(f"there is no picture number {number}")
    order = sheet.order_of_paths(rater, number)
    if set(ranks) != set(LETTERS[: len(order)]):
        raise InvalidOptionError("every path needs a rank")
    by_planner = {planner: ranks[letter] for letter, planner in zip(LETTERS, order, strict=False)}
    return Rating(rater=rater, item=sheet.items[number].name, ranks=by_planner)


class _Handler(BaseHTTPRequestHandler):
    ranked: Sheet
    say: Callable[[str], None]
    writing: threading.Lock
    reachable_by_others: bool
    timeout = 30

    def do_GET(self) -> None:
        if not self._is_for_us():
            return
        parts = urlsplit(self.path)
        if parts.path in _PAGES:
            name, kind = _PAGES[parts.path]
            self._answer((resources.files("hamster_bench.leaderboards.ranking") / "static" / name).read_bytes(), kind)
        elif parts.path == "/next":
            rater = parse_qs(parts.query).get("rater", [""])[0].strip()
            self._tell(lambda: next_item(self.ranked, rater))
        elif parts.path.startswith("/picture/") and parts.path.removeprefix("/picture/").isdecimal():
            number = int(parts.path.removeprefix("/picture/")[:9])
            if number < len(self.ranked.items):
                self._answer((self.ranked.directory / self.ranked.items[number].picture).read_bytes(), "image/png")
            else:
                self._refuse(HTTPStatus.NOT_FOUND, "there is no such picture")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        length = self.headers.get("Content-Length", "")
        if self.path != "/ratings" or self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.NOT_FOUND, "ratings are sent to /ratings as JSON")
        elif not length.isdecimal() or int(length) > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a rating has at most {LARGEST_BODY} bytes")
        else:
            body = self.rfile.read(int(length))
            self._tell(lambda: self._rate(body))

    def _rate(self, body: bytes) -> dict[str, Any]:
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InvalidOptionError("a rating is JSON") from error
        if not isinstance(values, dict):
            raise InvalidOptionError("a rating is a JSON object")
        rating = rating_from_letters(self.ranked, values)
        with self.writing:
            add_rating(self.ranked, rating)
        self.say(f"{rating.rater}: {rating.item}")
        return next_item(self.ranked, rating.rater)

    def _is_for_us(self) -> bool:
        """Refuses requests that another site had a browser make: they carry its name."""
        bound, port = self.connection.getsockname()[:2]
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        local = {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]", bound)}
        known = host in local or self.reachable_by_others
        if known and origin in (None, f"http://{host}"):
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "this page is for this machine")
        return False

    def _tell(self, make: Callable[[], dict[str, Any]]) -> None:
        try:
            self._answer(json.dumps(make()).encode(), "application/json")
        except HamsterBenchError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._answer(json.dumps({"error": reason}).encode(), "application/json", status)

    def _answer(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pages that load are no news."""
