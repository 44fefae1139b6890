"""Take the stack of bank notes from the top of the safe and leave it on the named shelf inside."""

from __future__ import annotations

import math

import numpy as np

from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, NothingGrasped, SceneEditor, Task

_SHELVES = ("bottom", "middle", "top")

# Half heights [m] of the safe and of the stack that lies on it.
_SAFE_HALF_HEIGHT = 0.2475
_STACK_HALF_HEIGHT = 0.016


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the shelf of a variation."""
    shelf = _SHELVES[variation]
    return (
        f"put the money away in the safe on the {shelf} shelf",
        f"leave the money on the {shelf} shelf on the safe",
        f"place the stack of bank notes on the {shelf} shelf of the safe",
    )


def arrange(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Lays the money at random on top of the safe and moves the place pose, its orientation kept, to the shelf."""
    stack = scene.pose("dollar_stack")
    # The stored pose is 6 mm above the safe.
    stack[2] = scene.pose("safe_body")[2] + _SAFE_HALF_HEIGHT + _STACK_HALF_HEIGHT
    scene.set_pose("dollar_stack", stack)
    scene.sample("dollar_stack", "dollar_stack_boundary", rng, rotation=(0.0, math.pi / 2))
    place = scene.pose("waypoint4")
    place[:3] = scene.pose(f"dummy_shelf{variation}")[:3]
    scene.set_pose("waypoint4", place)


TASK = Task(
    name="put_money_in_safe",
    goal="Take the stack of bank notes from the top of the safe and leave it on the named shelf inside.",
    instructions=instructions,
    success=(NothingGrasped(),),
    success_by_variation=tuple(DetectedCondition("dollar_stack", f"success_detector{i}") for i in range(len(_SHELVES))),
    variation_count=len(_SHELVES),
    variation_meaning="shelf: 0 bottom, 1 middle, 2 top",
    graspable=("dollar_stack",),
    base_rotation=(0.0, math.pi / 2),
    arrange=arrange,
    own_choices=(
        "Walls, plates and shelves of the safe are fitted to the recorded bounding boxes and to the detection volumes; the shelves' upper "
        "sides are where the volumes begin, up to 3.5 mm lower than where the original's money came to rest, because held money collides "
        "here and does not there.",
        "The door is a hinge with friction; the original's is fixed in its open pose.",
        "Friction everywhere.",
        "The dial, the wheel and the raised borders of the safe, and the print on the notes.",
    ),
    manipulated=("dollar_stack",),
    receiver=("safe_body", "safe_door"),
    factors={
        "man_obj_col": ColorTargets(("dollar_stack", "dollar_back_visual", "dollar_front_visual"), same=True),
        "man_obj_siz": SizeTargets(("dollar_stack",), 0.5, 1.0, level_waypoints=("waypoint0", "waypoint1")),
        "man_obj_tex": TextureTargets(
            ("dollar_back_visual", "dollar_front_visual", "dollar_stack"), compound=("dollar_back_visual", "dollar_front_visual")
        ),
        "rec_obj_col": ColorTargets(("safe_door", "safe_body"), same=True),
        "rec_obj_tex": TextureTargets(("safe_body", "safe_door"), compound=("safe_body",)),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
    },
)
