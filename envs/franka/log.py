"""What happened, line by line, while it happens."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from hamster_bench.envs.franka.errors import CellError


class EventLog:
    """A file of JSON objects, one a line, and the last events in memory.

    Args:
        folder: where the file is written, appended to if it exists; None keeps events in memory alone.
        name: of the file.

    Raises:
        CellError: the folder cannot be written.
    """

    def __init__(self, folder: Path | None = None, name: str = "events.jsonl") -> None:
        self.recent: deque[dict[str, Any]] = deque(maxlen=1000)
        self._lock = threading.Lock()
        self._file: IO[str] | None = None
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._file = (folder / name).open("a", encoding="utf-8")
            except OSError as error:
                raise CellError(f"the log folder {folder} cannot be written: {error}; choose another one") from error

    def note(self, event: str, **values: Any) -> None:
        """Adds an event with its time (UTC seconds and the monotonic clock)."""
        entry = {"event": event, "time": time.time(), "monotonic": time.monotonic()} | {k: _plain(v) for k, v in values.items()}
        with self._lock:
            self.recent.append(entry)
            if self._file is not None:
                self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
                self._file.flush()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of this name that are still in memory."""
        with self._lock:
            return [entry for entry in self.recent if entry["event"] == name]

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Iterable):
        return [_plain(part) for part in value]
    return str(value)
