"""Take the wine bottle and slide it into the named slot of the rack."""

from __future__ import annotations

import math

from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, NothingGrasped, SceneEditor, Step, Task

_LOCATIONS = ("middle", "left", "right")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the slot of a variation."""
    location = _LOCATIONS[variation]
    return (
        f"stack the wine bottle to the {location} of the rack",
        f"slide the bottle onto the {location} part of the rack",
        f"put the wine on the {location}",
        f"leave the wine on the {location} section of the shelf",
        f"grasp the bottle and put it away on the {location}",
    )


def solution(scene: SceneEditor, variation: int) -> tuple[Step, ...]:
    """Takes the bottle, then follows the pair of waypoints that belongs to the slot: 3 and 4, 5 and 6, or 7 and 8."""
    before, inserted = 3 + 2 * variation, 4 + 2 * variation
    return tuple(Step(f"waypoint{index}") for index in (0, 1, 2, before, inserted))


TASK = Task(
    name="place_wine_at_rack_location",
    goal="Take the wine bottle and slide it into the named slot of the rack.",
    instructions=instructions,
    success=(NothingGrasped(),),
    success_by_variation=tuple(DetectedCondition("wine_bottle", f"success_{location}") for location in _LOCATIONS),
    variation_count=len(_LOCATIONS),
    variation_meaning="slot: 0 middle, 1 left, 2 right",
    graspable=("wine_bottle",),
    base_rotation=(-math.pi / 4, math.pi / 4),
    solution=solution,
    own_choices=(
        "The slats of the rack and the outlines of bottle and boards are fitted to recorded depth images and to where the original's "
        "bottle came to rest.",
        "The bottle's collision shape is a capsule on a narrower foot with a cylinder for the neck.",
        "Friction everywhere.",
    ),
    manipulated=("wine_bottle",),
    receiver=("rack_bottom", "rack_top"),
    factors={
        "man_obj_col": ColorTargets(("wine_bottle_visual",)),
        "man_obj_siz": SizeTargets(("wine_bottle",), 0.85, 1.15),
        "rec_obj_col": ColorTargets(("rack_bottom_visual", "rack_top_visual")),
        "rec_obj_siz": SizeTargets(
            ("rack_bottom", "rack_top"),
            0.85,
            1.15,
            same=True,
            together=True,
            along=("success_left", "success_middle", "success_right"),
        ),
        "rec_obj_tex": TextureTargets(("rack_bottom_visual", "rack_top_visual")),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
    },
)
