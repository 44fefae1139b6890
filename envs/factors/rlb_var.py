"""RLBench's own variations: another goal, number of objects or colour of them."""

from __future__ import annotations

from hamster_bench.envs.factors.contract import Factor
from hamster_bench.envs.task import Task


def is_defined(task: Task) -> bool:
    """Of a single variation there is nothing to draw."""
    return task.variation_count > 1


FACTOR = Factor(
    name="rlb_var",
    column="rlb var",
    summary="the task's RLBench variation",
    distribution="uniform over the task's variations",
    is_defined=is_defined,
)
