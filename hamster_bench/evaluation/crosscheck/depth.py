"""Compares the first front images of an engine with recorded ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamster_bench.evaluation.crosscheck.recordings import Recording
from hamster_bench.evaluation.crosscheck.replay import FirstFrame

TOLERANCE = 0.01
"""Depths are the same when they differ by less than this [m]."""

TABLE_TOP = 0.750
# Room pixels whose point is this near to the height of the table top [m] show the table.
_TABLE_THICKNESS = 0.003
# Pixels at the edges of objects say nothing about the depth buffer.
_PLAUSIBLE = 0.02


@dataclass(frozen=True)
class DepthShares:
    """How many pixels agree in depth within `TOLERANCE`.

    A depth buffer that is off by a constant shifts depths by that constant times their square. The original's is; the shift is estimated
    from the table, whose height is known, and taken out. Shares without that are kept too.

    Attributes:
        pixels: number of pixels of robot and table in this engine's image.
        robot: share of the robot's pixels.
        table: share of the table's pixels.
        both: share of all of them.
        both_raw: the same with the recorded depths as they are.
        buffer_offset: the estimated constant [1/m].
    """

    pixels: int
    robot: float
    table: float
    both: float
    both_raw: float
    buffer_offset: float


def compare_depth(recording: Recording, frame: FirstFrame) -> DepthShares:
    """Compares the depth of robot and table."""
    heights = recording.camera.point_cloud(frame.depth)[..., 2]
    is_table = frame.is_room & (np.abs(heights - TABLE_TOP) < _TABLE_THICKNESS)
    difference = recording.front_depth - frame.depth
    steady = is_table & (np.abs(difference) < _PLAUSIBLE)
    offset = float(np.median(difference[steady] / frame.depth[steady] ** 2)) if steady.any() else 0.0
    without = difference - offset * frame.depth**2
    both = frame.is_robot | is_table
    return DepthShares(
        pixels=int(both.sum()),
        robot=_share(without, frame.is_robot),
        table=_share(without, is_table),
        both=_share(without, both),
        both_raw=_share(difference, both),
        buffer_offset=offset,
    )


def _share(difference: NDArray[np.float64], where: NDArray[np.bool_]) -> float:
    return float((np.abs(difference[where]) < TOLERANCE).mean()) if where.any() else 1.0


def side_by_side(recording: Recording, frame: FirstFrame) -> NDArray[np.uint8]:
    """The recorded image, this engine's, and where and how far their depths differ: white is 5 cm or more (h, 3 w, 3) uint8."""
    difference = np.abs(recording.front_depth - frame.depth)
    grey = np.clip(difference / 0.05 * 255.0, 0.0, 255.0).astype(np.uint8)
    return np.concatenate([recording.front_rgb, frame.rgb, np.repeat(grey[..., None], 3, axis=2)], axis=1)
