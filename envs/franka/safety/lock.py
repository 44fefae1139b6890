"""One owner of a robot (rule S11)."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from pathlib import Path
from types import TracebackType

from hamster_bench.envs.franka.errors import RobotBusyError


class RobotLock:
    """Held by the process that drives a robot; the operating system takes it back however the process ends.

    Args:
        host: address of the robot.

    Raises:
        RobotBusyError: another environment, in this process or another one, holds it.
    """

    def __init__(self, host: str) -> None:
        name = re.sub(r"[^0-9A-Za-z.-]", "_", host)
        self._file = Path(tempfile.gettempdir()) / f"hamster-bench-franka-{name}.lock"
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(self._descriptor)
            raise RobotBusyError(
                f"the robot at {host} is driven by {holder}; only one program may, end the other one first"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()}".encode(), 0)

    def release(self) -> None:
        """Gives the robot free; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> RobotLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
