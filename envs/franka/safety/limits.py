"""Speeds, accelerations and jerks that the arm's library is told at connect, and what its motions may stray from a straight line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.models import ArmModel
from hamster_bench.envs.franka.safety.config import SafetyConfig

FloatArray = NDArray[np.float64]

# The library limits each axis by itself; a vector of three stays below the ceiling when its axes stay below this share of it.
_AXIS_SHARE = 1.0 / math.sqrt(3.0)
# Two courses from 0 to 1 that speed up and slow down, however differently, are this far apart at most: t against 2 t^2.
_LARGEST_LAG = 0.125


@dataclass(frozen=True, eq=False)
class MotionLimits:
    """Limits of motions, set explicitly before the first one.

    Attributes:
        translation: speed [m/s], acceleration [m/s^2] and jerk [m/s^3] of each axis.
        rotation: the same for rotation [rad/s], [rad/s^2], [rad/s^3].
        elbow: the same for joint 3 as elbow.
        joint_velocity: (7,) [rad/s].
        joint_acceleration: (7,) [rad/s^2].
        joint_jerk: (7,) [rad/s^3].
    """

    translation: tuple[float, float, float]
    rotation: tuple[float, float, float]
    elbow: tuple[float, float, float]
    joint_velocity: FloatArray
    joint_acceleration: FloatArray
    joint_jerk: FloatArray

    @classmethod
    def of(cls, config: SafetyConfig, model: ArmModel) -> MotionLimits:
        """The limits of a configuration for an arm."""
        share = config.rate_fraction
        speed, acceleration, jerk = model.translation
        speed = min(share * speed, config.highest_tip_speed)
        rotation = (share * _AXIS_SHARE * model.rotation[0], share * _AXIS_SHARE * model.rotation[1])
        return cls(
            translation=(_AXIS_SHARE * speed, _AXIS_SHARE * share * acceleration, _AXIS_SHARE * share * jerk),
            rotation=(*rotation, share * _AXIS_SHARE * model.rotation[2]),
            elbow=(share * model.elbow[0], share * model.elbow[1], share * model.elbow[2]),
            joint_velocity=share * model.joint_velocity,
            joint_acceleration=share * model.joint_acceleration,
            joint_jerk=share * model.joint_jerk,
        )

    @classmethod
    def ceilings(cls, model: ArmModel) -> MotionLimits:
        """What the arm itself allows; for tests of what happens without rule S5."""
        return cls(
            model.translation, model.rotation, model.elbow, model.joint_velocity, model.joint_acceleration, model.joint_jerk
        )

    def translation_lag(self, displacement: FloatArray) -> FloatArray:
        """How far (3,) [m] each axis may be off the straight line between two rests.

        The library lets all axes arrive together but gives each a course of its own: the longest one ramps up while the others cruise. The
        difference on an axis is an eighth of its way at most, and at most the way that ramping up to full speed loses, v^2 / 8 a.
        """
        speed, acceleration, _ = self.translation
        return np.minimum(_LARGEST_LAG * np.abs(displacement), speed**2 / (8.0 * acceleration))

    def joint_lag(self, displacement: FloatArray) -> FloatArray:
        """The same (7,) [rad] for joints."""
        return np.minimum(_LARGEST_LAG * np.abs(displacement), self.joint_velocity**2 / (8.0 * self.joint_acceleration))

    @property
    def streaming_lag(self) -> float:
        """How far [m] the tip may stray from the line to a target that is changed in mid-motion.

        The axes of the hand brake by themselves; brought to rest from full speed in a direction between them the tip curves, by less than a
        quarter of v^2 / a.
        """
        speed, acceleration, _ = self.translation
        return speed**2 / (4.0 * acceleration)
