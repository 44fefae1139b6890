"""Pick up the named piece of meat and put it on the grill.

The original's model file of this task is not available: only names, instructions, variations, success rule, graspable objects, base
rotation and the handling of waypoint1 are the original's. The rest is listed under `own_choices`.
"""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas
from hamster_bench.envs.task import DetectedCondition, NothingGrasped, SceneEditor, Task

_MEATS = ("chicken", "steak")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the meat of a variation."""
    meat = _MEATS[variation]
    return (
        f"put the {meat} on the grill",
        f"pick up the {meat} and place it on the grill",
        f"grill the {meat}",
    )


def arrange(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Moves the grasp pose, its height and orientation kept, to the named meat."""
    grasp = scene.pose("waypoint1")
    grasp[:2] = scene.pose(_MEATS[variation])[:2]
    scene.set_pose("waypoint1", grasp)


TASK = Task(
    name="meat_on_grill",
    goal="Pick up the named piece of meat and put it on the grill.",
    instructions=instructions,
    success=(NothingGrasped(),),
    success_by_variation=tuple(DetectedCondition(meat, "success") for meat in _MEATS),
    variation_count=len(_MEATS),
    variation_meaning="which meat: 0 chicken, 1 steak",
    graspable=_MEATS,
    arrange=arrange,
    own_choices=(
        "The grill: a bowl of 0.30 x 0.25 m on legs, its grate 0.118 m above the table.",
        "The meat: a drumstick of 0.12 kg and a steak of 0.2 kg, 0.15 m apart on the table, far enough from the grill to be seen by the "
        "front camera from behind it.",
        "All waypoints: 0 is 0.1 m above the meat (fingers open), 1 the grasp 0.014 m above the table (fingers close), 2 lifts by 0.188 m "
        "(ignore_collisions), 3 is 0.1 m above the grate, 4 puts the meat down (ignore_collisions, fingers open).",
        "The detection volume: 0.26 x 0.21 m on the grate, 0.02 m high.",
        "The spawn area for distractors, the placement box, and friction.",
    ),
    manipulated=_MEATS,
    receiver=("grill",),
    factors={
        "man_obj_col": ColorTargets(("chicken_visual", "steak_visual")),
        "man_obj_siz": SizeTargets(("chicken", "steak"), 0.65, 1.15, same=True, along=("waypoint1",)),
        "rec_obj_col": ColorTargets(("grill_visual",)),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
    },
)
