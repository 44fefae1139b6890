"""Ramer-Douglas-Peucker simplification of polylines."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import PathError

# Fraction of the image; the tolerance with which HAMSTER's training paths were thinned.
DEFAULT_TOLERANCE = 0.05


def distances_to_segment(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances (n,) of points (n, d) to the segment between ``start`` (d,) and ``end`` (d,)."""
    along = end - start
    squared_length = float(along @ along)
    if squared_length == 0.0:
        nearest = np.broadcast_to(start, points.shape)
    else:
        fraction = np.clip((points - start) @ along / squared_length, 0.0, 1.0)
        nearest = start + fraction[:, None] * along
    distances: NDArray[np.float64] = np.linalg.norm(points - nearest, axis=1)
    return distances


def simplified_indices(points: NDArray[np.float64], tolerance: float, keep: Iterable[int] = ()) -> NDArray[np.intp]:
    """Indices, rising, of the points that stay.

    Distances are to the *segment* between two kept points, not to the line through them: a path that overshoots and comes back
    keeps its turning point.

    Args:
        points: (n, d) float64, the polyline.
        tolerance: largest distance of a dropped point, in the units of ``points``; 0 drops only points that lie exactly on a segment.
        keep: indices that stay in any case, besides the first and the last.

    Raises:
        PathError: the tolerance is negative or not finite.
    """
    if not (np.isfinite(tolerance) and tolerance >= 0.0):
        raise PathError(f"the tolerance of a simplification is a finite number from 0, got {tolerance!r}")
    last = len(points) - 1
    kept = {0, last, *(int(index) for index in keep)}
    fixed = sorted(kept)
    open_spans = list(pairwise(fixed))
    while open_spans:
        start, end = open_spans.pop()
        if end - start < 2:
            continue
        distances = distances_to_segment(points[start + 1 : end], points[start], points[end])
        farthest = int(np.argmax(distances))
        if distances[farthest] > tolerance:
            middle = start + 1 + farthest
            kept.add(middle)
            open_spans += [(start, middle), (middle, end)]
    return np.array(sorted(kept), dtype=np.intp)
