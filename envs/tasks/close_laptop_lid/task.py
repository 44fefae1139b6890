"""Swing the screen of an open laptop down until it is closed."""

from __future__ import annotations

from hamster_bench.envs.task import JointCondition, Task

_INSTRUCTIONS = ("close laptop lid", "close the laptop", "shut the laptop lid")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="close_laptop_lid",
    goal="Swing the screen of an open laptop down until it is closed.",
    instructions=instructions,
    success=(JointCondition("joint", 1.79),),
    manipulated=("base_visual", "lid_visual", "laptop_holder", "base"),
)
