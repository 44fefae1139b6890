"""The life of the fresh process: limits, request, program, reply."""

from __future__ import annotations

import json
import math
import resource
import sys
import warnings
from typing import Any

import numpy as np

from hamster_bench.planners.code_as_policies.sandbox.interpreter import Interpreter
from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Meter, Reason, Stopped
from hamster_bench.planners.code_as_policies.sandbox.syntax import parse
from hamster_bench.planners.code_as_policies.sandbox.values import Value, is_number, type_name

RESULT = "robot_poses"

# Python's own stack. One function of a program needs some 4 frames for each level of its nesting; what is deeper than this is
# reported as recursion.
_PYTHON_FRAMES = 6_000
_LONGEST_MESSAGE = 400


def main() -> None:
    """Reads ``{"code": ..., "limits": {...}}`` and writes ``{"poses": ...}`` or ``{"reason": ..., "message": ..., "line": ...}``."""
    request = json.loads(sys.stdin.buffer.read())
    limits = Limits(**request["limits"])
    confine(limits)
    try:
        reply = run(request["code"], limits)
    except MemoryError:
        reply = _report(Stopped(Reason.MEMORY, "out of memory"), None)
    sys.stdout.buffer.write(json.dumps(reply).encode())
    sys.stdout.buffer.flush()


def run(code: str, limits: Limits) -> dict[str, Any]:
    """The reply to a program. Call it in a process that may be lost."""
    interpreter = Interpreter(limits)
    try:
        if len(code.encode("utf-8", "surrogatepass")) > limits.code_bytes:
            raise Stopped(Reason.CODE_LENGTH, f"a program of more than {limits.code_bytes} bytes")
        variables = interpreter.run(parse(code, limits))
        if RESULT not in variables:
            raise Stopped(Reason.NO_POSES, f"the program leaves no variable {RESULT!r}")
        poses = [_pose(i, pose) for i, pose in enumerate(_rows(interpreter.meter, variables[RESULT]))]
    except Stopped as stop:
        return _report(stop, interpreter.meter.operations)
    return {"poses": poses, "operations": interpreter.meter.operations}


def confine(limits: Limits) -> None:
    """Takes from this process what it no longer needs. Everything that programs may call has been imported by now."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    sys.setrecursionlimit(_PYTHON_FRAMES)
    for kind, wanted in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, limits.memory_bytes),
        # Open descriptors stay usable; none can be added, for a file, a socket or a pipe.
        (resource.RLIMIT_NOFILE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (bound, bound))
    # The signal of the soft limit ends the process; that of the hard one cannot be held up.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))


def _rows(meter: Meter, value: Value) -> list[Value]:
    if not isinstance(value, list | tuple | np.ndarray) or (isinstance(value, np.ndarray) and value.ndim != 2):
        raise Stopped(Reason.BAD_POSES, f"{RESULT} is a list of (x, y, gripper), got {type_name(value)}")
    if len(value) == 0:
        raise Stopped(Reason.BAD_POSES, f"{RESULT} is empty")
    if len(value) > meter.limits.poses:
        raise Stopped(Reason.BAD_POSES, f"{RESULT} has {len(value)} poses, at most {meter.limits.poses} are allowed")
    return list(value)


def _pose(i: int, pose: Value) -> list[float]:
    """One pose as three finite numbers, the last 0 or 1."""
    if not isinstance(pose, list | tuple | np.ndarray) or len(pose) != 3:
        raise Stopped(Reason.BAD_POSES, f"pose {i} is (x, y, gripper), got {_short(pose)}")
    numbers = [part.item() if isinstance(part, np.ndarray | np.generic) and part.size == 1 else part for part in pose]
    if not all(is_number(part) and math.isfinite(part) for part in numbers):
        raise Stopped(Reason.BAD_POSES, f"pose {i} holds finite numbers, got ({', '.join(map(_short, numbers))})")
    if numbers[2] not in (0, 1):
        raise Stopped(Reason.BAD_POSES, f"the gripper of pose {i} is 0 (closed) or 1 (open), got {numbers[2]}")
    return [float(part) for part in numbers]


def _short(value: Value) -> str:
    """A number, or what the value is: a list may hold itself, so it is not written out."""
    if is_number(value):
        return repr(value)
    return f"{type_name(value)} of {len(value)}" if isinstance(value, list | tuple) else type_name(value)


def _report(stop: Stopped, operations: int | None) -> dict[str, Any]:
    message = stop.message.encode("utf-8", "replace").decode()[:_LONGEST_MESSAGE]
    return {"reason": stop.reason.value, "message": message, "line": stop.line, "operations": operations}
