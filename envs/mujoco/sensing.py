"""Detection volumes and success conditions."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.scene import Scene
from hamster_bench.envs.task import Condition, DetectedCondition, GraspedCondition, JointCondition, NothingGrasped


def detected(scene: Scene, data: mujoco.MjData, body: str, volume: str) -> bool:
    """Whether any colliding part of ``body`` reaches into the detection volume ``volume``."""
    model = scene.model
    volume_geom = scene.volumes[volume]
    centre, radius = data.geom_xpos[volume_geom], model.geom_rbound[volume_geom]
    for geom in scene.solid[body]:
        gap: NDArray[np.float64] = data.geom_xpos[geom] - centre
        reach = radius + model.geom_rbound[geom]
        # Bounding spheres apart: no need for the exact distance.
        if gap @ gap <= reach * reach and mujoco.mj_geomDistance(model, data, volume_geom, geom, 1.0, None) <= 0.0:
            return True
    return False


def holds(condition: Condition, scene: Scene, data: mujoco.MjData, grasped: tuple[str, ...]) -> bool:
    """Whether one success condition holds now.

    Args:
        condition: the condition.
        scene: the scene it speaks of.
        data: the scene's present state.
        grasped: bodies the gripper holds.
    """
    if isinstance(condition, DetectedCondition):
        return detected(scene, data, condition.object, condition.volume)
    if isinstance(condition, JointCondition):
        address, stored = scene.stored_joints[condition.joint]
        return bool(abs(float(data.qpos[address]) - stored) > condition.threshold)
    if isinstance(condition, GraspedCondition):
        return condition.object in grasped
    if isinstance(condition, NothingGrasped):
        return not grasped
    raise TypeError(f"no rule for success condition {condition!r}")
