"""Grasp the stick and use it to drag the cube onto the coloured square."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.targets import ColorTargets, FrictionTargets, MassTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, SceneEditor, Task


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the colour of the target square; "the its other end" is upstream's own wording."""
    color, _ = COLORS[variation]
    return (
        f"use the stick to drag the cube onto the {color} target",
        f"pick up the stick and use it to push or pull the cube onto the {color} target",
        f"drag the block towards the {color} square on the table top",
        f"grasping the stick by one end, pick it up and use the its other end to move the block onto the {color} target",
    )


def paint(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Gives the target square the variation's colour."""
    _, rgb = COLORS[variation]
    scene.set_color("target0", rgb)


TASK = Task(
    name="reach_and_drag",
    goal="Grasp the stick and use it to drag the cube onto the coloured square.",
    instructions=instructions,
    success=(DetectedCondition("cube", "success0"),),
    variation_count=len(COLORS),
    variation_meaning="colour of the target square (index in the colour table)",
    graspable=("stick",),
    paint=paint,
    own_choices=(
        "Friction: the table decides how the cube slides, and the leaning stick stays where it is.",
        "Layouts in which the dragging motion cannot be a straight line are drawn again.",
        "The square is a sheet on the table that nothing collides with.",
    ),
    manipulated=("stick",),
    receiver=("cube",),
    factors={
        "man_obj_col": ColorTargets(("stick",)),
        "man_obj_siz": SizeTargets(
            ("stick",),
            0.8,
            1.1,
            # The lower end; the stick leans on the cube.
            working_points=(("stick", (0.0, 0.0, -0.18)),),
            leaning=(("stick", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)),),
        ),
        "man_obj_tex": TextureTargets(("stick",)),
        "rec_obj_col": ColorTargets(("cube",)),
        "rec_obj_siz": SizeTargets(("cube",), 0.5, 1.0, settles=True),
        "rec_obj_tex": TextureTargets(("cube",)),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
        "friction": FrictionTargets(("cube",), 0.75, 1.0),
        "mass": MassTargets((("cube", 0.5, 2.5),)),
    },
)
