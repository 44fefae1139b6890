"""Where nothing may be put: around the things of a task, and along the way that the scripted solution takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.grasping import nearest_graspable
from hamster_bench.envs.mujoco.planning import SelfCollisionChecker
from hamster_bench.envs.mujoco.robot import Robot
from hamster_bench.envs.mujoco.scene import Scene, WaypointSites
from hamster_bench.envs.task import DetectedCondition, JointCondition
from hamster_bench.geometry import matrix_from_quat_xyzw, pose_inverse

FloatArray = NDArray[np.float64]

# Joint change [rad] between two places of the robot that are kept free, and way [m] between two of a pushed object.
_JOINT_STEP = 0.1
_PUSH_STEP = 0.03
_SWING_STEPS = 12
# Heights [m] above the table beyond which no object reaches.
_TALLEST = 0.45


@dataclass(frozen=True, eq=False)
class KeepOut:
    """The space of an episode that must stay free, as balls.

    Attributes:
        centres: (n, 3) in the world frame [m].
        radii: (n,) [m].
    """

    centres: FloatArray
    radii: FloatArray

    def is_free(self, bottom_world: FloatArray, radius: float, height: float) -> bool:
        """Whether an upright cylinder on the middle of its underside (3,) touches none of the balls."""
        beside = np.maximum(np.linalg.norm(self.centres[:, :2] - bottom_world[:2], axis=1) - radius, 0.0)
        above = self.centres[:, 2] - bottom_world[2] - height
        below = bottom_world[2] - self.centres[:, 2]
        apart = np.hypot(beside, np.maximum(np.maximum(above, below), 0.0))
        return bool((apart > self.radii).all())


def keep_out(
    scene: Scene,
    data: mujoco.MjData,
    robot: Robot,
    arm: SelfCollisionChecker,
    solution: Sequence[tuple[WaypointSites, int | None]],
    paths: Sequence[FloatArray],
) -> KeepOut:
    """The space that the scripted solution needs.

    Args:
        scene: the scene.
        data: its state at the start of the episode, poses up to date.
        robot: where the robot is in it.
        arm: the robot alone.
        solution: the steps of the solution.
        paths: joint path (n, 7) [rad] of every step.
    """
    balls = [_pushed(scene, data), _swung(scene, data)]
    robot_cover = _cover(arm.model, range(arm.model.ngeom))
    held: FloatArray | None = None
    for (waypoint, _), path in zip(solution, paths, strict=True):
        for joints in _spread(path):
            arm.data.qpos[:7] = joints
            arm.data.qpos[7:9] = data.qpos[robot.finger_qpos]
            mujoco.mj_kinematics(arm.model, arm.data)
            balls.append(robot_cover.balls(arm.data))
            if held is not None:
                balls.append(_moved(held, _site_pose(arm)))
        if waypoint.gripper is not None:
            held = None
            body = nearest_graspable(scene, data, waypoint.sites[-1]) if waypoint.gripper <= 0.5 else None
            if body is not None:
                # What is taken stands where it stood at the start, so the tip's planned pose tells how it is held.
                held = _moved(_cover(scene.model, scene.solid[body]).balls(data), pose_inverse(_site_pose(arm)))
    everything = np.concatenate(balls)
    low = everything[:, 2] - everything[:, 3] < data.xpos[scene.base][2] + _TALLEST
    return KeepOut(everything[low, :3], everything[low, 3])


def _site_pose(arm: SelfCollisionChecker) -> FloatArray:
    """World pose (7,) of the tip of the robot alone."""
    site = arm.model.site("panda_tip").id
    quat_wxyz = np.empty(4)
    mujoco.mju_mat2Quat(quat_wxyz, arm.data.site_xmat[site])
    return np.concatenate([arm.data.site_xpos[site], quat_wxyz[[1, 2, 3, 0]]])


def _spread(path: FloatArray) -> list[FloatArray]:
    """Joint angles along a path, no further apart than the step."""
    angles = [path[0]]
    for start, end in pairwise(path):
        count = max(1, int(np.ceil(np.abs(end - start).max() / _JOINT_STEP)))
        angles += [start + (end - start) * k / count for k in range(1, count + 1)]
    kept = [angles[0]]
    for joints in angles[1:]:
        if np.abs(joints - kept[-1]).max() >= 0.5 * _JOINT_STEP:
            kept.append(joints)
    return [*kept, path[-1]]


@dataclass(frozen=True, eq=False)
class _Cover:
    """Balls that cover geoms: a row of them along the longest edge of each bounding box.

    Attributes:
        geoms: (n,) id of the geom of every ball.
        centres: (n, 3) in that geom's frame [m].
        radii: (n,) [m].
    """

    geoms: NDArray[np.intp]
    centres: FloatArray
    radii: FloatArray

    def balls(self, data: mujoco.MjData) -> FloatArray:
        """The balls (n, 4) x y z radius where the geoms are now."""
        turned = np.einsum("nij,nj->ni", data.geom_xmat[self.geoms].reshape(-1, 3, 3), self.centres)
        return np.column_stack([turned + data.geom_xpos[self.geoms], self.radii])


def _cover(model: mujoco.MjModel, geoms: Sequence[int]) -> _Cover:
    numbers, centres, radii = [], [np.empty((0, 3))], []
    for geom in geoms:
        centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
        axis = int(np.argmax(half))
        across = math.sqrt(float(half @ half) - float(half[axis]) ** 2)
        count = max(1, math.ceil(half[axis] / max(across, 0.005)))
        piece = half[axis] / count
        points = np.tile(centre, (count, 1))
        points[:, axis] += (2 * np.arange(count) + 1 - count) * piece
        centres.append(points)
        numbers += [geom] * count
        radii += [math.hypot(across, piece)] * count
    return _Cover(np.array(numbers, dtype=np.intp), np.concatenate(centres), np.array(radii))


def _moved(balls: FloatArray, T: FloatArray) -> FloatArray:
    """Balls carried by a pose (7,)."""
    moved = balls.copy()
    moved[:, :3] = balls[:, :3] @ matrix_from_quat_xyzw(T[3:]).T + T[:3]
    return moved


def _pushed(scene: Scene, data: mujoco.MjData) -> FloatArray:
    """The straight way of every object that is not held to the volume it must come to."""
    balls = [np.empty((0, 4))]
    conditions = (*scene.task.success, *scene.task.success_by_variation)
    for condition in conditions:
        if isinstance(condition, DetectedCondition) and condition.object not in scene.welds:
            start = _cover(scene.model, scene.solid[condition.object]).balls(data)
            way = data.geom_xpos[scene.volumes[condition.volume]] - data.xpos[scene.body(condition.object)]
            count = max(1, int(np.ceil(np.linalg.norm(way) / _PUSH_STEP)))
            for k in range(count + 1):
                balls.append(start + np.append(way * k / count, 0.0))
    return np.concatenate(balls)


def _swung(scene: Scene, data: mujoco.MjData) -> FloatArray:
    """The way of every lid that must be turned, from where it is to the end of its joint."""
    model = scene.model
    balls = [np.empty((0, 4))]
    for condition in scene.task.success:
        if isinstance(condition, JointCondition):
            joint = model.joint(condition.joint)
            address, stored = scene.stored_joints[condition.joint]
            low, high = joint.range
            end = low if stored - low > high - stored else high
            posed = mujoco.MjData(model)
            posed.qpos[:] = data.qpos
            cover = _cover(model, scene.solid[model.body(int(joint.bodyid[0])).name])
            for angle in np.linspace(stored, end, _SWING_STEPS):
                posed.qpos[address] = angle
                mujoco.mj_kinematics(model, posed)
                balls.append(cover.balls(posed))
    return np.concatenate(balls)
