"""Mass of a task's objects."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_names, check_numbers
from hamster_bench.envs.factors.contract import Draw, Factor, Setting
from hamster_bench.envs.targets import MassTargets
from hamster_bench.envs.task import Task

_NAME = "mass"


def is_defined(task: Task) -> bool:
    """Whether the task names objects for it."""
    return _NAME in task.factors


def draw(setting: Setting, rng: np.random.Generator) -> Draw:
    """A mass [kg] for every object."""
    targets = setting.task.factors[_NAME]
    assert isinstance(targets, MassTargets)
    return {"masses": {body: float(rng.uniform(low, high)) for body, low, high in targets.ranges}}


def apply(setting: Setting, drawn: Draw) -> None:
    """Sets the masses."""
    targets = setting.task.factors[_NAME]
    assert isinstance(targets, MassTargets)
    check_names(drawn["masses"], (body for body, _, _ in targets.ranges))
    for body, low, high in targets.ranges:
        check_numbers(drawn["masses"][body], low, high)
        setting.scene.set_mass(body, drawn["masses"][body])


FACTOR = Factor(
    name=_NAME,
    column="mass",
    summary="masses of certain objects",
    distribution="uniform in the object's range, each by itself",
    is_defined=is_defined,
    draw=draw,
    apply=apply,
    is_column=False,
)
