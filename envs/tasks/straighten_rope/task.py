"""Pull both ends of a bent rope so that it lies straight between two marks."""

from __future__ import annotations

from hamster_bench.envs.task import DetectedCondition, Task

# "is is" is upstream's own wording.
_INSTRUCTIONS = (
    "straighten rope",
    "pull the rope straight",
    "grasping each end of the rope in turn, leave the rope straight on the table",
    "pull each end of the rope until is is straight",
    "tighten the rope",
    "pull the rope tight",
)


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="straighten_rope",
    goal="Pull both ends of a bent rope so that it lies straight between two marks.",
    instructions=instructions,
    success=(DetectedCondition("head", "success_head"), DetectedCondition("tail", "success_tail")),
    manipulated=("head_tail", *(f"Cylinder{number}" for number in range(1, 17)), "head_target"),
)
