"""Pick up the hockey stick and hit the ball into the goal."""

from __future__ import annotations

from hamster_bench.envs.targets import ColorTargets, FrictionTargets, MassTargets, SizeTargets, SpawnAreas, TextureTargets
from hamster_bench.envs.task import DetectedCondition, GraspedCondition, Task

_INSTRUCTIONS = (
    "hit the ball into the net",
    "use the stick to push the hockey ball into the goal",
    "pick up the hockey stick, then swing at the ball in the direction of the net",
    "score a hockey goal",
    "grasping one end of the hockey stick, swing it such that the other end collides with the ball such that the ball goes into the goal",
)


def instructions(variation: int) -> tuple[str, ...]:
    """All phrasings; the task has one variation."""
    return _INSTRUCTIONS


TASK = Task(
    name="hockey",
    goal="Pick up the hockey stick and hit the ball into the goal.",
    instructions=instructions,
    success=(DetectedCondition("hockey_ball", "success"), GraspedCondition("hockey_stick")),
    graspable=("hockey_stick",),
    own_choices=(
        "Friction everywhere, and how lively a hit is: the ball leaves the blade about one and a half times as fast as "
        "the blade comes.",
        "The stick's outline is fitted to the recorded bounding box and depth images.",
        "The goal keeps the outer measures of the original's; its tubes and its net, through which no ball rolls, are "
        "new, and so are the seven shapes that collide.",
    ),
    manipulated=("hockey_stick",),
    receiver=("hockey_ball",),
    factors={
        "man_obj_col": ColorTargets(("hockey_stick",)),
        "man_obj_siz": SizeTargets(
            ("hockey_stick",),
            0.95,
            1.05,
            # The middle of the blade; the line is the shaft, which leans on the goal.
            working_points=(("hockey_stick", (0.0, -0.0021, 0.1087)),),
            leaning=(("hockey_stick", (0.0, 0.0019, -0.0201), (0.0, -0.1955, 0.9807)),),
        ),
        "rec_obj_col": ColorTargets(("hockey_ball",)),
        "rec_obj_siz": SizeTargets(("hockey_ball",), 0.75, 1.25),
        "rec_obj_tex": TextureTargets(("hockey_ball",)),
        "distractor": SpawnAreas((("spawn_boundary0", 2),)),
        "friction": FrictionTargets(("hockey_ball",), 0.75, 1.0),
        "mass": MassTargets((("hockey_ball", 0.1, 0.5),)),
    },
)
