"""Where a task's objects stand: read from the scene, and put there.

Runs in the simulator's process and nowhere else: it imports PyRep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hamster_bench.envs.rlbench.sensing import is_solved
from hamster_bench.errors import PlacementError, UnknownNameError

# Steps in which things come to rest, as many as RLBench's discrete gripper makes after opening.
_SETTLE_STEPS = 10


def read_layout(task: Any) -> dict[str, Any]:
    """Poses of everything in RLBench's task."""
    return {
        "base_pose": np.asarray(task.get_base().get_pose(), dtype=np.float64),
        "object_poses": {name: np.asarray(thing.get_pose(), dtype=np.float64) for name, thing in _objects(task).items()},
    }


def apply_layout(layout: Mapping[str, Any], task: Any, task_name: str, arm: Any, pyrep: Any) -> None:
    """Puts everything where a layout says, and lets it come to rest.

    Args:
        layout: poses, as `read_layout` gives them; what it leaves out stays where it is on the base.
        task: RLBench's.
        task_name: for messages.
        arm: PyRep's, which nothing may touch.
        pyrep: PyRep.

    Raises:
        UnknownNameError: the task has no such object.
        PlacementError: no episode can start from there.
    """
    objects = _objects(task)
    for name in layout["object_poses"]:
        if name not in objects:
            raise UnknownNameError(f"object of {task_name}", name, objects)
    task.get_base().set_pose(list(layout["base_pose"]))
    for name, thing in objects.items():
        if name in layout["object_poses"]:
            thing.set_pose(list(layout["object_poses"][name]))
    if arm.check_arm_collision():
        raise PlacementError(f"in the layout that was given for {task_name} something touches the arm where it starts")
    for _ in range(_SETTLE_STEPS):
        pyrep.step()
    if is_solved(task):
        raise PlacementError(f"in the layout that was given for {task_name} the task is solved already")


def _objects(task: Any) -> dict[str, Any]:
    """Shapes and frames of the task by name, parents first; those of the scripted solution and of areas are left out."""
    from pyrep.const import ObjectType

    found = {}
    for thing in task.get_base().get_objects_in_tree(exclude_base=True):
        name = str(thing.get_name())
        if thing.get_type() in (ObjectType.SHAPE, ObjectType.DUMMY) and not name.startswith(("waypoint", "spawn_boundary")):
            found[name] = thing
    return found
