"""Push the block onto the green square."""

from __future__ import annotations

from hamster_bench.envs.targets import ColorTargets, FrictionTargets, MassTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, Task

_INSTRUCTIONS = (
    "slide the block to target",
    "slide the block onto the target",
    "push the block until it is sitting on top of the target",
    "slide the block towards the green target",
    "cover the target with the block by pushing the block in its direction",
)


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="slide_block_to_target",
    goal="Push the block onto the green square.",
    instructions=instructions,
    success=(DetectedCondition("block", "success"),),
    own_choices=(
        "Friction: low enough for a cube pushed at half its height to slide rather than tip.",
        "The target is a sheet on the table, a little lower than recorded, that the block slides over.",
    ),
    manipulated=("block",),
    factors={
        "man_obj_col": ColorTargets(("block",)),
        "man_obj_tex": TextureTargets(("block",)),
        "distractor": SpawnAreas((("spawn_boundary0", 2),), lookalikes=("foam_brick", "wooden_block")),
        "friction": FrictionTargets(("block",), 0.75, 1.0),
        "mass": MassTargets((("block", 1.0, 15.0),)),
    },
)
