"""Which pixels a thick line or a ring covers.

HAMSTER's published drawing uses OpenCV's unsmoothed lines and circles. The rules below cover the same pixels without that library:
a thick line is a rectangle, filled row by row and edged with thin lines, with a disc on either end; a ring is a regular polygon of
thick lines. Coordinates are pixel numbers, x to the right and y down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pixel = tuple[int, int]
Vertex = tuple[float, float]


@lru_cache(maxsize=4096)
def line_pixels(dx: int, dy: int, thickness: int) -> NDArray[np.int64]:
    """Pixels (k, 2) ``x, y`` of a thick line from (0, 0) to (dx, dy), read-only.

    Args:
        dx: [pixel].
        dy: [pixel].
        thickness: [pixel], at least 2.
    """
    return _as_array(_line((0.0, 0.0), (float(dx), float(dy)), thickness))


@lru_cache(maxsize=64)
def ring_pixels(radius: int, thickness: int) -> NDArray[np.int64]:
    """Pixels (k, 2) ``x, y`` of a ring round (0, 0), read-only.

    Args:
        radius: [pixel].
        thickness: [pixel], at least 2.
    """
    # Angle [degree] between the corners of the polygon that stands for the circle, as OpenCV chooses it.
    step = 90 if radius < 3 else 30 if radius < 10 else 18 if radius < 15 else 5
    corners = [(radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))) for angle in range(0, 361, step)]
    covered: set[Pixel] = set()
    for start, end in pairwise(corners):
        covered |= _line(start, end, thickness)
    return _as_array(covered)


def _as_array(pixels: Iterable[Pixel]) -> NDArray[np.int64]:
    array = np.array(sorted(pixels), dtype=np.int64)
    array.flags.writeable = False
    return array


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


def _line(start: Vertex, end: Vertex, thickness: int) -> set[Pixel]:
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = math.hypot(along_x, along_y)
    covered: set[Pixel] = set()
    if length > 0.0:
        # Odd thicknesses are drawn half a pixel wider to either side than even ones.
        scale = (0.5 * thickness + 0.5 * (thickness % 2)) / length
        side_x, side_y = along_y * scale, -along_x * scale
        covered |= _rectangle(
            [
                (start[0] + side_x, start[1] + side_y),
                (start[0] - side_x, start[1] - side_y),
                (end[0] - side_x, end[1] - side_y),
                (end[0] + side_x, end[1] + side_y),
            ]
        )
    for x, y in (start, end):
        covered |= _disc(_rounded(x), _rounded(y), _rounded(0.5 * thickness))
    return covered


def _rectangle(corners: list[Vertex]) -> set[Pixel]:
    """A filled convex polygon with its edges."""
    covered: set[Pixel] = set()
    rows: dict[int, tuple[float, float]] = {}
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        covered |= _thin_line(start, end)
        upper, lower = (start, end) if start[1] <= end[1] else (end, start)
        first, last = _rounded(upper[1]), _rounded(lower[1])
        for row in range(first, last + 1):
            fraction = (row - first) / (last - first) if last > first else 0.0
            crossing = upper[0] + fraction * (lower[0] - upper[0])
            left, right = rows.get(row, (math.inf, -math.inf))
            rows[row] = min(left, crossing), max(right, crossing)
            if last == first:
                rows[row] = min(rows[row][0], lower[0]), max(rows[row][1], lower[0])
    for row, (left, right) in rows.items():
        covered |= {(x, row) for x in range(_rounded(left), _rounded(right) + 1)}
    return covered


def _thin_line(start: Vertex, end: Vertex) -> set[Pixel]:
    """One pixel for every whole step along the longer axis, and the rounded end."""
    long = 0 if abs(end[0] - start[0]) > abs(end[1] - start[1]) else 1
    if end[long] < start[long]:
        start, end = end, start
    covered = {(_rounded(end[0]), _rounded(end[1]))}
    length = end[long] - start[long]
    slope = (end[1 - long] - start[1 - long]) / length if length > 0.0 else 0.0
    for i in range(math.floor(length) + 1):
        on_long, on_short = _rounded(start[long]) + i, _rounded(start[1 - long] + i * slope)
        covered.add((on_long, on_short) if long == 0 else (on_short, on_long))
    return covered


def _disc(x: int, y: int, radius: int) -> set[Pixel]:
    """A filled circle by the midpoint rule."""
    covered: set[Pixel] = set()
    across, up, error = radius, 0, 0
    while across >= up:
        for row, half in ((up, across), (-up, across), (across, up), (-across, up)):
            covered |= {(x + i, y + row) for i in range(-half, half + 1)}
        error += 2 * up + 1
        up += 1
        if error > 0:
            error -= 2 * across - 1
            across -= 1
    return covered
