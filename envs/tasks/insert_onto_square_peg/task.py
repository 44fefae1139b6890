"""Put the square ring over the pillar of the named colour."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, SceneEditor, ScenePoses, Task

_PILLARS = ("pillar0", "pillar1", "pillar2")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings for the colour of the target pillar."""
    color, _ = COLORS[variation]
    return (
        f"put the ring on the {color} spoke",
        f"slide the ring onto the {color} colored spoke",
        f"place the ring onto the {color} spoke",
    )


def arrange(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Draws the target pillar, moves the detectors and waypoints to it, and lays the ring beside the pillars."""
    pillar = _PILLARS[rng.integers(len(_PILLARS))]
    centre = scene.pose("success_centre")
    centre[:2] = scene.pose(pillar)[:2]
    scene.set_pose("success_centre", centre)
    scene.sample("square_ring", "boundary0", rng, rotation=(-3.14, 3.14), min_distance=0.01)


def target_pillar(scene: ScenePoses) -> str:
    """The pillar that the instructions name by its colour: the one the detectors have been moved to."""
    centre = scene.pose("success_centre")
    return min(_PILLARS, key=lambda pillar: float(np.linalg.norm(scene.pose(pillar)[:2] - centre[:2])))


def paint(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Gives the target pillar the variation's colour, and the two others two different ones of the rest."""
    target = target_pillar(scene)
    _, rgb = COLORS[variation]
    scene.set_color(target, rgb)
    rest = [index for index in range(len(COLORS)) if index != variation]
    others = [pillar for pillar in _PILLARS if pillar != target]
    for pillar, index in zip(others, rng.choice(rest, size=len(others), replace=False), strict=True):
        scene.set_color(pillar, COLORS[index][1])


TASK = Task(
    name="insert_onto_square_peg",
    goal="Put the square ring over the pillar of the named colour.",
    instructions=instructions,
    success=tuple(DetectedCondition("square_ring", f"success_detector{i}") for i in range(4)),
    variation_count=len(COLORS),
    variation_meaning="colour of the target pillar (index in the colour table)",
    graspable=("square_ring",),
    arrange=arrange,
    paint=paint,
    own_choices=(
        "Friction: smooth enough for the ring to slide down a pillar that it touches.",
        "Of the ring's four bars, which overlap at the corners, two end at the others where they collide.",
        "The wood of the base.",
    ),
    manipulated=("square_ring",),
    receiver=_PILLARS,
    factors={
        "man_obj_col": ColorTargets(("square_ring",)),
        "man_obj_siz": SizeTargets(("square_ring",), 1.0, 1.5),
        "rec_obj_col": ColorTargets(_PILLARS, named=target_pillar),
        "rec_obj_siz": SizeTargets(_PILLARS, 0.85, 1.15, same=True, along=("success_centre",)),
        "rec_obj_tex": TextureTargets(_PILLARS),
        "distractor": SpawnAreas((("spawn_boundary0", 2), ("spawn_boundary1", 2))),
    },
)
