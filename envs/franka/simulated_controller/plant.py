"""What moves when the controller commands: an ideal arm, or the Panda's dynamics in MuJoCo."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.kinematics import FLANGE_LENGTH, JOINT_ORIGINS
from hamster_bench.envs.franka.models import ArmModel

FloatArray = NDArray[np.float64]

# What a motion is commanded by [s].
MILLISECOND = 1e-3

# Gains of the arm's own joint impedance [N m/rad], [N m s/rad]: the maker's default stiffness, critically damped for rotor and links.
_STIFFNESS = np.array([3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0])
_DAMPING = np.array([120.0, 160.0, 100.0, 100.0, 45.0, 45.0, 40.0])

_ORIGINS = [(*origin[:3, 3].tolist(), round(float(origin[2, 1]))) for origin in JOINT_ORIGINS]


class Plant(Protocol):
    """The arm's measured state, one millisecond after the other."""

    q: FloatArray
    dq: FloatArray
    has_torque: bool

    def place(self, joints: FloatArray) -> None:
        """Puts the arm at rest at joint angles (7,)."""
        ...

    def track(self, joints: FloatArray, speeds: FloatArray) -> None:
        """Under position control: to be at joint angles (7,) with speeds (7,) a millisecond later."""
        ...

    def drive(self, torque: FloatArray) -> None:
        """A millisecond under torques (7,) [N m] on top of those that hold the arm against gravity."""
        ...


class KinematicPlant:
    """An arm that is where it is told to be."""

    has_torque = False

    def __init__(self, joints: FloatArray) -> None:
        self.q, self.dq = joints.copy(), np.zeros(7)

    def place(self, joints: FloatArray) -> None:
        """Puts the arm at rest at joint angles (7,)."""
        self.q, self.dq = joints.copy(), np.zeros(7)

    def track(self, joints: FloatArray, speeds: FloatArray) -> None:
        """Under position control the commanded angles are taken as reached."""
        self.q, self.dq = joints.copy(), speeds.copy()

    def drive(self, torque: FloatArray) -> None:
        """Torques cannot drive it; the controller answers such motions with *not possible*."""
        raise NotImplementedError


class DynamicPlant:
    """The Panda of the embedded engine, its inertias and rotors, under joint torques; gravity is balanced as the real arm does."""

    has_torque = True

    def __init__(self, joints: FloatArray, model: ArmModel) -> None:
        import mujoco

        from hamster_bench.envs.mujoco.scene import robot_alone

        self._mujoco: Any = mujoco
        self._model: Any = robot_alone(colliding=False)
        self._model.opt.timestep = MILLISECOND
        # The engine's position actuators rest; torques come from here.
        self._model.actuator_gainprm[:] = 0.0
        self._model.actuator_biasprm[:] = 0.0
        self._data: Any = mujoco.MjData(self._model)
        self._torque_limit = model.torque
        self.q, self.dq = joints.copy(), np.zeros(7)
        self.place(joints)

    def place(self, joints: FloatArray) -> None:
        """Puts the arm at rest at joint angles (7,)."""
        self._mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:7] = joints
        self.q, self.dq = joints.copy(), np.zeros(7)

    def track(self, joints: FloatArray, speeds: FloatArray) -> None:
        """A millisecond under the arm's own joint impedance."""
        self.drive(_STIFFNESS * (joints - self.q) + _DAMPING * (speeds - self.dq))

    def drive(self, torque: FloatArray) -> None:
        """A millisecond under torques (7,) [N m], cut at the arm's limits."""
        self._data.qfrc_applied[:7] = np.clip(torque, -self._torque_limit, self._torque_limit)
        self._mujoco.mj_step(self._model, self._data)
        self.q, self.dq = self._data.qpos[:7].copy(), self._data.qvel[:7].copy()


def end_effector(joints: FloatArray, T_flange_end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Frame (4, 4) of the end effector and its Jacobian (6, 7), linear part first, in the base frame.

    The same as `hamster_bench.envs.franka.kinematics`, for one state and a thousand times a second.
    """
    # Plain numbers: arrays this small cost more than what they hold.
    (x0, x1, x2), (y0, y1, y2), (z0, z1, z2) = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    p0 = p1 = p2 = 0.0
    axes, origins = [], []
    for angle, (a, b, c, turn) in zip(joints.tolist(), _ORIGINS, strict=True):
        p0, p1, p2 = p0 + a * x0 + b * y0 + c * z0, p1 + a * x1 + b * y1 + c * z1, p2 + a * x2 + b * y2 + c * z2
        if turn:
            y0, y1, y2, z0, z1, z2 = turn * z0, turn * z1, turn * z2, -turn * y0, -turn * y1, -turn * y2
        origins.append((p0, p1, p2))
        axes.append((z0, z1, z2))
        cosine, sine = math.cos(angle), math.sin(angle)
        x0, y0 = cosine * x0 + sine * y0, cosine * y0 - sine * x0
        x1, y1 = cosine * x1 + sine * y1, cosine * y1 - sine * x1
        x2, y2 = cosine * x2 + sine * y2, cosine * y2 - sine * x2
    flange = np.array(
        [
            [x0, y0, z0, p0 + FLANGE_LENGTH * z0],
            [x1, y1, z1, p1 + FLANGE_LENGTH * z1],
            [x2, y2, z2, p2 + FLANGE_LENGTH * z2],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    frame = flange @ T_flange_end
    e0, e1, e2 = frame[:3, 3].tolist()
    columns = []
    for (u0, u1, u2), (o0, o1, o2) in zip(axes, origins, strict=True):
        d0, d1, d2 = e0 - o0, e1 - o1, e2 - o2
        columns.append((u1 * d2 - u2 * d1, u2 * d0 - u0 * d2, u0 * d1 - u1 * d0, u0, u1, u2))
    return frame, np.array(columns).T


def rotation_vector(rotation: FloatArray) -> FloatArray:
    """Rotation vector (3,) [rad] of a rotation matrix (3, 3)."""
    w = 0.5 * np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine = math.sqrt(float(w @ w))
    if sine < 1e-9:
        return w
    cosine = 0.5 * (rotation[0, 0] + rotation[1, 1] + rotation[2, 2] - 1.0)
    vector: FloatArray = w * (math.atan2(sine, cosine) / sine)
    return vector


def rotated(rotation: FloatArray, vector: FloatArray) -> FloatArray:
    """A rotation matrix (3, 3) turned further by a rotation vector (3,) [rad] in the outer frame (Rodrigues)."""
    angle = math.sqrt(float(vector @ vector))
    if angle == 0.0:
        return rotation
    x, y, z = vector / angle
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: FloatArray = (np.eye(3) + math.sin(angle) * K + (1.0 - math.cos(angle)) * K @ K) @ rotation
    return turned
