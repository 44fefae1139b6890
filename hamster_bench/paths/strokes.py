"""Which pixels a thick line or a ring covers.

HAMSTER's published drawing uses OpenCV's unsmoothed lines and circles. The rules below cover the same pixels without that library:
a thick line is a rectangle, filled row by row and edged with thin lines, with a disc on either end; a ring is a regular polygon of
thick lines. Pixels are numbered x to the right and y down. As in OpenCV (``imgproc/src/drawing.cpp``) places between pixels are whole
numbers of 1/65536 pixel: where an edge passes just between two pixels, its rounding decides. At the border of an image the thin edges
are cut before they are drawn, which may leave out a pixel that the whole edge would cover.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pixel = tuple[int, int]
# In units of 1 / _ONE pixel.
Vertex = tuple[int, int]
# The image as seen from the origin of a stroke: first column, first row, end of the columns, end of the rows. Borders out of reach are
# put far away, so that strokes in the midst of images are all of one kind, and kept.
Window = tuple[int, int, int, int]
_FAR = 1 << 20

_SHIFT = 16
_ONE = 1 << _SHIFT
_HALF = _ONE >> 1


def line_offsets(x: int, y: int, dx: int, dy: int, thickness: int, height: int, width: int) -> NDArray[np.int64]:
    """Visible pixels of a thick line in an image, each as its distance in row order from the pixel where the line starts.

    Args:
        x: of the start [pixel]; may lie outside the image.
        y: likewise.
        dx: from start to end [pixel].
        dy: likewise.
        thickness: [pixel], at least 2.
        height: of the image [pixel].
        width: of the image [pixel].

    Returns:
        (k,) int64, read-only.
    """
    # A thick line reaches half its thickness, rounded up, to every side.
    reach = thickness
    left, right = (dx, 0) if dx < 0 else (0, dx)
    top, bottom = (dy, 0) if dy < 0 else (0, dy)
    window = (
        -x if x + left < reach else -_FAR,
        -y if y + top < reach else -_FAR,
        width - x if x + right >= width - reach else _FAR,
        height - y if y + bottom >= height - reach else _FAR,
    )
    return _line_offsets(dx, dy, thickness, width, window)


def ring_offsets(x: int, y: int, radius: int, thickness: int, height: int, width: int) -> NDArray[np.int64]:
    """Visible pixels of a ring in an image, each as its distance in row order from the centre; see `line_offsets`."""
    reach = radius + thickness
    window = (
        -x if x < reach else -_FAR,
        -y if y < reach else -_FAR,
        width - x if x >= width - reach else _FAR,
        height - y if y >= height - reach else _FAR,
    )
    return _ring_offsets(radius, thickness, width, window)


@lru_cache(maxsize=8192)
def _line_offsets(dx: int, dy: int, thickness: int, width: int, window: Window) -> NDArray[np.int64]:
    return _offsets(_line((0, 0), (dx << _SHIFT, dy << _SHIFT), thickness, window), width, window)


@lru_cache(maxsize=512)
def _ring_offsets(radius: int, thickness: int, width: int, window: Window) -> NDArray[np.int64]:
    # Angle [degree] between the corners of the polygon that stands for the circle, as OpenCV chooses it.
    step = 90 if radius < 3 else 30 if radius < 10 else 18 if radius < 15 else 5
    corners = [_on_circle(radius, angle) for angle in range(0, 361, step)]
    covered: set[Pixel] = set()
    for start, end in pairwise(corners):
        covered |= _line(start, end, thickness, window)
    return _offsets(covered, width, window)


def _offsets(pixels: set[Pixel], width: int, window: Window) -> NDArray[np.int64]:
    left, top, right, bottom = window
    array = np.array([y * width + x for x, y in sorted(pixels) if left <= x < right and top <= y < bottom], dtype=np.int64)
    array.flags.writeable = False
    return array


def _on_circle(radius: int, angle: int) -> Vertex:
    """The point of a circle at an angle [degree]; OpenCV's table of sines has seven decimals in single precision."""
    cosine, sine = (float(np.float32(round(math.sin(math.radians(a)), 7))) for a in (angle + 90, angle))
    return round(radius * _ONE * cosine), round(radius * _ONE * sine)


def _pixel(place: int) -> int:
    """The pixel nearest to a place [1/65536 pixel]."""
    return (place + _HALF) >> _SHIFT


def _quotient(dividend: int, divisor: int) -> int:
    """Division by a positive number that cuts towards zero, as C does."""
    return dividend // divisor if dividend >= 0 else -(-dividend // divisor)


def _line(start: Vertex, end: Vertex, thickness: int, window: Window) -> set[Pixel]:
    along_x, along_y = (end[0] - start[0]) / _ONE, (end[1] - start[1]) / _ONE
    length = math.sqrt(along_x * along_x + along_y * along_y)
    covered: set[Pixel] = set()
    if length > 0.0:
        # Odd thicknesses are drawn half a pixel wider to either side than even ones.
        scale = (thickness + thickness % 2) * _HALF / length
        side_x, side_y = round(along_y * scale), round(-along_x * scale)
        covered |= _rectangle(
            [
                (start[0] + side_x, start[1] + side_y),
                (start[0] - side_x, start[1] - side_y),
                (end[0] - side_x, end[1] - side_y),
                (end[0] + side_x, end[1] + side_y),
            ],
            window,
        )
    for x, y in (start, end):
        covered |= _disc(_pixel(x), _pixel(y), (thickness + 1) // 2)
    return covered


def _rectangle(corners: list[Vertex], window: Window) -> set[Pixel]:
    """A filled convex polygon with its edges."""
    covered: set[Pixel] = set()
    for start, end in pairwise([*corners, corners[0]]):
        visible = _cut(start, end, window)
        if visible is not None:
            covered |= _thin_line(*visible)
    top = min(range(len(corners)), key=lambda i: corners[i][1])
    sides = [_side([*corners[top:], *corners[:top], corners[top]]), _side([*corners[top::-1], *corners[:top:-1], corners[top]])]
    first, last = _pixel(corners[top][1]), max(_pixel(y) for _, y in corners)
    # The row of the lowest corner has its thin edges alone.
    for row in range(first, last):
        crossings = [side[row] for side in sides]
        covered |= {(x, row) for x in range(_pixel(min(crossings)), _pixel(max(crossings)) + 1)}
    return covered


def _side(corners: list[Vertex]) -> dict[int, int]:
    """Where the border crosses each row, walking down from the topmost corner along one side."""
    crossings: dict[int, int] = {}
    row = _pixel(corners[0][1])
    for start, end in pairwise(corners):
        last = _pixel(end[1])
        if last <= row:
            continue
        height = last - row
        slope = _quotient(2 * (end[0] - start[0]) + height, 2 * height)
        # The row of the lower corner belongs to the next edge.
        crossings |= {row + i: start[0] + i * slope for i in range(height)}
        row = last
    return crossings


def _thin_line(start: Vertex, end: Vertex) -> set[Pixel]:
    """One pixel for every whole step along the longer axis, and the rounded end."""
    spans = abs(end[0] - start[0]), abs(end[1] - start[1])
    long = 0 if spans[0] > spans[1] else 1
    if end[long] < start[long]:
        start, end = end, start
    covered = {(_pixel(end[0]), _pixel(end[1]))}
    slope = _quotient((end[1 - long] - start[1 - long]) * _ONE, spans[long] | 1)
    for i in range((end[long] - start[long] >> _SHIFT) + 1):
        on_long, on_short = _pixel(start[long]) + i, _pixel(start[1 - long] + i * slope)
        covered.add((on_long, on_short) if long == 0 else (on_short, on_long))
    return covered


def _cut(start: Vertex, end: Vertex, window: Window) -> tuple[Vertex, Vertex] | None:
    """The part of an edge inside a window, or None; rows first, as OpenCV's ``clipLine`` does, for the sake of the same rounding."""
    ends = [list(start), list(end)]
    for axis in (1, 0):
        low, high = window[axis] << _SHIFT, (window[axis + 2] << _SHIFT) - 1
        if all(point[axis] < low for point in ends) or all(point[axis] > high for point in ends):
            return None
        for point in ends:
            border = min(max(point[axis], low), high)
            if border != point[axis]:
                span = ends[1][axis] - ends[0][axis]
                point[1 - axis] += int((border - point[axis]) * (ends[1][1 - axis] - ends[0][1 - axis]) / span)
                point[axis] = border
    return (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])


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
