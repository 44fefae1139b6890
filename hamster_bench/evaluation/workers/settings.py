"""How a run uses a machine; nothing here belongs to the protocol, since none of it changes an outcome."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from hamster_bench.errors import InvalidOptionError


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Workers and their supervision.

    Attributes:
        count: environment workers; None for one a physical core (of the cluster: one a processor).
        time_limit: [s] a worker may work on one episode, or the inference worker on one batch, before it is taken for hung and killed.
            Waiting for the inference worker does not count. The default is far above what any task takes; it has to cover the loading
            of weights.
        tries: times an episode is played before it is set aside because its workers were lost each time.
        recycle_after: episodes after which a worker is replaced by a new one, so that what leaks in a simulator or a driver stays small.
        cluster: None for processes of this machine, ``"local"`` for a Ray cluster started for the run, else the address of one
            (``ray://host:10001`` or ``host:6379``).
    """

    count: int | None = None
    time_limit: float = 900.0
    tries: int = 3
    recycle_after: int = 500
    cluster: str | None = None

    def __post_init__(self) -> None:
        numbers = {"tries": self.tries, "recycle_after": self.recycle_after}
        if self.count is not None:
            numbers["count"] = self.count
        for name, number in numbers.items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise InvalidOptionError(f"{name} of workers must be a whole number from 1, got {number!r}")
        if not (math.isfinite(self.time_limit) and self.time_limit > 0.0):
            raise InvalidOptionError(f"time_limit of workers must be a number of seconds above 0, got {self.time_limit!r}")


def physical_cores() -> int:
    """Cores this process may use: threads of one core count once, and a container's CPU quota is heeded."""
    usable = os.sched_getaffinity(0)
    cores = {_siblings(cpu) for cpu in usable}
    return max(1, min(len(cores), _quota()))


def _siblings(cpu: int) -> str:
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _quota() -> int:
    # https://docs.kernel.org/admin-guide/cgroup-v2.html: "$MAX $PERIOD", in microseconds, or "max" for no limit.
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return 1 << 30
