"""Ways to lay pieces over the texture: courses, herringbone, baskets, and single shapes stamped at a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hamster_bench.envs.factors.procedural.fields import SIZE, Field, Index, Stream, grid, sine

_SINES: tuple[float, ...] = tuple(sine(np.arange(1024) / 1024).tolist())


@dataclass(frozen=True)
class Pieces:
    """The texture cut into rectangles.

    Attributes:
        index: number of the pixel's piece, below ``count``.
        along: place along the piece's length from its middle [pixels].
        across: place across it [pixels].
        border: distance to the piece's edge [pixels].
        upright: 1 where the piece's length runs along v, else 0.
        count: bound of ``index``.
    """

    index: Index
    along: Field
    across: Field
    border: Field
    upright: Index
    count: int


def courses(columns: int, rows: int, shift: float = 0.5) -> Pieces:
    """Rows of equal pieces, each row shifted by so much of a piece against the one above. ``rows * shift`` must be whole."""
    u, v = grid()
    row = np.floor(v * rows)
    place = u * columns + shift * row
    column = np.floor(place)
    along = (place - column - 0.5) * SIZE / columns + 0 * v
    across = (v * rows - row - 0.5) * SIZE / rows + 0 * u
    border = np.minimum(0.5 * SIZE / columns - np.abs(along), 0.5 * SIZE / rows - np.abs(across))
    index = (row * columns + column % columns).astype(np.int64)
    return Pieces(index, along, across, border, np.zeros((SIZE, SIZE), np.int64), columns * rows)


def herringbone(length: int, units: int) -> Pieces:
    """Pieces ``length`` times as long as wide, at right angles in steps. ``units`` widths go across; a multiple of ``2 * length``."""
    u, v = grid()
    unit = SIZE / units
    column, row = np.floor(u * units), np.floor(v * units)
    phase = (column - row) % (2 * length)
    upright = (phase >= length).astype(np.int64)
    from_start = np.where(upright, 2 * length - 1 - phase, phase)
    part_u, part_v = u * units - column, v * units - row
    along = (from_start + np.where(upright, part_v, part_u) - 0.5 * length) * unit
    across = (np.where(upright, part_u, part_v) - 0.5) * unit
    border = np.minimum(0.5 * length * unit - np.abs(along), 0.5 * unit - np.abs(across))
    first_column = np.where(upright, column + 0 * row, column - from_start) % units
    first_row = np.where(upright, row - from_start, row + 0 * column) % units
    index = (first_row * units + first_column).astype(np.int64)
    return Pieces(index, along, across, border, upright, units * units)


def baskets(squares: int, slats: int) -> Pieces:
    """Squares of parallel slats, every second square turned. ``squares`` across, an even number."""
    u, v = grid()
    side = SIZE / squares
    column, row = np.floor(u * squares), np.floor(v * squares)
    upright = ((column + row) % 2).astype(np.int64)
    part_u, part_v = u * squares - column, v * squares - row
    length = np.where(upright, part_v, part_u)
    width = np.where(upright, part_u, part_v) * slats
    slat = np.floor(width)
    along, across = (length - 0.5) * side, (width - slat - 0.5) * side / slats
    border = np.minimum(0.5 * side - np.abs(along), 0.5 * side / slats - np.abs(across))
    index = ((row * squares + column) * slats + slat).astype(np.int64)
    return Pieces(index, along, across, border, upright, squares * squares * slats)


def cut_from(image: Field, pieces: Pieces, stream: Stream) -> Field:
    """The pieces cut out of an image, each from another place and turned with its piece."""
    offset_x, offset_y = stream.integers(pieces.count, SIZE)[pieces.index], stream.integers(pieces.count, SIZE)[pieces.index]
    place = np.arange(SIZE)
    x, y = np.broadcast_to(place[None, :], (SIZE, SIZE)), np.broadcast_to(place[:, None], (SIZE, SIZE))
    x, y = np.where(pieces.upright, y, x), np.where(pieces.upright, x, y)
    cut: Field = image[(y + offset_y) % SIZE, (x + offset_x) % SIZE]
    return cut


@dataclass(frozen=True)
class Window:
    """The pixels around a place, over the borders where need be.

    Attributes:
        pixels: index into an image.
        x: offsets to the right of the place, turned with the window [pixels].
        y: offsets down [pixels].
    """

    pixels: tuple[slice | Index, ...]
    x: Field
    y: Field


def window(x: float, y: float, reach: float, turn: float = 0.0) -> Window:
    """The square window of half-edge ``reach`` below 127 pixels around a place, its axes turned by so many whole turns."""
    columns = np.arange(int(np.floor(x - reach)), int(np.ceil(x + reach)) + 1)
    rows = np.arange(int(np.floor(y - reach)), int(np.ceil(y + reach)) + 1)
    gap_x, gap_y = (columns + 0.5 - x)[None, :], (rows + 0.5 - y)[:, None]
    turned_x, turned_y = gap_x + 0 * gap_y, gap_y + 0 * gap_x
    if turn:
        c, s = _direction(turn)
        turned_x, turned_y = c * gap_x + s * gap_y, c * gap_y - s * gap_x
    pixels: tuple[slice | Index, ...]
    if min(rows[0], columns[0]) >= 0 and max(rows[-1], columns[-1]) < SIZE:
        # Slices are several times faster than lists of indices.
        pixels = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    else:
        pixels = np.ix_(rows % SIZE, columns % SIZE)
    return Window(pixels, turned_x, turned_y)


def _direction(turn: float) -> tuple[float, float]:
    """Cosine and sine, of the nearest 1024th of a turn."""
    step = round(turn * 1024)
    return _SINES[(step + 256) % 1024], _SINES[step % 1024]


def stamp(image: Field, place: Window, colour: Field, share: Field) -> None:
    """Lays a colour, or colours (rows, columns, 3), over the window's pixels with so much coverage."""
    patch = image[place.pixels]
    image[place.pixels] = patch + (colour - patch) * share[..., None]


def scattered(stream: Stream, columns: int, rows: int, jitter: float = 0.7) -> Field:
    """Places (n, 2) [pixels], one in each field of a grid with shifted rows, in random order."""
    row, column = np.divmod(np.arange(columns * rows), columns)
    x = (column + 0.5 + 0.5 * (row % 2) + jitter * stream.uniform(len(row), -0.5, 0.5)) * SIZE / columns
    y = (row + 0.5 + jitter * stream.uniform(len(row), -0.5, 0.5)) * SIZE / rows
    places: Field = np.stack([x % SIZE, y % SIZE], axis=1)[stream.order(len(row))]
    return places


def honeycomb(columns: int, rows: int) -> tuple[Field, Field, Index]:
    """Six-sided cells standing on a corner; ``rows`` even, and 1.155 times ``columns`` for regular ones.

    Returns:
        Offsets from the cell's middle to the right and down [pixels], and the cell's number.
    """
    u, v = grid()
    width, height = SIZE / columns, SIZE / rows
    best: tuple[Field, Field, Index] | None = None
    for parity in (0, 1):
        row = 2 * np.rint((v * rows - parity) / 2) + parity
        column = np.rint(u * columns - 0.5 * parity)
        x = (u * columns - 0.5 * parity - column) * width + 0 * v
        y = (v * rows - row) * height + 0 * u
        number = ((row % rows) * columns + column % columns).astype(np.int64)
        if best is not None:
            closer = x * x + y * y < best[0] * best[0] + best[1] * best[1]
            x, y, number = np.where(closer, x, best[0]), np.where(closer, y, best[1]), np.where(closer, number, best[2])
        best = x, y, number
    assert best is not None
    return best
