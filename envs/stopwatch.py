"""How much time is spent on something."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import NamedTuple


class Spent(NamedTuple):
    """Time spent so far.

    Attributes:
        wall: wall clock [s].
        cpu: CPU time of the process [s].
    """

    wall: float
    cpu: float


class Stopwatch:
    """Adds up the time spent inside `running`. Recorded, never deciding anything."""

    def __init__(self) -> None:
        self._wall = self._cpu = 0.0

    @property
    def spent(self) -> Spent:
        """What has been measured since the stopwatch was made."""
        return Spent(self._wall, self._cpu)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Measures the ``with`` block, also one that raises."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._wall += time.perf_counter() - wall
            self._cpu += time.process_time() - cpu
