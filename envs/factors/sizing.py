"""Sizes of objects, for the factors that draw them."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_names, check_numbers
from hamster_bench.envs.factors.contract import Draw, Factor, Setting
from hamster_bench.envs.targets import SizeTargets
from hamster_bench.envs.task import Task


def object_size_factor(name: str, column: str, objects: str) -> Factor:
    """A factor that scales the objects a task names for it in its `SizeTargets`."""

    def targets(task: Task) -> SizeTargets:
        found = task.factors[name]
        assert isinstance(found, SizeTargets)
        return found

    def is_defined(task: Task) -> bool:
        return name in task.factors

    def draw(setting: Setting, rng: np.random.Generator) -> Draw:
        sizes = targets(setting.task)
        if sizes.same:
            return {"scales": dict.fromkeys(sizes.objects, float(rng.uniform(sizes.low, sizes.high)))}
        return {"scales": {body: float(rng.uniform(sizes.low, sizes.high)) for body in sizes.objects}}

    def apply(setting: Setting, drawn: Draw) -> None:
        sizes = targets(setting.task)
        check_names(drawn["scales"], sizes.objects)
        for scale in drawn["scales"].values():
            check_numbers(scale, sizes.low, sizes.high)
        setting.scene.scale(sizes, drawn["scales"])

    return Factor(
        name=name,
        column=column,
        summary=f"sizes of {objects}, with everything on them",
        distribution="scale uniform in the task's range",
        is_defined=is_defined,
        draw=draw,
        apply=apply,
    )
