"""Colours of objects, for the factors that draw them."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.factors.checks import check_names
from hamster_bench.envs.factors.contract import Draw, Factor, FactorScene, Setting
from hamster_bench.envs.targets import ColorTargets
from hamster_bench.envs.task import Task

_RGB = dict(COLORS)

# A factor that leaves an object as it is tests nothing: colours of the table nearer than this to the object's own are not drawn.
_LEAST_DISTANCE = 0.25


def object_color_factor(name: str, column: str, objects: str) -> Factor:
    """A factor that paints the objects a task names for it in its `ColorTargets`."""

    def is_defined(task: Task) -> bool:
        return name in task.factors

    def draw(setting: Setting, rng: np.random.Generator) -> Draw:
        return {"colors": _draw_colors(setting, color_targets(setting.task, name), rng)}

    def apply(setting: Setting, drawn: Draw) -> None:
        targets = color_targets(setting.task, name)
        check_names(drawn["colors"], targets.objects)
        if "paint_wins" in setting.materials.compat and targets.named is not None:
            return
        for target, color in drawn["colors"].items():
            setting.scene.set_color(target, _RGB[color])

    return Factor(
        name=name,
        column=column,
        summary=f"colours of {objects}",
        distribution="uniform over the colours of RLBench's table of 20 that differ from the object's own",
        is_defined=is_defined,
        draw=draw,
        apply=apply,
    )


def color_targets(task: Task, name: str) -> ColorTargets:
    """What a colour factor acts on in a task that defines it."""
    found = task.factors[name]
    assert isinstance(found, ColorTargets)
    return found


def _draw_colors(setting: Setting, targets: ColorTargets, rng: np.random.Generator) -> dict[str, str]:
    if targets.same:
        # Far from the colours of all of them.
        color = _draw(rng, *(_others(setting.scene, target) for target in targets.objects))
        return dict.fromkeys(targets.objects, color)
    choices = {target: _others(setting.scene, target) for target in targets.objects}
    if targets.named is None:
        return {target: _draw(rng, choices[target]) for target in targets.objects}
    # The instruction must fit one object alone.
    named = targets.named(setting.scene)
    taken = _draw(rng, choices[named])
    return {
        target: taken if target == named else _draw(rng, [color for color in choices[target] if color != taken])
        for target in targets.objects
    }


def _draw(rng: np.random.Generator, *choices: list[str]) -> str:
    """One of the colours that all lists hold."""
    common = [color for color in choices[0] if all(color in other for other in choices[1:])]
    return common[int(rng.integers(len(common)))]


def _others(scene: FactorScene, target: str) -> list[str]:
    """Colours that are clearly not the target's own, in the order of the table."""
    own = scene.color(target)
    return [color for color, rgb in COLORS if float(np.linalg.norm(np.subtract(rgb, own))) > _LEAST_DISTANCE]
