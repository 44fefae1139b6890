"""One control step: 0.05 s of physics under joint targets and a commanded gripper opening."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import CONTROL_RATE, JOINT_SPEED_LIMIT
from hamster_bench.envs.mujoco.robot import FINGER_TRAVEL, Robot

# kd / kp of the arm's actuators [s]: adding this times the wanted speed to the target cancels the damping's lag.
_FEED_FORWARD = 0.1

# Fingers move at RLBench's speed of the discrete gripper, 0.2 m/s.
_FINGER_STEP = 0.2 / CONTROL_RATE
# A closed gripper is commanded this far beyond closed [m], so that it grips with its whole force whatever it holds.
_SQUEEZE = 0.025


@dataclass(frozen=True)
class Commands:
    """What the robot was last told: joint targets (7,) [rad], gripper opening in 0 to 1, finger target [m]."""

    joints: NDArray[np.float64]
    opening: float
    finger: float


@dataclass
class Controller:
    """Drives the robot of one simulation; holds the commands last given.

    Attributes:
        model: the scene's model.
        data: the simulated state.
        robot: where the robot is in it.
        joints: (7,) joint targets [rad] reached at the end of the last control step.
        opening: commanded opening, 0 closed to 1 open.
    """

    model: mujoco.MjModel
    data: mujoco.MjData
    robot: Robot
    joints: NDArray[np.float64] = field(default_factory=lambda: np.zeros(7))
    opening: float = 1.0
    _finger: float = FINGER_TRAVEL

    def start(self, joints: NDArray[np.float64], opening: float) -> None:
        """Puts the robot at rest at joint angles (7,) with its fingers at an opening, and holds it there."""
        finger = opening * FINGER_TRAVEL
        self.joints = joints.copy()
        self.opening = opening
        self._finger = finger
        self.data.qpos[self.robot.arm_qpos] = joints
        self.data.qpos[self.robot.finger_qpos] = finger
        self.data.ctrl[self.robot.actuators] = [*joints, finger]

    def commands(self) -> Commands:
        """The commands last given."""
        return Commands(self.joints.copy(), self.opening, self._finger)

    def command(self, commands: Commands) -> None:
        """Goes on from these commands, without simulating anything."""
        self.joints, self.opening, self._finger = commands.joints.copy(), commands.opening, commands.finger

    def step(self, joints: NDArray[np.float64], opening: float) -> None:
        """Simulates one control step.

        Joint commands go straight from the last targets to the new ones, no faster than the maker's speed limits.

        Args:
            joints: (7,) targets [rad] for the end of the step.
            opening: gripper opening to move towards, 0 closed to 1 open.
        """
        substeps = round(1.0 / (CONTROL_RATE * self.model.opt.timestep))
        limit = JOINT_SPEED_LIMIT / CONTROL_RATE
        change = np.clip(joints - self.joints, -limit, limit)
        speed = change * CONTROL_RATE
        target = -_SQUEEZE if opening <= 0.0 else opening * FINGER_TRAVEL
        finger = self._finger + min(max(target - self._finger, -_FINGER_STEP), _FINGER_STEP)

        fractions = np.arange(1, substeps + 1)[:, None] / substeps
        commands = np.empty((substeps, 8))
        commands[:, :7] = self.joints + fractions * change + _FEED_FORWARD * speed
        commands[:, 7:] = self._finger + fractions * (finger - self._finger)
        model, data, actuators = self.model, self.data, self.robot.actuators
        for command in commands:
            data.ctrl[actuators] = command
            mujoco.mj_step(model, data)
        self.joints = self.joints + change
        self.opening = opening
        self._finger = finger

    def at_rest(self, tolerance: float = 5e-4) -> bool:
        """Whether the arm stands within ``tolerance`` [rad] of its targets."""
        return bool(np.abs(self.data.qpos[self.robot.arm_qpos] - self.joints).max() < tolerance)

    def fingers_still(self) -> bool:
        """Whether the fingers have stopped, be it at their target or on an object."""
        return bool(np.abs(self.data.qvel[self.robot.finger_qvel]).max() < 5e-3)
