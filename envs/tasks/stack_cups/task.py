"""Stack the other two cups into the cup of the named colour."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, NothingGrasped, SceneEditor, ScenePoses, Task

_CUPS = ("cup1", "cup2", "cup3")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the colour of the base cup."""
    color, _ = COLORS[variation]
    return (
        f"stack the other cups on top of the {color} cup",
        "place two of the cups onto the odd cup out",
        f"put the remaining two cups on top of the {color} cup",
        f"pick up and set the cups down into the {color} cup",
        f"create a stack of cups with the {color} cup as its base",
        f"keeping the {color} cup on the table, stack the other two onto it",
    )


def arrange(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Deals the three cups to the three slots, which are where the cups are stored."""
    slots = [scene.pose(cup) for cup in _CUPS]
    for cup, slot in zip(_CUPS, rng.permutation(len(slots)), strict=True):
        scene.set_pose(cup, slots[slot])


def paint(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Gives the base cup the variation's colour; each other cup gets any other colour, so the two may be alike."""
    _, rgb = COLORS[variation]
    scene.set_color("cup2_visual", rgb)
    rest = [index for index in range(len(COLORS)) if index != variation]
    for cup in ("cup1_visual", "cup3_visual"):
        scene.set_color(cup, COLORS[rng.choice(rest)][1])


def base_cup(scene: ScenePoses) -> str:
    """The cup that the instructions name by its colour."""
    return "cup2_visual"


TASK = Task(
    name="stack_cups",
    goal="Stack the other two cups into the cup of the named colour.",
    instructions=instructions,
    success=(DetectedCondition("cup1", "success"), DetectedCondition("cup3", "success"), NothingGrasped()),
    variation_count=len(COLORS),
    variation_meaning="colour of the base cup cup2 (index in the colour table)",
    graspable=_CUPS,
    arrange=arrange,
    paint=paint,
    own_choices=(
        "The cup's outline, fitted to the recorded bounding boxes; its bottom is so thick that a cup inside another "
        "stands 19 mm higher.",
        "The wall collides as a ring of 18 convex pieces, thinner than what is seen, so that nested cups do not jam.",
        "Friction: so little that a cup dropped into another slides down.",
        "The dealing is drawn afresh at every reset; the original shuffles the order of the episode before.",
    ),
    manipulated=_CUPS,
    factors={
        "man_obj_col": ColorTargets(("cup1_visual", "cup2_visual", "cup3_visual"), named=base_cup),
        "man_obj_siz": SizeTargets(_CUPS, 0.75, 1.25, same=True),
        "man_obj_tex": TextureTargets(("cup1_visual", "cup2_visual", "cup3_visual")),
        "distractor": SpawnAreas((("spawn_boundary0", 1),)),
    },
)
