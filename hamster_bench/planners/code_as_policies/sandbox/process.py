"""Runs a program in a process of its own. The only module of this package that the project itself uses."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Reason, Stopped

_BOOT = Path(__file__).resolve().with_name("boot.py")
_GRACE_S, _PAUSE_S = 1.0, 0.002
_DIED = {signal.SIGXCPU: Reason.CPU_TIME}

Pose = tuple[float, float, bool]


@dataclass(frozen=True)
class Finished:
    """A program that ran to its end.

    Attributes:
        poses: x, y and gripper (True open) of every pose; x and y are finite and otherwise as the program left them.
        operations: what it used of the budget.
    """

    poses: tuple[Pose, ...]
    operations: int


def run_program(code: str, limits: Limits | None = None) -> Finished:
    """Runs a program and takes its ``robot_poses``.

    The process is a fresh isolated Python with an environment of four fixed variables, the root folder as its working directory, a
    session of its own and no file descriptor but the two pipes. It is gone when this returns, whatever the program did.

    Args:
        code: Python, as far as it is offered; from anybody.
        limits: what it may use; the default ones if None.

    Raises:
        Stopped: it gave no usable poses; ``reason`` says why.
    """
    limits = limits or Limits()
    # Known before a process is started, and keeps the request small.
    if len(code.encode("utf-8", "surrogatepass")) > limits.code_bytes:
        raise Stopped(Reason.CODE_LENGTH, f"a program of more than {limits.code_bytes} bytes")
    request = json.dumps({"code": code, "limits": asdict(limits)}).encode()
    # -B: a process that may write no file need not try.
    command = [sys.executable, "-I", "-B", str(_BOOT), str(Path(np.__file__).resolve().parents[1])]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd="/",
        close_fds=True,
        start_new_session=True,
    ) as process:
        try:
            answer = _exchange(process, request, limits)
            _let_leave(process)
        finally:
            _kill(process)
    return _read(answer, process.returncode, limits)


def _environment() -> dict[str, str]:
    """What the process may know. Nothing is inherited, so no key is, but where this system keeps its libraries."""
    fixed = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return fixed | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def _exchange(process: subprocess.Popen[bytes], request: bytes, limits: Limits) -> bytes:
    """Writes the request and reads the answer, both piece by piece: neither side can hold up the other."""
    assert process.stdin is not None
    assert process.stdout is not None
    deadline = time.monotonic() + limits.wall_s
    answer = bytearray()
    sent = 0
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Stopped(Reason.WALL_TIME, f"no answer within {limits.wall_s:g} s")
            for key, _ in ready:
                if key.fileobj is process.stdout:
                    piece = os.read(process.stdout.fileno(), 65_536)
                    answer += piece
                    if len(answer) > limits.reply_bytes:
                        raise Stopped(Reason.SIZE, f"an answer of more than {limits.reply_bytes} bytes")
                    if not piece:
                        return bytes(answer)
                else:
                    try:
                        sent += os.write(process.stdin.fileno(), request[sent:])
                    except BrokenPipeError:
                        sent = len(request)
                    if sent == len(request):
                        selector.unregister(process.stdin)
                        process.stdin.close()


def _let_leave(process: subprocess.Popen[bytes]) -> None:
    """Gives the process a moment to leave by itself after its last word, with a status that says how."""
    deadline = time.monotonic() + _GRACE_S
    # It must not be reaped yet: only as long as it is not does its number name its session for sure.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process, where it has not ended, and whatever shares its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(answer: bytes, status: int, limits: Limits) -> Finished:
    """The answer, tested as if the program itself had written it."""
    if status != 0:
        signalled = -status if status < 0 else None
        name = signal.Signals(signalled).name if signalled in set(signal.Signals) else f"exit status {status}"
        reason = _DIED.get(signal.Signals(signalled), Reason.CRASHED) if signalled in set(signal.Signals) else Reason.CRASHED
        raise Stopped(reason, f"the process ended by {name}")
    try:
        reply = json.loads(answer)
        if "reason" in reply:
            line = reply["line"]
            raise Stopped(Reason(reply["reason"]), str(reply["message"]), line if isinstance(line, int) else None)
        poses = tuple(_pose(row) for row in reply["poses"])
        operations = int(reply["operations"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Stopped(Reason.CRASHED, f"the process answered nothing that can be read ({type(error).__name__})") from None
    if not 0 < len(poses) <= limits.poses:
        raise Stopped(Reason.BAD_POSES, f"{len(poses)} poses, allowed are 1 to {limits.poses}")
    return Finished(poses, operations)


def _pose(row: Any) -> Pose:
    x, y, gripper = row
    if not all(isinstance(part, float) and math.isfinite(part) for part in (x, y, gripper)) or gripper not in (0.0, 1.0):
        raise ValueError("not a pose")
    return x, y, gripper == 1.0
