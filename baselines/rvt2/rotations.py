"""Rotations as the network decides on them: bins of three Euler angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.geometry import quat_xyzw_from_euler_xyz, quat_xyzw_normalised

# Nearer to +-90 degrees of pitch than this [degrees], roll and yaw turn about the same axis for all that bins can tell.
_SINGULAR = 1.0
# As near to it, sines of roll and yaw are rounding errors.
_EXACTLY_SINGULAR = 1e-7


def rotation_bins(quat_xyzw: ArrayLike, bins: int) -> NDArray[np.int64]:
    """The nearest bins of roll, pitch and yaw about the fixed axes x, then y, then z; bin 0 is at -180 degrees.

    Where the pitch lies within a degree of +-90 it is taken for +-90, and the whole turn about the vertical goes into roll.

    Args:
        quat_xyzw: (..., 4), of any length but zero.
        bins: number of bins of a full turn.

    Returns:
        Bins (..., 3).
    """
    return np.round((_euler_degrees(quat_xyzw) + 180.0) * (bins / 360.0)).astype(np.int64) % bins


def quat_xyzw_from_bins(indices: ArrayLike, bins: int) -> NDArray[np.float64]:
    """Unit quaternions (..., 4) at the middle of bins (..., 3) of `rotation_bins`."""
    angles = np.radians(np.asarray(indices, dtype=np.float64) * (360.0 / bins) - 180.0)
    return np.stack([quat_xyzw_from_euler_xyz(row) for row in angles.reshape(-1, 3)]).reshape(*angles.shape[:-1], 4)


def _euler_degrees(quat_xyzw: ArrayLike) -> NDArray[np.float64]:
    x, y, z, w = np.moveaxis(quat_xyzw_normalised(quat_xyzw), -1, 0)
    sine = np.clip(2.0 * (w * y - z * x), -1.0, 1.0)
    pitch = np.degrees(np.arcsin(sine))
    roll = np.degrees(np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)))
    yaw = np.degrees(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))
    singular, upwards = np.abs(pitch) > 90.0 - _SINGULAR, np.where(pitch > 0, 1.0, -1.0)
    exactly = np.abs(pitch) > 90.0 - np.degrees(_EXACTLY_SINGULAR)
    # There the quaternion is that of roll alone, turned by a right angle about y.
    together = np.where(exactly, 2.0 * np.degrees(np.arctan2(x, w)), roll - upwards * yaw)
    roll = np.where(singular, (together + 180.0) % 360.0 - 180.0, roll)
    return np.stack([roll, np.where(singular, upwards * 90.0, pitch), np.where(singular, 0.0, yaw)], -1)
