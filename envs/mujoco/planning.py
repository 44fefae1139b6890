"""Motions of the arm: straight lines, joint-space lines and RRT-Connect, with iteration budgets only.

No budget here is a time: the original gives its sampler milliseconds, so its outcome depends on the host's load. The sampler is
this project's own because the well-known libraries draw from generators shared by the whole process, so that a plan would depend
on how many plans were made before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import CONTROL_RATE, JOINT_LOWER, JOINT_UPPER
from hamster_bench.envs.mujoco.kinematics import Arm
from hamster_bench.envs.mujoco.scene import Scene, robot_alone
from hamster_bench.errors import PlanningError
from hamster_bench.geometry import quat_xyzw_slerp, rotation_angle

FloatArray = NDArray[np.float64]
Collides = Callable[[FloatArray], bool]

# Joint solutions considered as ends of a motion, as many as RLBench considers, and how many of them the sampler is tried on.
GOAL_CANDIDATES = 10
_SAMPLED_GOALS = 4
# Nodes added to the two trees before a goal is given up.
RRT_ITERATIONS = 250
# Passes of shortcutting over a sampled path.
_SHORTCUTS = 40

# Joint step [rad] at which an edge is checked; at 0.05 some paths failed a finer recheck.
_EDGE_STEP = 0.02
_EXTEND_STEP = 0.3

# Spacing of the poses of a straight line: position [m] and rotation [rad].
_LINE_POSITION_STEP = 0.02
_LINE_ROTATION_STEP = 0.1
# Between neighbouring poses of a line no joint may jump by more [rad]: the arm would have changed its configuration.
_LARGEST_JUMP = 0.35
_LINE_ITERATIONS = 25

# RLBench's profile along a path: at most 1 rad/s, 4 rad/s^2; its tip stays below about 0.56 m/s.
_JOINT_SPEED = 1.0
_TIP_SPEED = 0.5
_RAMP_TIME = 0.25

# Contacts with the room that press no deeper than this [m] are no collisions: waypoints bring the fingertips down to the table itself.
# Objects get no such leave: a path that grazes a bottle by a millimetre knocks it over.
_ROOM_TOUCH = 1e-3


@dataclass(frozen=True)
class CollisionChecker:
    """Tells whether the arm, with what it holds, hits anything while everything else stays where it is.

    Attributes:
        scene: the scene.
        data: scratch state of the scene's model.
        arm_joints: addresses of the 7 arm joints in qpos.
        moving: (ngeom,) bool, geoms that move with the arm.
    """

    scene: Scene
    data: mujoco.MjData
    arm_joints: NDArray[np.intp]
    moving: NDArray[np.bool_]

    def at(self, live: mujoco.MjData, held: tuple[str, ...], hand: int) -> Collides:
        """A check of joint angles (7,) [rad] against the scene as it stands in ``live``.

        Pairs that touch already do not count: a motion may always lead out of a contact.

        Args:
            live: the state to check against.
            held: free bodies that move with the hand.
            hand: id of the hand body.
        """
        model, data = self.scene.model, self.data
        data.qpos[:] = live.qpos
        data.mocap_pos[:] = live.mocap_pos
        data.mocap_quat[:] = live.mocap_quat
        moving = self.moving.copy()
        carried = []
        for name in held:
            moving[list(self.scene.solid[name])] = True
            if name in self.scene.free:
                free = self.scene.free[name]
                inverse_pos, inverse_quat = np.empty(3), np.empty(4)
                mujoco.mju_negPose(inverse_pos, inverse_quat, live.xpos[hand], live.xquat[hand])
                position, quat_wxyz = np.empty(3), np.empty(4)
                mujoco.mju_mulPose(position, quat_wxyz, inverse_pos, inverse_quat, live.xpos[free.body], live.xquat[free.body])
                carried.append((free.qpos, position, quat_wxyz))

        def collisions(joints: FloatArray) -> set[tuple[int, int]]:
            data.qpos[self.arm_joints] = joints
            mujoco.mj_kinematics(model, data)
            for address, position, quat_wxyz in carried:
                mujoco.mju_mulPose(
                    data.qpos[address : address + 3],
                    data.qpos[address + 3 : address + 7],
                    data.xpos[hand],
                    data.xquat[hand],
                    position,
                    quat_wxyz,
                )
            if carried:
                mujoco.mj_kinematics(model, data)
            mujoco.mj_collision(model, data)
            if data.ncon == 0:
                return set()
            geoms = data.contact.geom
            in_room = (model.geom_bodyid[geoms] == 0).any(axis=1)
            deep = data.contact.dist < np.where(in_room, -_ROOM_TOUCH, 0.0)
            pairs = geoms[deep & moving[geoms].any(axis=1) & ~self.scene.ignored[geoms].any(axis=1)]
            return {(int(a), int(b)) for a, b in pairs}

        present = collisions(live.qpos[self.arm_joints].copy())
        return lambda joints: not collisions(joints) <= present


@dataclass(frozen=True)
class SelfCollisionChecker:
    """Tells whether the robot hits itself, whatever stands around it.

    Attributes:
        model: the robot alone, with its collision shapes.
        data: scratch state.
    """

    model: mujoco.MjModel
    data: mujoco.MjData

    def at(self, joints: FloatArray) -> Collides:
        """A check of joint angles (7,) [rad]; pairs that touch at ``joints`` already do not count."""

        def collisions(angles: FloatArray) -> set[tuple[int, int]]:
            self.data.qpos[:7] = angles
            mujoco.mj_kinematics(self.model, self.data)
            mujoco.mj_collision(self.model, self.data)
            if self.data.ncon == 0:
                return set()
            return {(int(a), int(b)) for a, b in self.data.contact.geom[self.data.contact.dist < 0.0]}

        present = collisions(joints)
        return lambda angles: not collisions(angles) <= present


def make_self_collision_checker() -> SelfCollisionChecker:
    """A checker for the robot alone."""
    model = robot_alone(colliding=True)
    return SelfCollisionChecker(model, mujoco.MjData(model))


def make_collision_checker(scene: Scene, arm_joints: NDArray[np.intp]) -> CollisionChecker:
    """A checker for the scene; robot geoms are those of bodies named ``panda_*``."""
    model = scene.model
    robot = np.array([model.body(i).name.startswith("panda_") for i in range(model.nbody)])
    return CollisionChecker(scene, mujoco.MjData(model), arm_joints, robot[model.geom_bodyid])


def line_through(arm: Arm, start: FloatArray, poses: FloatArray) -> FloatArray | None:
    """Joint angles (n, 7) that take the tip along straight lines through poses (k, 7), or None when the arm cannot follow.

    Args:
        arm: the arm.
        start: joint angles (7,) [rad] it starts from; the first line begins at the tip's pose there.
        poses: world poses to pass, orientations turning along great arcs.
    """
    joints = start
    path = [start]
    previous = arm.tip_pose(start)
    for pose in poses:
        distance = float(np.linalg.norm(pose[:3] - previous[:3]))
        angle = rotation_angle(previous[3:], pose[3:])
        steps = max(1, int(np.ceil(max(distance / _LINE_POSITION_STEP, angle / _LINE_ROTATION_STEP))))
        fractions = np.arange(1, steps + 1) / steps
        positions = previous[:3] + fractions[:, None] * (pose[:3] - previous[:3])
        quats = quat_xyzw_slerp(previous[3:], pose[3:], fractions)
        for target in np.concatenate([positions, quats], axis=1):
            solution = arm.solve_near(target, joints, _LINE_ITERATIONS, slide=True)
            if solution is None or np.abs(solution - joints).max() > _LARGEST_JUMP:
                return None
            joints = solution
            path.append(joints)
        previous = pose
    return np.array(path)


def plan_to_pose(arm: Arm, start: FloatArray, pose: FloatArray, collides: Collides, rng: np.random.Generator) -> FloatArray:
    """Joint path (n, 7) [rad] from ``start`` to a tip pose (7,): a straight line if the arm can follow it, else a planned one.

    Args:
        arm: the arm.
        start: joint angles (7,) [rad].
        pose: world pose of the tip.
        collides: tells of joint angles (7,) whether they collide.
        rng: stream of the sampler.

    Raises:
        PlanningError: ``ik_unreachable`` when no joint angles reach the pose, ``path_not_found`` when none were found on a free path.
    """
    line = line_through(arm, start, pose[None])
    if line is not None and not path_collides(line, collides):
        return line
    goals = arm.solutions(pose, start, GOAL_CANDIDATES)
    if not goals:
        raise PlanningError("ik_unreachable", f"no joint angles bring the gripper to {np.round(pose, 4).tolist()}")
    free = [goal for goal in goals if not collides(goal)]
    for goal in free:
        direct = np.array([start, goal])
        if not path_collides(direct, collides):
            return direct
    for goal in free[:_SAMPLED_GOALS]:
        path = _rrt_connect(start, goal, collides, rng)
        if path is not None:
            return _shortcut(path, collides, rng)
    raise PlanningError(
        "path_not_found",
        f"no collision-free motion to {np.round(pose, 4).tolist()} was found: {len(goals)} joint solutions, {len(free)} of them free, "
        f"{RRT_ITERATIONS} iterations each",
    )


def retime(arm: Arm, path: FloatArray, tip_speed: float = _TIP_SPEED) -> FloatArray:
    """Joint targets (n, 7) [rad], one for each control step, along a joint path (m, 7), the start left out.

    Speed follows a trapezoid: joints at most 1 rad/s, the tip at most ``tip_speed`` [m/s], a quarter of a second to full speed.
    """
    joint_length = np.abs(np.diff(path, axis=0)).max(axis=1)
    if joint_length.sum() < 1e-9:
        return path[-1:].copy()
    dense = _densify(path, 0.1)
    joint_length = np.abs(np.diff(dense, axis=0)).max(axis=1)
    tip_length = np.linalg.norm(np.diff(arm.tip_positions(dense), axis=0), axis=1)
    # Time each piece takes at full speed; the trapezoid then stretches the two ends.
    duration = np.concatenate([[0.0], np.cumsum(np.maximum(joint_length / _JOINT_SPEED, tip_length / tip_speed))])
    length = duration[-1]
    ramp = min(_RAMP_TIME, np.sqrt(length * _RAMP_TIME))
    peak = ramp / _RAMP_TIME
    total = length / peak + ramp
    steps = max(1, int(np.ceil(total * CONTROL_RATE - 1e-9)))
    t = np.arange(1, steps + 1) * (total / steps)
    rising = 0.5 * t**2 / _RAMP_TIME
    cruising = 0.5 * peak * ramp + peak * (t - ramp)
    falling = length - 0.5 * (total - t) ** 2 / _RAMP_TIME
    s = np.where(t < ramp, rising, np.where(t < total - ramp, cruising, falling))
    targets = np.stack([np.interp(s, duration, dense[:, j]) for j in range(dense.shape[1])], axis=1)
    targets[-1] = path[-1]
    return targets


def _densify(path: FloatArray, step: float) -> FloatArray:
    pieces = [path[:1]]
    for a, b in itertools.pairwise(path):
        count = max(1, int(np.ceil(np.abs(b - a).max() / step)))
        pieces.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(pieces)


def path_collides(path: FloatArray, collides: Collides) -> bool:
    """Whether a joint path (n, 7) collides anywhere after its start, neighbours joined by straight lines in joint space."""
    return any(collides(joints) for joints in _densify(path, _EDGE_STEP)[1:])


def _rrt_connect(start: FloatArray, goal: FloatArray, collides: Collides, rng: np.random.Generator) -> FloatArray | None:
    """RRT-Connect (Kuffner and LaValle 2000) in joint space; None when the iterations are used up."""
    trees = [[start], [goal]]
    parents: list[list[int]] = [[-1], [-1]]
    for iteration in range(RRT_ITERATIONS):
        grow, other = iteration % 2, 1 - iteration % 2
        sample = rng.uniform(JOINT_LOWER, JOINT_UPPER)
        new = _extend(trees[grow], parents[grow], sample, collides)
        if new is None:
            continue
        target = trees[grow][new]
        while (reached := _extend(trees[other], parents[other], target, collides)) is not None:
            if np.array_equal(trees[other][reached], target):
                first, second = _branch(trees[grow], parents[grow], new), _branch(trees[other], parents[other], reached)
                joined = first[::-1] + second[1:]
                return np.array(joined if grow == 0 else joined[::-1])
    return None


def _extend(tree: list[FloatArray], parents: list[int], target: FloatArray, collides: Collides) -> int | None:
    nodes = np.array(tree)
    nearest = int(np.argmin(((nodes - target) ** 2).sum(axis=1)))
    direction = target - tree[nearest]
    length = float(np.abs(direction).max())
    new = target if length <= _EXTEND_STEP else tree[nearest] + direction * (_EXTEND_STEP / length)
    if path_collides(np.array([tree[nearest], new]), collides):
        return None
    tree.append(new)
    parents.append(nearest)
    return len(tree) - 1


def _branch(tree: list[FloatArray], parents: list[int], node: int) -> list[FloatArray]:
    branch = []
    while node >= 0:
        branch.append(tree[node])
        node = parents[node]
    return branch


def _shortcut(path: FloatArray, collides: Collides, rng: np.random.Generator) -> FloatArray:
    points = list(path)
    for _ in range(_SHORTCUTS):
        if len(points) < 3:
            break
        first, last = sorted(rng.choice(len(points), size=2, replace=False))
        if last - first >= 2 and not path_collides(np.array([points[first], points[last]]), collides):
            points = points[: first + 1] + points[last:]
    return np.array(points)
