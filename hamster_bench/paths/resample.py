"""Paths of a given number of points, and paths with noise."""

from __future__ import annotations

import numpy as np

from hamster_bench.errors import PathError
from hamster_bench.paths.path import Path2D

# HAMSTER's other representation: so many points at equal distances in place of the few that simplification leaves.
EQUAL_STEPS = 20
# Deviation of the noise on training paths [fraction of the image]; the paper says N(0, 0.01) without saying whether of the deviation.
NOISE_DEVIATION = 0.01


def resampled(path: Path2D, count: int = EQUAL_STEPS) -> Path2D:
    """The path as points at equal distances along its length.

    The gripper state of a new point is that of the last point of the path at or before it, so a change takes effect at the next new
    point, and two changes between neighbouring new points are lost. First and last point stay as they are.

    Args:
        path: the path; one without length gives its last point ``count`` times, the first time in the state of its first point.
        count: number of points, at least 2.

    Raises:
        PathError: the count is below 2.
    """
    if count < 2:
        raise PathError(f"a path is resampled to at least 2 points, got {count}")
    steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, travelled[-1], count)
    # A repeated point would give the interpolation two values at one place.
    distinct = np.concatenate([[True], steps > 0.0])
    points = np.stack([np.interp(wanted, travelled[distinct], path.points[distinct, axis]) for axis in (0, 1)], axis=1)
    # A sum of steps may miss the place it should meet by a few units in the last digit.
    reached = np.searchsorted(travelled, wanted + 1e-12 * (1.0 + travelled[-1]), side="right") - 1
    states = path.gripper_open[reached]
    points[0], points[-1] = path.points[0], path.points[-1]
    states[0], states[-1] = path.gripper_open[0], path.gripper_open[-1]
    return Path2D(np.clip(points, 0.0, 1.0), states)


def with_noise(path: Path2D, rng: np.random.Generator, deviation: float = NOISE_DEVIATION) -> Path2D:
    """The path with normally distributed noise on its points, cut at the border of the image; gripper states stay.

    Args:
        path: the path.
        rng: where the noise comes from.
        deviation: standard deviation of x and of y [fraction of the image].

    Raises:
        PathError: the deviation is negative or not finite.
    """
    if not (np.isfinite(deviation) and deviation >= 0.0):
        raise PathError(f"the deviation of noise is a finite number from 0, got {deviation!r}")
    noise = rng.normal(0.0, deviation, path.points.shape)
    return Path2D(np.clip(path.points + noise, 0.0, 1.0), path.gripper_open)
