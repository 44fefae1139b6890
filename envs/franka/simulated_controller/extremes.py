"""The furthest that commands have gone since the controller started, for tests of whoever commands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def _lowest(count: int) -> FloatArray:
    return np.full(count, np.inf)


def _highest(count: int) -> FloatArray:
    return np.full(count, -np.inf)


@dataclass
class Extremes:
    """Lowest and highest values of what was commanded, tick by tick.

    Attributes:
        ticks: commanded ticks.
        joint_lower: (7,) [rad].
        joint_upper: (7,) [rad].
        joint_speed: (7,) largest magnitudes [rad/s].
        joint_acceleration: (7,) largest magnitudes [rad/s^2].
        tip_lower: (3,) of the tip's position in the base frame [m].
        tip_upper: (3,) of the tip's position in the base frame [m].
        tip_speed: largest speed of the tip [m/s].
        tip_tilt: largest angle of the tip's axis from straight down [rad].
    """

    ticks: int = 0
    joint_lower: FloatArray = field(default_factory=lambda: _lowest(7))
    joint_upper: FloatArray = field(default_factory=lambda: _highest(7))
    joint_speed: FloatArray = field(default_factory=lambda: np.zeros(7))
    joint_acceleration: FloatArray = field(default_factory=lambda: np.zeros(7))
    tip_lower: FloatArray = field(default_factory=lambda: _lowest(3))
    tip_upper: FloatArray = field(default_factory=lambda: _highest(3))
    tip_speed: float = 0.0
    tip_tilt: float = 0.0

    def note(self, joints: FloatArray, speeds: FloatArray, accelerations: FloatArray, tip: FloatArray, tip_speed: float) -> None:
        """Takes one commanded tick: joint angles, speeds and accelerations (7,), frame of the tip (4, 4), its speed."""
        self.ticks += 1
        np.minimum(self.joint_lower, joints, out=self.joint_lower)
        np.maximum(self.joint_upper, joints, out=self.joint_upper)
        np.maximum(self.joint_speed, np.abs(speeds), out=self.joint_speed)
        np.maximum(self.joint_acceleration, np.abs(accelerations), out=self.joint_acceleration)
        np.minimum(self.tip_lower, tip[:3, 3], out=self.tip_lower)
        np.maximum(self.tip_upper, tip[:3, 3], out=self.tip_upper)
        self.tip_speed = max(self.tip_speed, tip_speed)
        self.tip_tilt = max(self.tip_tilt, float(np.arccos(np.clip(-tip[2, 2], -1.0, 1.0))))

    def report(self) -> dict[str, float | list[float]]:
        """As values that JSON holds; infinite ones, before the first tick, as None would be wrong and are left out."""
        values = {name: np.asarray(getattr(self, name)) for name in self.__dataclass_fields__}
        return {name: value.tolist() for name, value in values.items() if np.isfinite(value).all()}
