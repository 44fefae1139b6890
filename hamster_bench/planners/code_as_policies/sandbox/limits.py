"""How much a program may use, and the reasons for which it is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one run.

    The first group decides how a program ends and counts nothing that depends on the machine. The second group stands behind it, in
    case something slips through, and is generous enough that it decides nothing otherwise: the whole budget of operations takes well
    under a second.

    Attributes:
        code_bytes: length of the program [bytes of UTF-8].
        nodes: nodes of its syntax tree.
        depth: nesting of its syntax tree.
        operations: steps of the interpreter, with one for every element of a list, string or array that is made or read as a whole.
        call_depth: functions that are running inside one another.
        length: elements of a list, tuple, dict or array, characters of a string.
        poses: entries of ``robot_poses``.
        cpu_s: processor time [s], whole seconds.
        memory_bytes: address space of the process [bytes], including the interpreter and numpy.
        wall_s: time until the process is killed [s].
        reply_bytes: length of what the process may answer [bytes].
    """

    code_bytes: int = 16_000
    nodes: int = 5_000
    depth: int = 60
    operations: int = 200_000
    call_depth: int = 40
    length: int = 10_000
    poses: int = 1_000

    cpu_s: int = 10
    memory_bytes: int = 1 << 30
    wall_s: float = 60.0
    reply_bytes: int = 200_000


# Larger integers are of no use for a path, and arithmetic on them has no bound in time or memory.
INTEGER_BITS = 63


class Reason(StrEnum):
    """Why a program gave no poses."""

    CODE_LENGTH = "code_length"
    SYNTAX = "syntax"
    FORBIDDEN = "forbidden"
    PROGRAM_ERROR = "program_error"
    OPERATIONS = "operations"
    RECURSION = "recursion"
    SIZE = "size"
    MEMORY = "memory"
    CPU_TIME = "cpu_time"
    WALL_TIME = "wall_time"
    CRASHED = "crashed"
    NO_POSES = "no_poses"
    BAD_POSES = "bad_poses"


class Stopped(Exception):  # noqa: N818 - may be the program's own end, not a fault of ours
    """A program was stopped.

    Attributes:
        reason: why.
        message: in words, for a person.
        line: line of the program it was in, None where there is none.
    """

    def __init__(self, reason: Reason, message: str, line: int | None = None) -> None:
        self.reason = reason
        self.message = message
        self.line = line
        super().__init__(message)


class Meter:
    """Counts what a program uses and stops it at its limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.operations = 0

    def charge(self, operations: int = 1) -> None:
        """Uses up operations.

        Raises:
            Stopped: none are left.
        """
        self.operations += operations
        if self.operations > self.limits.operations:
            raise Stopped(Reason.OPERATIONS, f"more than {self.limits.operations} operations")

    def allot(self, length: int) -> None:
        """Asks for a collection of ``length`` elements, before it is made.

        Raises:
            Stopped: it would be too long, or too few operations are left for it.
        """
        self.fit(length)
        self.charge(length)

    def fit(self, length: int) -> None:
        """Tests the length of a collection that grows.

        Raises:
            Stopped: it is too long.
        """
        if length > self.limits.length:
            raise Stopped(Reason.SIZE, f"{length} elements in one place, at most {self.limits.length} are allowed")
