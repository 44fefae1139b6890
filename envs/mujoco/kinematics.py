"""Forward and inverse kinematics of the arm."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.contract import JOINT_LOWER, JOINT_UPPER
from hamster_bench.envs.mujoco.scene import robot_alone, site_pose

FloatArray = NDArray[np.float64]

# RLBench's start angles (0, 10, 0, -50, 0, 70, 45) degrees, in the real robot's joint zero: the angles recorded on the original fit
# the maker's kinematics to 0.15 mm once 0.0689 rad are added to joint 4.
START_JOINTS = np.array([0.0, 0.1752, 0.0, -0.8042, 0.0, 1.2216, 0.7854])

POSITION_TOLERANCE = 1e-4
ROTATION_TOLERANCE = 1e-3

# One attempt converges within about 15 iterations or not at all.
_ITERATIONS = 60
_DAMPING = 0.02
_LARGEST_STEP = 0.4
_RESTARTS = 20

_MIDDLE = 0.5 * (JOINT_LOWER + JOINT_UPPER)
_AWAY_FROM_LIMITS = 0.02
# Solutions with a joint closer to its limit than this [rad] leave no room for what comes next and are taken last.
_COMFORTABLE_MARGIN = 0.35


@dataclass(frozen=True)
class Arm:
    """The arm alone, for kinematics: it shares nothing with the simulated scene.

    Attributes:
        model: the robot without geometry.
        data: scratch state; only valid directly after a call.
        tip: id of the tip site.
        restarts: (n, 7) joint angles [rad] from which inverse kinematics tries again.
    """

    model: mujoco.MjModel
    data: mujoco.MjData
    tip: int
    restarts: FloatArray

    def tip_pose(self, joints: ArrayLike) -> FloatArray:
        """World pose (7,) of the tip at joint angles (7,) [rad]."""
        self._place(np.asarray(joints, dtype=np.float64))
        return site_pose(self.data, self.tip)

    def tip_positions(self, joints: FloatArray) -> FloatArray:
        """World positions (n, 3) [m] of the tip at joint angles (n, 7) [rad]."""
        positions = np.empty((len(joints), 3))
        for row, angles in zip(positions, joints, strict=True):
            self._place(angles)
            row[:] = self.data.site_xpos[self.tip]
        return positions

    def solve_near(
        self, pose_world: FloatArray, joints: FloatArray, iterations: int = _ITERATIONS, slide: bool = False
    ) -> FloatArray | None:
        """Joint angles (7,) that bring the tip to a pose (7,), found by descending from ``joints``; None when that fails.

        Damped least squares (Wampler 1986) on the position error and the rotation vector, clipped to the joint limits, with the
        middle of the joint ranges as a second aim in the null space.

        Args:
            pose_world: the pose to reach.
            joints: angles (7,) [rad] to start from.
            iterations: how many steps to take at most.
            slide: let joints rest at their limits while the others go on, as following a line to its end needs.
        """
        angles = joints.copy()
        position, quat_wxyz = pose_world[:3], pose_world[[6, 3, 4, 5]]
        jacobian = np.empty((6, self.model.nv))
        error = np.empty(6)
        current, inverse, difference = np.empty(4), np.empty(4), np.empty(4)
        eye = np.eye(6)
        for _ in range(iterations):
            self._place(angles)
            np.subtract(position, self.data.site_xpos[self.tip], out=error[:3])
            mujoco.mju_mat2Quat(current, self.data.site_xmat[self.tip])
            mujoco.mju_negQuat(inverse, current)
            mujoco.mju_mulQuat(difference, quat_wxyz, inverse)
            mujoco.mju_quat2Vel(error[3:], difference, 1.0)
            position_error = float(np.sqrt(error[:3] @ error[:3]))
            rotation_error = float(np.sqrt(error[3:] @ error[3:]))
            if position_error < POSITION_TOLERANCE and rotation_error < ROTATION_TOLERANCE:
                return angles
            mujoco.mj_jacSite(self.model, self.data, jacobian[:3], jacobian[3:], self.tip)
            J = jacobian[:, :7]
            # Damping fades as the target comes near, so that the last steps converge quadratically.
            damping = eye * (_DAMPING**2 * min(1.0, position_error / 0.05 + rotation_error / 0.5) + 1e-9)
            # The seventh joint is free: what it does to the pose is cancelled, and it is used to keep away from the limits.
            away = _AWAY_FROM_LIMITS * (_MIDDLE - angles)
            step = away + J.T @ np.linalg.solve(J @ J.T + damping, error - J @ away)
            # A joint that stands at its limit and is driven further stays there; the six others do its part.
            blocked = ((angles <= JOINT_LOWER) & (step < 0.0)) | ((angles >= JOINT_UPPER) & (step > 0.0))
            if slide and blocked.any():
                J = np.where(blocked, 0.0, J)
                away[blocked] = 0.0
                step = away + J.T @ np.linalg.solve(J @ J.T + damping, error - J @ away)
            largest = float(np.abs(step).max())
            if largest > _LARGEST_STEP:
                step *= _LARGEST_STEP / largest
            np.clip(angles + step, JOINT_LOWER, JOINT_UPPER, out=angles)
        return None

    def solutions(self, pose_world: FloatArray, joints: FloatArray, wanted: int) -> list[FloatArray]:
        """Up to ``wanted`` different joint solutions (7,) for a tip pose (7,), those near ``joints`` and off the limits first."""
        found: list[FloatArray] = []
        for start in (joints, START_JOINTS, *self.restarts):
            solution = self.solve_near(pose_world, start)
            if solution is not None and all(np.abs(solution - other).max() > 0.1 for other in found):
                found.append(solution)
                if len(found) >= wanted:
                    break
        return sorted(found, key=lambda solution: float(np.abs(solution - joints).max()) + 10.0 * _lack_of_margin(solution))

    def reachable(self, pose_world: FloatArray) -> bool:
        """Whether some joint angles within limits bring the tip to the pose (7,)."""
        return bool(self.solutions(pose_world, START_JOINTS, wanted=1))

    def _place(self, joints: FloatArray) -> None:
        self.data.qpos[:7] = joints
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)


def _lack_of_margin(joints: FloatArray) -> float:
    margin = float(np.minimum(joints - JOINT_LOWER, JOINT_UPPER - joints).min())
    return max(0.0, _COMFORTABLE_MARGIN - margin)


def make_arm() -> Arm:
    """The arm in a model of its own."""
    model = robot_alone(colliding=False)
    return Arm(model, mujoco.MjData(model), model.site("panda_tip").id, _spread(_RESTARTS))


def _spread(count: int) -> FloatArray:
    """Joint angles (count, 7) spread over the middle of the joint ranges: the Halton sequence, the same in every process."""
    primes = (2, 3, 5, 7, 11, 13, 17)
    unit = np.array([[_radical_inverse(i, base) for base in primes] for i in range(1, count + 1)])
    margin = 0.1 * (JOINT_UPPER - JOINT_LOWER)
    low, high = JOINT_LOWER + margin, JOINT_UPPER - margin
    spread: FloatArray = low + unit * (high - low)
    return spread


def _radical_inverse(index: int, base: int) -> float:
    value, scale = 0.0, 1.0 / base
    while index:
        index, digit = divmod(index, base)
        value += digit * scale
        scale /= base
    return value
