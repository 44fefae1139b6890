"""Pull both ends of a bent rope so that it lies straight between two marks."""

from __future__ import annotations

from hamster_bench.envs.targets import ColorTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, Task

# "is is" is upstream's own wording.
_INSTRUCTIONS = (
    "straighten rope",
    "pull the rope straight",
    "grasping each end of the rope in turn, leave the rope straight on the table",
    "pull each end of the rope until is is straight",
    "tighten the rope",
    "pull the rope tight",
)


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


_ROPE = ("head_tail", *(f"Cylinder{number}" for number in range(1, 17)), "head_target")

TASK = Task(
    name="straighten_rope",
    goal="Pull both ends of a bent rope so that it lies straight between two marks.",
    instructions=instructions,
    success=(DetectedCondition("head", "success_head"), DetectedCondition("tail", "success_tail")),
    own_choices=(
        "Pieces collide as capsules, which fill the original's cylinders; their friction, and the damping and the limit "
        "of their joints: a joint bends by up to 69 degrees from its stored bend.",
        "The joints hold exactly; the original's give by up to 0.35 mm.",
        "Layouts in which the motions that drag the rope cannot be straight lines are drawn again.",
        "The marks are sheets on the table, a little lower than recorded, that nothing collides with.",
        "The laid strands and the whipped ends that are seen.",
    ),
    manipulated=("head_tail", *(f"Cylinder{number}" for number in range(1, 17)), "head_target"),
    factors={
        "man_obj_col": ColorTargets(_ROPE, same=True),
        "man_obj_tex": TextureTargets(_ROPE),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
    },
)
