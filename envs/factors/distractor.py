"""Distractors: things on the table that have nothing to do with the task."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.factors.checks import check_numbers
from hamster_bench.envs.factors.contract import DistractorPlacement, Draw, Factor, Setting
from hamster_bench.envs.factors.distractor_objects.pool import SIZES, pool, pool_object
from hamster_bench.envs.targets import SpawnAreas
from hamster_bench.envs.task import Task
from hamster_bench.errors import PlacementError, UnknownNameError

_NAME = "distractor"

# Upstream's smallest distance between the centres of two distractors [m], and its number of tries.
_APART = 0.05
_TRIES = 100
# Clear space around a distractor, to everything else [m].
_MARGIN = 0.01
# Where a spawn area is full, the tries go on in areas grown by these factors, in turn.
_GROWTH = (1.0, 1.5, 2.0, 3.0)
# From the task base to the far corners of the table is less [m].
_FURTHEST = 2.0


def is_defined(task: Task) -> bool:
    """Whether the task names spawn areas."""
    return _NAME in task.factors


def draw(setting: Setting, rng: np.random.Generator) -> Draw:
    """Kinds, sizes and free places.

    Raises:
        PlacementError: there is no free place for one of the objects, not even outside its spawn area.
    """
    targets = setting.task.factors[_NAME]
    assert isinstance(targets, SpawnAreas)
    names = pool(targets.lookalikes, setting.materials.distractors)
    objects: list[dict[str, Any]] = []
    # Kinds and sizes come first, so that they do not depend on how many tries the places take.
    wanted = [
        (area, names[int(rng.integers(len(names)))], SIZES[int(rng.integers(len(SIZES)))])
        for area, count in targets.areas
        for _ in range(count)
    ]
    # Two of a kind are of one size.
    sizes = {kind: scale for _, kind, scale in reversed(wanted)}
    taken: list[tuple[NDArray[np.float64], float]] = []
    for area, kind, _ in wanted:
        scale = sizes[kind]
        # The natural size is at hand; another would be made anew.
        thing = pool_object(kind, 1.0, setting.materials.distractors)
        radius, height = scale * thing.footprint_radius, scale * thing.height
        pose = _free_place(setting, area, radius, height, taken, rng)
        taken.append((pose[:2], radius))
        objects.append({"kind": kind, "scale": scale, "area": area, "pose_base": pose.tolist()})
    return {"objects": objects}


def apply(setting: Setting, drawn: Draw) -> None:
    """Puts the objects on the table."""
    targets = setting.task.factors[_NAME]
    assert isinstance(targets, SpawnAreas)
    kinds = pool(targets.lookalikes, setting.materials.distractors)
    if len(drawn["objects"]) != sum(count for _, count in targets.areas):
        raise ValueError(f"there must be {sum(count for _, count in targets.areas)} objects, got {len(drawn['objects'])}")
    for thing in drawn["objects"]:
        if thing["kind"] not in kinds:
            raise UnknownNameError("distractor", thing["kind"], kinds)
        if thing["scale"] not in SIZES:
            raise ValueError(f"the scale {thing['scale']!r} is none of {', '.join(map(str, SIZES))}")
        check_numbers(thing["pose_base"], -_FURTHEST, _FURTHEST, 7)
    setting.scene.add_distractors(
        [DistractorPlacement(o["kind"], o["scale"], tuple(o["pose_base"])) for o in drawn["objects"]],
        setting.materials.distractors,
    )


def _free_place(
    setting: Setting,
    area: str,
    radius: float,
    height: float,
    taken: list[tuple[NDArray[np.float64], float]],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """A pose (7,) in the task base frame at which the object touches nothing and is seen, on the area if it has room."""
    half = np.array(setting.scene.area_half_size(area))
    for growth in _GROWTH:
        for _ in range(_TRIES):
            x, y = rng.uniform(-growth * half, growth * half)
            pose = setting.scene.on_area(area, float(x), float(y))
            apart = (math.dist(pose[:2], place) > max(_APART, radius + other + _MARGIN) for place, other in taken)
            if (
                all(apart)
                and setting.scene.is_seen(pose, height)
                and setting.scene.is_free(pose, radius + _MARGIN, height + _MARGIN)
            ):
                return pose
    raise PlacementError(f"there is no free place for a distractor of {2 * radius:.2f} m across on or around {area!r}")


FACTOR = Factor(
    name=_NAME,
    column="distractor",
    summary="household objects on the table",
    distribution="kind uniform over the objects, size over three; place uniform over what of the task's spawn area is free and seen",
    is_defined=is_defined,
    draw=draw,
    apply=apply,
)
