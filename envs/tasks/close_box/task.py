"""Shut the hinged lid of an open box standing on the table."""

from __future__ import annotations

import math

from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import JointCondition, Task

_INSTRUCTIONS = ("close box", "close the lid on the box", "shut the box", "shut the box lid")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="close_box",
    goal="Shut the hinged lid of an open box standing on the table.",
    instructions=instructions,
    success=(JointCondition("box_joint", 2.6),),
    base_rotation=(-math.pi / 8, math.pi / 8),
    own_choices=(
        "Friction everywhere, and the damping of the hinge: the lid stands open by itself, and once past the vertical "
        "falls shut in about a second.",
        "The lid is stopped by the joint's limits alone; lid and box do not collide with each other.",
        "The thickness of walls and floor, fitted to the recorded bounding box and mass, and the felt.",
    ),
    manipulated=("box_base", "box_lid"),
    factors={
        "man_obj_col": ColorTargets(("box_base_visual", "box_lid_visual")),
        "man_obj_siz": SizeTargets(("box_base",), 0.75, 1.15),
        "man_obj_tex": TextureTargets(("box_base_visual", "box_lid_visual"), compound=("box_base_visual",), alone=False),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
    },
)
