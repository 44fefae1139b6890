"""Wipe all dirt spots off the marked area of the table with the sponge."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.targets import ColorTargets, FrictionTargets, MassTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import EmptyCondition, Removal, SceneEditor, Task

_INSTRUCTIONS = (
    "wipe dirt off the desk",
    "use the sponge to clean up the desk",
    "remove the dirt from the desk",
    "grip the sponge and wipe it back and forth over any dirt you see",
    "clean up the mess",
    "wipe the dirt up",
)

_DIRT = tuple(f"dirt{i}" for i in range(50))
_SPOT_SIZE = 0.005
# Half the edge [m] of the area that holds the spots, and their height [m] above it.
_AREA_HALF_SIZE = 0.1493
_SPOT_HEIGHT = 0.001


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


def arrange(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Scatters the spots over the area, none over its border and none over another."""
    area = scene.pose("dirt_boundary")
    reach = _AREA_HALF_SIZE - _SPOT_SIZE / 2
    taken = np.empty((0, 2))
    for spot in _DIRT:
        # Fifty spots cover at most a sixteenth of the places a spot can take, so a free one comes soon.
        place = rng.uniform(-reach, reach, 2)
        while len(taken) and (np.abs(taken - place).max(axis=1) < _SPOT_SIZE).any():
            place = rng.uniform(-reach, reach, 2)
        taken = np.vstack([taken, place])
        scene.set_pose(spot, [*(area[:2] + place), area[2] + _SPOT_HEIGHT, 0.0, 0.0, 0.0, 1.0])


TASK = Task(
    name="wipe_desk",
    goal="Wipe all dirt spots off the marked area of the table with the sponge.",
    instructions=instructions,
    success=(EmptyCondition(),),
    graspable=("sponge",),
    arrange=arrange,
    removal=Removal("sponge_sensor", _DIRT),
    own_choices=(
        "Friction of the sponge, within the bounds of the friction factor.",
        "The sponge's outline: two round lobes and a waist as wide as the colliding box, so that the open fingers go around it.",
        "No spot lies over another.",
        "The spots are darker than stored, since this room's light is brighter than the original's.",
        "Spots vanish once in every control step of 0.05 s, all that lie in the sensor; the original may overlook some of them for a "
        "step.",
    ),
    manipulated=("sponge", "sponge_visual"),
    factors={
        "man_obj_col": ColorTargets(("sponge_visual",)),
        "man_obj_siz": SizeTargets(
            ("sponge",),
            0.75,
            1.25,
            # The middle of the underside.
            working_points=(("sponge", (0.0, 0.0, -0.01638)),),
        ),
        "man_obj_tex": TextureTargets(("sponge_visual",)),
        "distractor": SpawnAreas((("spawn_boundary0", 2),), lookalikes=("bar_of_soap", "foam_brick")),
        "friction": FrictionTargets(("sponge",), 0.75, 1.0),
        "mass": MassTargets((("sponge", 1.0, 5.0),)),
    },
)
