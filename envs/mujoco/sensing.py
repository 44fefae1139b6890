"""Detection volumes and success conditions."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.scene import Scene
from hamster_bench.envs.task import (
    Condition,
    DetectedCondition,
    EmptyCondition,
    GraspedCondition,
    JointCondition,
    NothingGrasped,
)


def detected(scene: Scene, data: mujoco.MjData, body: str, volume: str) -> bool:
    """Whether any colliding part of ``body`` reaches into the detection volume ``volume``."""
    volume_geom = scene.volumes[volume]
    return any(overlaps(scene, data, volume_geom, geom) for geom in scene.solid[body])


def overlaps(scene: Scene, data: mujoco.MjData, volume_geom: int, geom: int) -> bool:
    """Whether a geom reaches into the geom of a detection volume."""
    model = scene.model
    gap: NDArray[np.float64] = data.geom_xpos[geom] - data.geom_xpos[volume_geom]
    reach = model.geom_rbound[volume_geom] + model.geom_rbound[geom]
    # Bounding spheres apart: no need for the exact distance.
    return bool(gap @ gap <= reach * reach and mujoco.mj_geomDistance(model, data, volume_geom, geom, 1.0, None) <= 0.0)


def remaining(scene: Scene) -> tuple[int, ...]:
    """Ids of the removable geoms that are still there. A removed geom is one that has become fully transparent."""
    geoms = scene.removable
    return tuple(geoms[scene.model.geom_rgba[geoms, 3] > 0.0]) if len(geoms) else ()


def remove_detected(scene: Scene, data: mujoco.MjData) -> None:
    """Removes what lies in the task's removal volume now."""
    if scene.task.removal is not None:
        volume = scene.volumes[scene.task.removal.volume]
        for geom in remaining(scene):
            if overlaps(scene, data, volume, geom):
                scene.model.geom_rgba[geom, 3] = 0.0


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
    if isinstance(condition, EmptyCondition):
        return not remaining(scene)
    raise TypeError(f"no rule for success condition {condition!r}")
