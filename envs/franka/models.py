"""The arms that can be driven, and what their maker allows them.

Sources: the maker's control parameters ("Panda", "FR3 before and from system version 5.9") and the joint limits that the controller itself
publishes in its URDF. Units: rad, m, s, N m.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hamster_bench.registry import Registry

FloatArray = NDArray[np.float64]


def _row(*values: float) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmModel:
    """One kind of arm.

    Attributes:
        name: as it is written in a cell's configuration.
        joint_lower: (7,) lowest joint angles [rad].
        joint_upper: (7,) highest joint angles [rad].
        joint_velocity: (7,) largest joint speeds [rad/s].
        joint_acceleration: (7,) [rad/s^2].
        joint_jerk: (7,) [rad/s^3].
        torque: (7,) largest joint torques [N m].
        translation: largest speed, acceleration and jerk of the end effector: [m/s], [m/s^2], [m/s^3].
        rotation: the same for its rotation: [rad/s], [rad/s^2], [rad/s^3].
        elbow: the same for the elbow, which is measured by joint 3.
        velocity_offset: (7,) what a joint's speed limit loses near the end of its range [rad/s]; see the controller's URDF.
        deceleration: (7,) deceleration [rad/s^2] that the same rule counts with.
    """

    name: str
    joint_lower: FloatArray
    joint_upper: FloatArray
    joint_velocity: FloatArray
    joint_acceleration: FloatArray
    joint_jerk: FloatArray
    torque: FloatArray = field(default_factory=lambda: _row(87, 87, 87, 87, 12, 12, 12))
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float]
    elbow: tuple[float, float, float]
    velocity_offset: FloatArray = field(default_factory=lambda: _row(0.30, 0.20, 0.20, 0.30, 0.35, 0.35, 0.35))
    deceleration: FloatArray = field(default_factory=lambda: _row(6.0, 2.585, 3.5, 4.0, 17.0, 5.5, 17.0))


_FR3_DYNAMICS = {
    "joint_velocity": _row(2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26),
    "joint_acceleration": _row(*[10.0] * 7),
    "joint_jerk": _row(*[5000.0] * 7),
}
_FR3_ELBOW = (2.62, 10.0, 5000.0)

ARM_MODELS: Registry[ArmModel] = Registry("arm model")
ARM_MODELS.register(
    "panda",
    ArmModel(
        name="panda",
        joint_lower=_row(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
        joint_upper=_row(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
        joint_velocity=_row(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
        joint_acceleration=_row(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
        joint_jerk=_row(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
        translation=(1.7, 13.0, 6500.0),
        rotation=(2.5, 25.0, 12500.0),
        elbow=(2.175, 10.0, 5000.0),
    ),
)
ARM_MODELS.register(
    "fr3_before_5.9",
    ArmModel(
        name="fr3_before_5.9",
        joint_lower=_row(-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159),
        joint_upper=_row(2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159),
        translation=(3.0, 9.0, 4500.0),
        rotation=(2.5, 17.0, 8500.0),
        elbow=_FR3_ELBOW,
        **_FR3_DYNAMICS,
    ),
)
ARM_MODELS.register(
    "fr3",
    ArmModel(
        name="fr3",
        joint_lower=_row(-2.9007, -1.8361, -2.9007, -3.0770, -2.8763, 0.4398, -3.0508),
        joint_upper=_row(2.9007, 1.8361, 2.9007, -0.1169, 2.8763, 4.6216, 3.0508),
        translation=(3.0, 9.0, 4500.0),
        rotation=(2.5, 17.0, 8500.0),
        elbow=_FR3_ELBOW,
        **_FR3_DYNAMICS,
    ),
)
