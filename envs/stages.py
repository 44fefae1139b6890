"""Stages of a task: what partial credit is given for.

They follow from the task's own success conditions, in the order in which a solution reaches them:

1. ``grasp <object>``: a tool is held, or an object that has to be brought somewhere and can be grasped.
2. ``half ...``: for what is pushed, swung or wiped, half of the way: the gap between an object and its detection volume has halved since
   the reset, a joint has travelled half of what is asked for, half of what has to be removed is gone.
3. ``<object> in place``, ``<joint> moved``, ``all removed``: the conditions of one object hold.
4. ``success``: all conditions hold at the same moment, where that is more than the last of these.

A stage counts as reached when it holds at the end of an action, and stays reached whatever happens later; reaching a stage includes those
before it that lead to it alone. That the gripper holds nothing is true at the start and is no stage. What the reset has reached already,
such as chess pieces that stand on their squares, is no achievement: it is left out of the share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hamster_bench.envs.task import (
    Condition,
    DetectedCondition,
    EmptyCondition,
    GraspedCondition,
    JointCondition,
    Task,
)


@dataclass(frozen=True)
class HalfWayCondition:
    """True when the gap between ``object`` and the detection volume ``volume`` is at most half of what it was at reset."""

    object: str
    volume: str


@dataclass(frozen=True)
class HalfEmptyCondition:
    """True when at most half of the task's removable objects are left."""


StageCondition = Condition | HalfWayCondition | HalfEmptyCondition


@dataclass(frozen=True)
class Stage:
    """One stage of a task.

    Attributes:
        name: what is reached, for instance ``"grasp cup1"``.
        conditions: what must hold at the same moment.
        includes: places in the list of stages of those that lead to this one; reaching this one reaches them.
    """

    name: str
    conditions: tuple[StageCondition, ...]
    includes: tuple[int, ...] = ()


def task_stages(task: Task, variation: int) -> tuple[Stage, ...]:
    """Stages of a variation of a task, in order; the last one is success."""
    conditions = task.conditions(variation)
    stages: list[Stage] = []
    held = {c.object for c in conditions if isinstance(c, GraspedCondition)}
    brought = list(dict.fromkeys(c.object for c in conditions if isinstance(c, DetectedCondition)))
    if not held and not set(brought) & set(task.graspable):
        # No condition speaks of what can be grasped: it is a tool.
        held = set(task.graspable)
    stages += [Stage(f"grasp {name}", (GraspedCondition(name),)) for name in task.graspable if name in held]
    for name in brought:
        of_object = tuple(c for c in conditions if isinstance(c, DetectedCondition) and c.object == name)
        if name in task.graspable:
            first = Stage(f"grasp {name}", (GraspedCondition(name),))
        else:
            first = Stage(f"half {name}", tuple(HalfWayCondition(c.object, c.volume) for c in of_object))
        stages += [first, Stage(f"{name} in place", of_object, (len(stages),))]
    for condition in conditions:
        if isinstance(condition, JointCondition):
            half = JointCondition(condition.joint, condition.threshold / 2)
            stages += [Stage(f"half {condition.joint}", (half,)), Stage(f"{condition.joint} moved", (condition,), (len(stages),))]
        elif isinstance(condition, EmptyCondition):
            stages += [Stage("half removed", (HalfEmptyCondition(),)), Stage("all removed", (condition,), (len(stages),))]
    everything = tuple(range(len(stages)))
    if stages and stages[-1].conditions == conditions:
        stages[-1] = Stage(stages[-1].name, conditions, everything[:-1])
    else:
        stages.append(Stage("success", conditions, everything))
    return tuple(stages)


def share_reached(at_reset: Sequence[bool], reached: Sequence[bool]) -> float:
    """Share of the stages that were not reached at reset already which are reached now, 0 to 1."""
    counted = [now for before, now in zip(at_reset, reached, strict=True) if not before]
    return sum(counted) / len(counted)
