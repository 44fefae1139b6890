"""Textures on surfaces, for the factors that draw them."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_names
from hamster_bench.envs.factors.contract import Draw, Factor, Setting
from hamster_bench.envs.factors.textures import load_texture, texture_names
from hamster_bench.envs.targets import TextureTargets
from hamster_bench.envs.task import Task


def surface_texture_factor(name: str, column: str, surface: str, summary: str, distribution: str) -> Factor:
    """A factor that covers one surface of the room."""

    def draw(setting: Setting, rng: np.random.Generator) -> Draw:
        return {"texture": _draw_texture(setting, rng)}

    def apply(setting: Setting, drawn: Draw) -> None:
        _cover(setting, surface, drawn["texture"])

    return Factor(name=name, column=column, summary=summary, distribution=distribution, draw=draw, apply=apply)


def object_texture_factor(name: str, column: str, objects: str) -> Factor:
    """A factor that covers the objects a task names for it in its `TextureTargets`, each with a texture of its own."""

    def targets(task: Task) -> TextureTargets:
        found = task.factors[name]
        assert isinstance(found, TextureTargets)
        return found

    def is_defined(task: Task) -> bool:
        return name in task.factors and targets(task).alone

    def draw(setting: Setting, rng: np.random.Generator) -> Draw:
        return {"textures": {target: _draw_texture(setting, rng) for target in targets(setting.task).objects}}

    def apply(setting: Setting, drawn: Draw) -> None:
        check_names(drawn["textures"], targets(setting.task).objects)
        skipped = targets(setting.task).compound if "plain_shapes_only" in setting.materials.compat else ()
        for target, texture in drawn["textures"].items():
            if target not in skipped:
                _cover(setting, target, texture)

    return Factor(
        name=name,
        column=column,
        summary=f"textures of {objects}, each its own",
        distribution="uniform over the textures",
        is_defined=is_defined,
        draw=draw,
        apply=apply,
    )


def _draw_texture(setting: Setting, rng: np.random.Generator) -> str:
    names = texture_names(setting.materials.textures)
    return names[int(rng.integers(len(names)))]


def _cover(setting: Setting, surface: str, texture: str) -> None:
    setting.scene.set_texture(surface, load_texture(texture, setting.materials.textures))
