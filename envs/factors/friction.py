"""Friction of a task's objects."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_names, check_numbers
from hamster_bench.envs.factors.contract import Draw, Factor, Setting
from hamster_bench.envs.targets import FrictionTargets
from hamster_bench.envs.task import Task

_NAME = "friction"


def is_defined(task: Task) -> bool:
    """Whether the task names objects for it."""
    return _NAME in task.factors


def draw(setting: Setting, rng: np.random.Generator) -> Draw:
    """One coefficient for all objects."""
    targets = setting.task.factors[_NAME]
    assert isinstance(targets, FrictionTargets)
    return {"frictions": dict.fromkeys(targets.objects, float(rng.uniform(targets.low, targets.high)))}


def apply(setting: Setting, drawn: Draw) -> None:
    """Sets the coefficients."""
    targets = setting.task.factors[_NAME]
    assert isinstance(targets, FrictionTargets)
    check_names(drawn["frictions"], targets.objects)
    for body, coefficient in drawn["frictions"].items():
        check_numbers(coefficient, targets.low, targets.high)
        setting.scene.set_friction(body, coefficient)


FACTOR = Factor(
    name=_NAME,
    column="friction",
    summary="coefficient of sliding friction of certain objects",
    distribution="uniform in the task's range, one for all objects",
    is_defined=is_defined,
    draw=draw,
    apply=apply,
    is_column=False,
)
