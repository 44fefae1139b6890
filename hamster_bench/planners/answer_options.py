"""How a remote model's answer is kept and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from hamster_bench.errors import UnknownNameError
from hamster_bench.paths.grammar import Scale

Start = Literal["closed", "open", "observed"]


@dataclass(frozen=True, kw_only=True)
class AnswerOptions:
    """How a remote model's answer is kept and read.

    Attributes:
        scale: what its coordinates are written in; never guessed.
        start: gripper state until the answer's first action: ``"closed"`` as HAMSTER's published program has it, ``"open"``, or
            ``"observed"``, the state the gripper really has.
        cache: answers are kept in the user's cache directory, and the same question is not asked again.
    """

    scale: Scale = "fraction"
    start: Start = "closed"
    cache: bool = True

    def __post_init__(self) -> None:
        for name, allowed in (("scale", get_args(Scale)), ("start", get_args(Start))):
            if getattr(self, name) not in allowed:
                raise UnknownNameError(name, getattr(self, name), allowed)

    def start_open(self, observed: bool | None) -> bool:
        """The gripper state until the answer's first action; an unknown one counts as open, as robots begin."""
        if self.start == "observed":
            return observed is not False
        return self.start == "open"
