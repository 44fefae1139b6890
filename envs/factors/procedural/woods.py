"""Woods: sawn faces, boards, parquets and made boards."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, mixed, palette, picked, ramp, toned
from hamster_bench.envs.factors.procedural.fields import (
    SIZE,
    Field,
    Recipe,
    Stream,
    cells,
    cosine,
    distance,
    fract,
    fractal,
    grid,
    inside,
    noise,
    sine,
    smooth,
)
from hamster_bench.envs.factors.procedural.layouts import (
    Pieces,
    baskets,
    courses,
    cut_from,
    herringbone,
    scattered,
    stamp,
    window,
)

_OAK = "e2bd83 c79a5d 9a6a35"
_PINE = "f4dca4 e8bf7a c48a45"
_WALNUT = "8d6242 6a432a 3d2416"
_CHERRY = "cf8a58 b0633a 7e3d22"
_MAHOGANY = "93452c 6f2a1d 431411"
_MAPLE = "f3e0bf e6c99c cfa873"
_EBONY = "6f5a48 3f3028 1a1210"
_TEAK = "bf8f50 986630 66411e"
_ASH = "ddd3c2 c1b29b 938470"
_GREY = "b9b6b0 918d86 5f5b56"
_ROSEWOOD = "8c4a3c 552522 2b1214"
_OLIVE = "c9b277 9c8148 5b4626"


def _face(stream: Stream, colours: str, rings: int = 9, figure: float = 2.5, pores: float = 0.35) -> Field:
    """A sawn face, grain along u: rings light to dark, then a sharp edge; fibres; dark pores."""
    _, v = grid()
    height = rings * v + figure * (noise(stream, 2, 3) + 0.3 * noise(stream, 3, 8)) + 0.08 * noise(stream, 4, 48)
    ring = fract(height)
    late = smooth(0.2, 0.88, ring) * (1 - smooth(0.88, 1.0, ring))
    fibres = noise(stream, 5, 128) + 0.7 * noise(stream, 10, 256)
    tone = 0.18 + 0.55 * late + 0.2 * fibres + 0.15 * noise(stream, 2, 5)
    return toned(ramp(tone, colours), 1 - pores * smooth(0.25, 0.6, noise(stream, 20, 128)))


def _laid(stream: Stream, pieces: Pieces, colours: str, rings: int = 7, spread: float = 0.16, gap: float = 1.6) -> Field:
    """Pieces of one wood, each with its own place in the grain and its own tone, dark joints between."""
    image = cut_from(_face(stream, colours, rings=rings, figure=1.6), pieces, stream)
    image = toned(image, 1 + stream.uniform(pieces.count, -spread, spread)[pieces.index])
    return toned(image, 1 - 0.65 * inside(pieces.border - gap))


def _painted(stream: Stream, colours: str, wear: float) -> Field:
    """Boards whose paint comes off along the grain."""
    pieces = courses(1, 6, 0.5)
    wood = cut_from(_face(stream, _GREY, rings=8), pieces, stream)
    coat = picked(stream.integers(pieces.count, 99)[pieces.index], colours)
    coat = toned(coat, 1 + 0.07 * noise(stream, 6, 128))
    gone = smooth(wear, wear + 0.12, fractal(stream, 3, 12, octaves=4) + 0.25 * noise(stream, 8, 128))
    image = mixed(coat, wood, gone)
    return toned(image, 1 - 0.7 * inside(pieces.border - 1.8))


def _burl(stream: Stream, colours: str) -> Field:
    """Curls around many eyes."""
    height = 5 * fractal(stream, 3, octaves=3) + 1.2 * fractal(stream, 14, octaves=2)
    eyes = cells(stream, 7)
    tone = 0.45 + 0.3 * sine(height) + 0.2 * noise(stream, 64)
    image = ramp(tone, colours)
    seen = (stream.uniform(eyes.count) < 0.45)[eyes.index]
    return toned(image, 1 - 0.55 * seen * inside(eyes.nearest - 3.5, 4) + 0.15 * seen * inside(np.abs(eyes.nearest - 7) - 1, 2))


def _knotty(stream: Stream, colours: str) -> Field:
    """Boards with knots that the rings flow around."""
    u, v = grid()
    bulge, knots = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    for x, y in ((0.22, 0.2), (0.71, 0.47), (0.4, 0.81)):
        gap_u, gap_v = u - x - np.rint(u - x), v - y - np.rint(v - y)
        reach = distance(gap_u * 13, gap_v * 24)
        bulge = bulge + 2.6 / (1 + reach * reach)
        knots = np.maximum(knots, inside(reach * 10 - 7, 5))
    rings = fract(11 * v + bulge + 0.6 * noise(stream, 2, 4))
    late = smooth(0.2, 0.85, rings) * (1 - smooth(0.85, 1, rings))
    image = ramp(0.15 + 0.6 * late + 0.2 * noise(stream, 5, 128), colours)
    return mixed(image, "5a3216", 0.8 * knots)


def _end_grain(stream: Stream, colours: str) -> Field:
    """A butcher's block: rings around a heart outside each square."""
    pieces = courses(5, 5, 0)
    middle_x = stream.uniform(pieces.count, -60, 60)[pieces.index]
    middle_y = stream.uniform(pieces.count, 20, 80)[pieces.index]
    ring = fract(distance(pieces.along - middle_x, pieces.across - middle_y) / 6.5 + 0.4 * noise(stream, 10))
    tone = 0.25 + 0.45 * ring + 0.2 * noise(stream, 128) + stream.uniform(pieces.count, -0.15, 0.25)[pieces.index]
    return toned(ramp(tone, colours), 1 - 0.6 * inside(pieces.border - 1.2))


def _bamboo(stream: Stream) -> Field:
    """Upright canes with nodes."""
    u, v = grid()
    canes = 9
    cane, part = np.floor(u * canes).astype(np.int64), fract(u * canes)
    node = fract(2 * v + stream.uniform(canes)[cane])
    image = ramp(0.4 + 0.25 * noise(stream, 96, 3) + stream.uniform(canes, -0.3, 0.3)[cane], "e5d68c c6b45c 8f9440")
    image = mixed(image, "6d6a30", 0.6 * inside(np.abs(node - 0.5) * SIZE / 2 - 1.5, 2))
    image = mixed(image, "f0e8b4", 0.5 * inside(np.abs(node - 0.46) * SIZE / 2 - 2, 3))
    return toned(image, 0.35 + 0.75 * np.sqrt(4 * part * (1 - part)))


def _strands(stream: Stream) -> Field:
    """Oriented strand board: flat chips in all directions."""
    image = _face(stream, "d9b679 c39a58 96702f", rings=6)
    tones = palette("ecd09a d9b477 c39754 a97c3d e0bd80")
    for number, (x, y) in enumerate(scattered(stream, 12, 12)):
        chip = window(x, y, 24, stream.number())
        share = inside(np.maximum(np.abs(chip.x) - 22, np.abs(chip.y) - 5 - 0.1 * chip.x))
        grain = 1 + 0.09 * sine(chip.y / 2.6 + stream.number()) - 0.16 * inside(np.abs(chip.y - 5 - 0.1 * chip.x) - 0.7)
        stamp(image, chip, tones[number % 5] * grain[..., None], share)
    return image


def _cork(stream: Stream) -> Field:
    """Pressed cork: grains with dark rims."""
    grains = cells(stream, 30)
    tone = stream.uniform(grains.count)[grains.index] * 0.6 + 0.3 * fractal(stream, 16, octaves=3) + 0.2
    image = ramp(tone, "8a5a33 c08a55 d9ab75")
    dark = (stream.uniform(grains.count) < 0.07)[grains.index]
    return toned(image, 1 - 0.3 * inside(grains.border - 0.8) - 0.45 * dark)


def _plywood_edge(stream: Stream) -> Field:
    """The layers of plywood, seen from the side."""
    _, v = grid()
    layer = np.floor(v * 16).astype(np.int64)
    along = _face(stream, _MAPLE, rings=16, figure=0.4)
    ends = toned(flat("a9794a"), 1 + 0.25 * noise(stream, 128, 64) + 0.1 * noise(stream, 256, 32))
    image = mixed(along, ends, (layer % 2).astype(np.float64))
    return toned(image, 1 - 0.5 * inside((0.5 - np.abs(fract(v * 16) - 0.5)) * 16 - 0.6))


def _wicker(stream: Stream, colours: str) -> Field:
    """Thin rods woven around upright stakes."""
    u, v = grid()
    rods, stakes = 28, 12
    row = np.floor(v * rods)
    wave = cosine(u * stakes / 2 + 0.5 * (row % 2))
    bulge = 1 - np.square(2 * fract(v * rods) - 1)
    tone = 0.15 + 0.5 * bulge * (0.65 + 0.35 * wave) + stream.uniform(rods, -0.1, 0.1)[row.astype(np.int64)]
    image = ramp(tone + 0.1 * noise(stream, 24, 128), colours)
    return toned(image, 1 - 0.55 * (wave < -0.55))


def _shingles(stream: Stream, colours: str) -> Field:
    """Split shakes, each row over the one below."""
    pieces = courses(8, 8)
    grain = noise(stream, 128, 6) + 0.6 * noise(stream, 64, 4)
    tone = 0.5 + 0.3 * grain + stream.uniform(pieces.count, -0.35, 0.35)[pieces.index]
    return toned(ramp(tone, colours), (0.72 + 0.012 * (pieces.across + 16)) * (1 - 0.7 * inside(pieces.border - 0.8)))


RECIPES: tuple[Recipe, ...] = (
    partial(_face, colours=_OAK),
    partial(_face, colours=_WALNUT, rings=6, figure=4.5),
    partial(_face, colours=_CHERRY, rings=5, figure=3.5, pores=0.15),
    partial(_face, colours=_EBONY, rings=14, figure=1.5),
    partial(_face, colours=_MAPLE, rings=4, figure=5.0, pores=0.1),
    partial(_face, colours=_ROSEWOOD, rings=12, figure=6.0),
    partial(_knotty, colours=_PINE),
    lambda stream: _laid(stream, courses(1, 6), _OAK),
    lambda stream: _laid(stream, courses(2, 10), _MAHOGANY),
    lambda stream: _laid(stream, courses(1, 4), _GREY, spread=0.22),
    lambda stream: _laid(stream, courses(3, 16), _TEAK, spread=0.25, gap=0.6),
    lambda stream: _laid(stream, baskets(6, 5), _CHERRY, gap=0.7),
    lambda stream: _laid(stream, herringbone(4, 16), _OLIVE, spread=0.2, gap=0.7),
    lambda stream: _laid(stream, herringbone(3, 12), _ASH, gap=0.8),
    lambda stream: _laid(stream, baskets(4, 4), _WALNUT, spread=0.3, gap=0.9),
    partial(_painted, colours="5f9ea0 5b979b 66a6a6", wear=0.15),
    partial(_painted, colours="e9e4d6 e2dccb efebe0", wear=0.3),
    partial(_painted, colours="c8553d e0b04a 3f7f93 7aa35a d9d3c0", wear=0.35),
    partial(_burl, colours="5a3018 a5652f d79a55"),
    partial(_end_grain, colours="e5c08a bb8348 7d4e25"),
    _bamboo,
    _strands,
    _cork,
    _plywood_edge,
    partial(_wicker, colours="5d3a1c b98448 ecc98a"),
    partial(_shingles, colours="5b4a3c 8e745a b79d80"),
)
