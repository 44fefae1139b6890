"""From a motion of the gripper in the world to a path in an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import PathError
from hamster_bench.geometry import Camera
from hamster_bench.paths.path import Path2D

# Nearest planar depth [m] that counts as in front of the camera; RLBench's cameras have their near plane here.
_NEAR = 0.01


def project_track(positions_world: ArrayLike, gripper_open: ArrayLike, camera: Camera) -> Path2D:
    """The path that a motion of the gripper tip draws in a camera's image.

    The motion is the polyline through the given positions. What lies behind the camera or outside the image is cut away exactly at
    the border; where the motion leaves the image and comes back, the path runs straight from the point where it left to the point
    where it returned. A gripper change out of sight takes effect at the next visible point.

    Args:
        positions_world: (n, 3) [m], world frame.
        gripper_open: (n,) bool, state from each position on.
        camera: the camera at the moment of the image.

    Raises:
        PathError: wrong shapes, or no part of the motion is visible.
    """
    track = np.asarray(positions_world, dtype=np.float64)
    states = np.asarray(gripper_open, dtype=np.bool_)
    if track.ndim != 2 or track.shape[1] != 3 or len(track) < 1 or states.shape != (len(track),):
        raise PathError(
            f"a track is (n, 3) positions and (n,) states with n at least 1, got shapes {track.shape} and {states.shape}"
        )
    if not np.isfinite(track).all():
        raise PathError("the positions of a track must be finite")

    size = np.array([camera.width, camera.height], dtype=np.float64)
    uv, depth = camera.project(track)
    fractions = uv / size
    in_front = depth > _NEAR
    inside = in_front & ((fractions >= 0.0) & (fractions <= 1.0)).all(axis=1)
    if inside.all():
        return Path2D(fractions, states)

    points: list[NDArray[np.float64]] = []
    shown: list[bool] = []
    if inside[0]:
        points.append(fractions[0])
        shown.append(bool(states[0]))
    for i in range(len(track) - 1):
        if not (in_front[i] or in_front[i + 1]):
            continue
        start, end = fractions[i], fractions[i + 1]
        if not in_front[i]:
            start = _near_crossing(track[i], track[i + 1], depth[i], depth[i + 1], camera) / size
        elif not in_front[i + 1]:
            end = _near_crossing(track[i], track[i + 1], depth[i], depth[i + 1], camera) / size
        span = _visible_span(start, end)
        if span is None:
            continue
        if not inside[i]:
            points.append(np.clip(start + span[0] * (end - start), 0.0, 1.0))
            shown.append(bool(states[i]))
        if inside[i + 1]:
            points.append(end)
            shown.append(bool(states[i + 1]))
        else:
            points.append(np.clip(start + span[1] * (end - start), 0.0, 1.0))
            shown.append(bool(states[i]))
    if not points:
        raise PathError("no part of the motion is visible in the image; use another camera or another pose of it")
    return Path2D(np.array(points), np.array(shown))


def _near_crossing(
    start: NDArray[np.float64], end: NDArray[np.float64], start_depth: float, end_depth: float, camera: Camera
) -> NDArray[np.float64]:
    """Image coordinates (2,) [pixel] where the segment between two world points crosses the near plane."""
    fraction = (_NEAR - start_depth) / (end_depth - start_depth)
    uv, _ = camera.project(start + fraction * (end - start))
    crossing: NDArray[np.float64] = uv[0]
    return crossing


def _visible_span(start: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[float, float] | None:
    """First and last fraction of the segment from ``start`` to ``end`` inside the unit square (Liang and Barsky 1984), or None."""
    first, last = 0.0, 1.0
    for position, change in zip(start, end - start, strict=True):
        if change == 0.0:
            if not 0.0 <= position <= 1.0:
                return None
            continue
        low, high = sorted((-position / change, (1.0 - position) / change))
        first, last = max(first, low), min(last, high)
    return (first, last) if first <= last else None
