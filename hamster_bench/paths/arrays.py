"""The path as arrays of fixed size, for observations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import PathError
from hamster_bench.paths.path import Path2D

# HAMSTER's paths have 2 to 5 points after thinning, the longest scripted solutions of RLBench about 20.
MAX_POINTS = 32

PathArrays = tuple[NDArray[np.float32], NDArray[np.int8]]


def path_to_arrays(path: Path2D | None, max_points: int = MAX_POINTS) -> PathArrays:
    """The path padded to a fixed number of rows.

    A path of more points is simplified with a tolerance that doubles from 0.001 of the image until it fits.

    Args:
        path: the path, or None for none.
        max_points: number of rows.

    Returns:
        rows (max_points, 3) float32: x, y [fraction of the image], gripper state (1 open, 0 closed); rows beyond the path are 0.
        mask (max_points,) int8: 1 for rows that hold a point.

    Raises:
        PathError: more gripper changes than rows.
    """
    rows = np.zeros((max_points, 3), dtype=np.float32)
    mask = np.zeros(max_points, dtype=np.int8)
    if path is None:
        return rows, mask
    fitting = _fitted(path, max_points)
    rows[: len(fitting), :2] = fitting.points
    rows[: len(fitting), 2] = fitting.gripper_open
    mask[: len(fitting)] = 1
    return rows, mask


def path_from_arrays(rows: NDArray[np.float32], mask: NDArray[np.int8]) -> Path2D | None:
    """The path held by the arrays of `path_to_arrays`, or None when the mask is empty."""
    valid = np.asarray(mask) != 0
    if not valid.any():
        return None
    held = np.asarray(rows, dtype=np.float64)[valid]
    return Path2D(held[:, :2], held[:, 2])


def _fitted(path: Path2D, max_points: int) -> Path2D:
    fitting, tolerance = path, 0.001
    # The diagonal of the image is below 1.5: beyond that nothing more can be dropped.
    while len(fitting) > max_points and tolerance < 2.0:
        fitting, tolerance = path.simplified(tolerance), 2.0 * tolerance
    if len(fitting) > max_points:
        raise PathError(f"a path with {len(path.gripper_changes)} gripper changes does not fit into {max_points} points")
    return fitting
