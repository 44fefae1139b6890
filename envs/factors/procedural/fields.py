"""Fields on the texture's pixel grid, from arithmetic that gives the same bits on every machine.

Everything here wraps around at the borders, so that what is made of it tiles. Only additions, products, quotients, square roots,
comparisons and roundings are used: IEEE 754 defines each of them to the last bit. Sines, powers and sums over an axis are not: numpy
picks their code by the processor. Hence the sine of this module, and no ``np.exp``, ``**`` with a fraction, ``np.sum`` or FFT.

Coordinates: ``u`` to the right and ``v`` down, 0 to 1 over the texture; distances are in pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIZE = 256

Field = NDArray[np.floating[Any]]
"""(256, 256) values, or a shape that broadcasts to it."""
Index = NDArray[np.int64]

_TWO_PI = 6.283185307179586
# 1/3!, 1/5!, ...: on a quarter turn the series is right to 6e-8.
_SINE_TERMS = (-1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1.0)


class Stream:
    """Random numbers of one texture: raw PCG64 words, whose sequence numpy promises to keep, seeded by the texture's name."""

    def __init__(self, name: str) -> None:
        self._words = np.random.PCG64(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))

    def uniform(self, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Field:
        """Numbers in [low, high)."""
        count = int(np.prod(shape))
        words = np.asarray(self._words.random_raw(count), np.uint64)
        return low + (high - low) * ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number in [low, high)."""
        return low + (high - low) * ((int(self._words.random_raw()) >> 11) * 2.0**-53)

    def integers(self, shape: int | tuple[int, ...], count: int) -> Index:
        """Whole numbers below ``count``."""
        return np.floor(self.uniform(shape, 0, count)).astype(np.int64)

    def order(self, count: int) -> Index:
        """A random order of the first ``count`` whole numbers."""
        return np.argsort(self.uniform(count), kind="stable")


Recipe = Callable[[Stream], Field]
"""Makes one texture: an image (256, 256, 3) of RGB, nominally 0 to 1."""


def grid() -> tuple[Field, Field]:
    """Coordinates of the pixels' centres: ``u`` (1, 256) and ``v`` (256, 1)."""
    centres = (np.arange(SIZE) + 0.5) / SIZE
    return centres[None, :], centres[:, None]


def fract(values: Field) -> Field:
    """What is left above the next lower whole number."""
    return values - np.floor(values)


def sine(turns: ArrayLike) -> Field:
    """Sine of an angle in whole turns."""
    angle = np.asarray(turns, np.float64)
    angle = angle - np.rint(angle)
    folded = np.abs(angle)
    radians = _TWO_PI * np.minimum(folded, 0.5 - folded)
    square = radians * radians
    series = np.full_like(square, _SINE_TERMS[0])
    for term in _SINE_TERMS[1:]:
        series = series * square + term
    return np.copysign(series * radians, angle)


def cosine(turns: ArrayLike) -> Field:
    """Cosine of an angle in whole turns."""
    return sine(np.asarray(turns, np.float64) + 0.25)


def triangle(turns: Field) -> Field:
    """A zigzag: 0 at whole numbers, 1 halfway between."""
    return 1 - np.abs(2 * fract(turns) - 1)


def smooth(low: float, high: float, values: Field) -> Field:
    """0 below ``low``, 1 above ``high``, a smooth step between."""
    share: Field = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def inside(distance: Field, softness: float = 1.5) -> Field:
    """Coverage of a shape from the signed distance to its outline [pixels], negative within it."""
    cover: Field = np.clip(0.5 - distance / softness, 0, 1)
    return cover


def distance(across: Field, down: Field) -> Field:
    """Length of the vectors with these components."""
    length: Field = np.sqrt(across * across + down * down)
    return length


def stretched(values: Field) -> Field:
    """The same field over the whole range from 0 to 1."""
    low, high = values.min(), values.max()
    whole: Field = (values - low) / (high - low)
    return whole


def ranked(values: Field) -> Field:
    """Every value's place among all, 0 to 1: each level covers as much area as any other."""
    places = np.empty(values.size)
    places[np.argsort(values, axis=None, kind="stable")] = np.arange(values.size)
    return (places / values.size).reshape(values.shape)


def noise(stream: Stream, across: int, down: int | None = None) -> Field:
    """Gradient noise (Perlin, "Improving noise", 2002) of about -1 to 1, with so many lattice cells along u and v."""
    down = across if down is None else down
    slope_u = stream.uniform((down, across), -1, 1)
    slope_v = stream.uniform((down, across), -1, 1)
    left, offset_u, fade_u = _lattice(across)
    top, offset_v, fade_v = _lattice(down)
    right, bottom = (left + 1) % across, (top + 1) % down
    # Along u first, for the few lattice rows only; each row is then a value and a slope along v.
    value = _between(slope_u[:, left] * offset_u, slope_u[:, right] * (offset_u - 1), fade_u)
    slope = _between(slope_v[:, left], slope_v[:, right], fade_u)
    upper = value[top] + slope[top] * offset_v[:, None]
    lower = value[bottom] + slope[bottom] * (offset_v[:, None] - 1)
    return 1.4 * _between(upper, lower, fade_v[:, None])


def fractal(stream: Stream, across: int, down: int | None = None, octaves: int = 5, gain: float = 0.5) -> Field:
    """Noise with finer and weaker copies of itself added."""
    down = across if down is None else down
    total, weight = np.zeros((SIZE, SIZE)), 1.0
    for _ in range(octaves):
        if max(across, down) > SIZE:
            break
        total += weight * noise(stream, across, down)
        across, down, weight = 2 * across, 2 * down, weight * gain
    return total


def creases(stream: Stream, across: int, down: int | None = None, octaves: int = 4) -> Field:
    """Noise folded at zero, 0 on thin winding lines and up to about 1 between them."""
    down = across if down is None else down
    total, weight = np.zeros((SIZE, SIZE)), 1.0
    for _ in range(octaves):
        total += weight * np.abs(noise(stream, across, down))
        across, down, weight = 2 * across, 2 * down, weight * 0.5
    return total


def grit(stream: Stream) -> Field:
    """Independent values of every pixel, -1 to 1."""
    return stream.uniform((SIZE, SIZE), -1, 1)


@dataclass(frozen=True)
class Cells:
    """The texture cut into cells around scattered points.

    Attributes:
        index: number of the pixel's cell, below ``count``.
        nearest: distance [pixels] to the cell's point.
        border: about the distance [pixels] to the next cell.
        count: number of cells.
    """

    index: Index
    nearest: Field
    border: Field
    count: int


def cells(stream: Stream, across: int, down: int | None = None, jitter: float = 0.9, stagger: float = 0.0) -> Cells:
    """Cells (Worley, "A cellular texture basis function", 1996) of one point in each square of a grid.

    Args:
        stream: source of the points' places.
        across: squares along u.
        down: squares along v.
        jitter: how far a point may lie from its square's centre, as a share of the square.
        stagger: shift of every second row, in squares.
    """
    down = across if down is None else down
    width, height = SIZE / across, SIZE / down
    place_u = 0.5 + jitter * stream.uniform((down, across), -0.5, 0.5) + stagger * (np.arange(down) % 2)[:, None]
    place_v = 0.5 + jitter * stream.uniform((down, across), -0.5, 0.5)
    centres = np.arange(SIZE) + 0.5
    column, row = np.floor(centres / width).astype(np.int64), np.floor(centres / height).astype(np.int64)
    first = np.full((SIZE, SIZE), np.inf)
    second = np.full((SIZE, SIZE), np.inf)
    index = np.zeros((SIZE, SIZE), np.int64)
    for step_v in (-1, 0, 1):
        rows = (row + step_v) % down
        for step_u in (-2, -1, 0, 1) if stagger else (-1, 0, 1):
            columns = (column + step_u) % across
            at = np.ix_(rows, columns)
            gap_u = (place_u[at] + (column + step_u)) * width - centres
            gap_v = (place_v[at] + (row + step_v)[:, None]) * height - centres[:, None]
            square = gap_u * gap_u + gap_v * gap_v
            closer = square < first
            second = np.where(closer, first, np.minimum(second, square))
            index = np.where(closer, rows[:, None] * across + columns, index)
            first = np.minimum(first, square)
    nearest = np.sqrt(first)
    return Cells(index, nearest, 0.5 * (np.sqrt(second) - nearest), across * down)


def sample(values: Field, x: Field, y: Field) -> Field:
    """Values (256, 256) or an image between the pixels, at places [pixels] that may lie anywhere."""
    left, top = np.floor(x - 0.5), np.floor(y - 0.5)
    share_x, share_y = x - 0.5 - left, y - 0.5 - top
    if values.ndim == 3:
        share_x, share_y = share_x[..., None], share_y[..., None]
    column, row = left.astype(np.int64) % SIZE, top.astype(np.int64) % SIZE
    right, below = (column + 1) % SIZE, (row + 1) % SIZE
    upper = _between(values[row, column], values[row, right], share_x)
    lower = _between(values[below, column], values[below, right], share_x)
    return _between(upper, lower, share_y)


def warped(values: Field, shift_x: Field, shift_y: Field) -> Field:
    """Values or an image moved by so many pixels."""
    u, v = grid()
    return sample(values, u * SIZE + shift_x, v * SIZE + shift_y)


def streaked(values: Field, across: int, down: int, length: int) -> Field:
    """Mean along a line of ``length`` steps, each of so many whole pixels."""
    total = values.copy()
    for step in range(1, length):
        total += np.roll(values, (step * down, step * across), (0, 1))
    return total / length


def blurred(values: Field, times: int = 1) -> Field:
    """Smoothed with the binomial kernel 1 2 1, so many times."""
    for _ in range(times):
        for axis in (0, 1):
            values = 0.25 * (np.roll(values, 1, axis) + np.roll(values, -1, axis)) + 0.5 * values
    return values


def slopes(height: Field) -> tuple[Field, Field]:
    """Rise per pixel of a field along u and v."""
    along_u = 0.5 * (np.roll(height, -1, 1) - np.roll(height, 1, 1))
    along_v = 0.5 * (np.roll(height, -1, 0) - np.roll(height, 1, 0))
    return along_u, along_v


def _lattice(count: int) -> tuple[Index, Field, Field]:
    """Of every pixel along an axis: its lattice cell, where it lies in it, and the weight of the cell's far end."""
    place = (np.arange(SIZE) + 0.5) * count / SIZE
    cell = np.floor(place)
    offset = place - cell
    fade = offset * offset * offset * (offset * (offset * 6 - 15) + 10)
    return cell.astype(np.int64), offset, fade


def _between(low: Field, high: Field, share: Field) -> Field:
    return low + (high - low) * share
