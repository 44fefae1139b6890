"""Lift the small cube with the spatula."""

from __future__ import annotations

from hamster_bench.envs.targets import ColorTargets, FrictionTargets, MassTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, GraspedCondition, Task

_INSTRUCTIONS = (
    "scoop up the cube and lift it with the spatula",
    "scoop up the block and lift it with the spatula",
    "use the spatula to scoop the cube and lift it",
    "use the spatula to scoop the block and lift it",
    "pick up the cube using the spatula",
    "pick up the block using the spatula",
)


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="scoop_with_spatula",
    goal="Lift the small cube with the spatula.",
    instructions=instructions,
    success=(DetectedCondition("Cuboid", "success"), GraspedCondition("scoop_with_spatula_spatula")),
    graspable=("scoop_with_spatula_spatula",),
    own_choices=(
        "The spatula's shape is read off recorded depth images; where it collides, its blade has no slots and ends in a "
        "wedge without thickness.",
        "Friction: the blade is smooth enough to slip under the cube, which then stays behind a little, and rough enough "
        "to take the cube along when it stops.",
    ),
    manipulated=("scoop_with_spatula_spatula", "spatula_visual"),
    receiver=("Cuboid",),
    factors={
        "man_obj_col": ColorTargets(("spatula_visual",)),
        "man_obj_siz": SizeTargets(
            ("scoop_with_spatula_spatula",),
            0.75,
            1.25,
            # Where on the blade the cube comes to lie.
            working_points=(("scoop_with_spatula_spatula", (0.005, -0.003, -0.108)),),
        ),
        "man_obj_tex": TextureTargets(("spatula_visual",)),
        "rec_obj_col": ColorTargets(("Cuboid",)),
        "rec_obj_siz": SizeTargets(("Cuboid",), 0.75, 1.5),
        "rec_obj_tex": TextureTargets(("Cuboid",)),
        "distractor": SpawnAreas((("spawn_boundary0", 1), ("spawn_boundary1", 1))),
        "friction": FrictionTargets(("Cuboid", "scoop_with_spatula_spatula"), 0.75, 1.0),
        "mass": MassTargets((("Cuboid", 1.0, 5.0), ("scoop_with_spatula_spatula", 0.1, 1.0))),
    },
)
