"""Swing the screen of an open laptop down until it is closed."""

from __future__ import annotations

from hamster_bench.envs.targets import ColorTargets, SizeTargets, SpawnAreas
from hamster_bench.envs.task import JointCondition, Task

_INSTRUCTIONS = ("close laptop lid", "close the laptop", "shut the laptop lid")


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="close_laptop_lid",
    goal="Swing the screen of an open laptop down until it is closed.",
    instructions=instructions,
    success=(JointCondition("joint", 1.79),),
    own_choices=(
        "Friction everywhere, and the damping of the hinge: leaning back the screen stands by itself; less than 60 "
        "degrees above the keys it falls shut and comes to rest on them.",
        "The screen is slippery whatever touches it, so that a gripper that leaves without opening slides off rather than "
        "drag the laptop along.",
        "Block and laptop are stored half a millimetre lower; the original's start inside each other by as much.",
        "The looks: keys, touchpad, picture on the screen, wood of the block.",
    ),
    manipulated=("base_visual", "lid_visual", "laptop_holder", "base"),
    factors={
        "man_obj_col": ColorTargets(("base_visual", "lid_visual", "laptop_holder")),
        "man_obj_siz": SizeTargets(("laptop_holder", "base"), 0.75, 1.0, same=True, together=True),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
    },
)
