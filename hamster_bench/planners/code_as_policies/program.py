"""From a model's answer to the program in it, and from the program's poses to a path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hamster_bench.paths.path import Path2D
from hamster_bench.planners.code_as_policies.sandbox.process import Pose

# As with written answers: what points at the border often ends a little outside. Up to a tenth of the image is put back to the border.
LARGEST_OVERSHOOT = 0.1
_FEWEST_POSES = 2
_LONGEST_ANSWER = 100_000

_OPENING, _CLOSING, _FENCE = "<code>", "</code>", "```"


class NoPathError(Exception):
    """An answer holds no program, or poses are no path.

    Attributes:
        reason: ``"answer_length"``, ``"no_code"``, ``"too_few_points"`` or ``"out_of_range"``.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True)
class Program:
    """A program as it was found in an answer.

    Attributes:
        code: its text.
        repairs: what had to be forgiven: ``"no_code_tag"`` (a fenced block was taken), ``"unclosed_code"`` (read to the end).
    """

    code: str
    repairs: tuple[str, ...] = ()


def find_program(answer: str) -> Program:
    """The program in an answer: what stands between the last ``<code>`` and the ``</code>`` after it.

    Models think first and answer then, so the last counts. Letter case of the tags does not count, nor do Markdown fences inside them.
    Without tags the last fenced block is taken.

    Raises:
        NoPathError: there is none.
    """
    if len(answer) > _LONGEST_ANSWER:
        raise NoPathError("answer_length", f"an answer of {len(answer)} characters, at most {_LONGEST_ANSWER} are read")
    # Lowering a letter may change its length, so only the tags' own letters are lowered.
    lowered = answer.translate(_LOWER)
    start = lowered.rfind(_OPENING)
    repairs: tuple[str, ...] = ()
    if start >= 0:
        start += len(_OPENING)
        end = lowered.find(_CLOSING, start)
        if end < 0:
            end, repairs = len(answer), ("unclosed_code",)
        code = _without_fences(answer[start:end])
    else:
        pieces = answer.split(_FENCE)
        # Fences come in pairs: every second piece is inside of one.
        inside = pieces[1::2]
        code, repairs = _without_fences(f"{_FENCE}{inside[-1]}" if inside else ""), ("no_code_tag",)
    if not code.strip():
        raise NoPathError("no_code", "the answer holds no program between <code> and </code>")
    return Program(code, repairs)


_LOWER = str.maketrans("CODE", "code")


def _without_fences(block: str) -> str:
    """The block without a line that opens a Markdown fence at its beginning and what follows the fence that closes it."""
    block = block.strip("\r\n")
    if block.lstrip().startswith(_FENCE):
        _, _, block = block.lstrip().partition("\n")
        block, _, _ = block.partition(_FENCE)
    return block.strip("\r\n")


def poses_to_path(poses: tuple[Pose, ...]) -> tuple[Path2D, tuple[str, ...]]:
    """The path that poses make, and what had to be forgiven: ``"clipped"`` where a pose was moved to the border.

    A pose becomes a point with its own gripper state. Up to a tenth of the image outside is moved to the border.

    Args:
        poses: x, y [fraction of the image] and gripper (True open), finite.

    Raises:
        NoPathError: fewer than two poses, or one lies farther outside.
    """
    if len(poses) < _FEWEST_POSES:
        raise NoPathError("too_few_points", f"a path has at least {_FEWEST_POSES} points, the program left {len(poses)}")
    points = np.array([(x, y) for x, y, _ in poses])
    clipped = np.clip(points, 0.0, 1.0)
    beyond = np.abs(points - clipped).max(axis=1)
    if beyond.max() > LARGEST_OVERSHOOT:
        i = int(np.argmax(beyond))
        raise NoPathError(
            "out_of_range", f"pose {i} at {points[i].tolist()} lies outside the unit square by more than {LARGEST_OVERSHOOT}"
        )
    return Path2D(clipped, [gripper for *_, gripper in poses]), ("clipped",) if beyond.max() > 0.0 else ()
