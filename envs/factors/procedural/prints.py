"""Printed papers and cloths: stripes, dots, geometric patterns, plants, camouflage."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, mixed, palette, picked, ramp, toned
from hamster_bench.envs.factors.procedural.fields import (
    SIZE,
    Field,
    Recipe,
    Stream,
    distance,
    fract,
    fractal,
    grid,
    grit,
    inside,
    noise,
    sine,
    smooth,
    stretched,
    triangle,
)
from hamster_bench.envs.factors.procedural.layouts import scattered, stamp, window


def _bands(stream: Stream, colours: str, widths: tuple[int, ...], repeats: int, slant: tuple[int, int] = (1, 0)) -> Field:
    """Stripes of given widths, ``slant`` repeats along u and v."""
    u, v = grid()
    place = fract(repeats * (slant[0] * u + slant[1] * v)) * sum(widths)
    number = np.searchsorted(np.cumsum(widths), place + 0 * u + 0 * v, side="right")
    return toned(picked(number, colours), 1 + 0.02 * grit(stream))


def _wavy(stream: Stream, colours: str, count: int, swing: float, waves: int) -> Field:
    """Stripes that swing."""
    u, v = grid()
    number = np.floor(count * v + swing * sine(waves * u)).astype(np.int64)
    return toned(picked(number % count, colours), 1 + 0.03 * grit(stream))


def _zigzag(stream: Stream, colours: str, count: int, peaks: int) -> Field:
    """Chevrons."""
    u, v = grid()
    number = np.floor(count * v + 1.6 * triangle(peaks * u)).astype(np.int64)
    return toned(picked(number % count, colours), 1 + 0.03 * grit(stream))


def _hand_painted(stream: Stream, ground: str, colours: str, count: int) -> Field:
    """Brush strokes in uneven stripes."""
    u, v = grid()
    height = count * v + 0.25 * fractal(stream, 3, octaves=3)
    part = fract(height) - 0.5 + 0 * u
    wide = 0.32 + 0.06 * noise(stream, 5, count) + 0.03 * noise(stream, 30, 64)
    dry = smooth(-0.7, -0.2, noise(stream, 4, 128) + 0.4)
    number = (np.floor(height) % count).astype(np.int64)
    bristles = 1 + 0.09 * noise(stream, 3, 256) + 0.05 * noise(stream, 6, 128)
    return toned(mixed(flat(ground), picked(number, colours), inside((np.abs(part) - wide) * SIZE / count, 2) * dry), bristles)


def _barcode(stream: Stream, colours: str, count: int) -> Field:
    """Upright stripes of random widths."""
    u, v = grid()
    edges = np.sort(stream.uniform(count))
    number = np.searchsorted(edges, u + 0 * v) % count
    return toned(picked(stream.integers(count, 97)[number], colours), 1 + 0.02 * grit(stream))


STRIPES: tuple[Recipe, ...] = (
    partial(_bands, colours="f7f4ea 24527a", widths=(1, 1), repeats=8),
    partial(_bands, colours="fdfbf5 c5283d", widths=(1, 1), repeats=6, slant=(1, 1)),
    partial(_bands, colours="e9c46a 2a9d8f f4a261 264653 e76f51", widths=(4, 2, 3, 5, 2), repeats=2, slant=(0, 1)),
    partial(_bands, colours="f0eadd 6b4f3a f0eadd b08d57", widths=(10, 1, 2, 1), repeats=5),
    partial(_bands, colours="1d1d1f f2c14e", widths=(1, 1), repeats=3, slant=(1, -1)),
    partial(_bands, colours="fbd3dc f08fa5 fff6f4 8fc9b8", widths=(3, 2, 3, 2), repeats=3, slant=(1, 2)),
    partial(_wavy, colours="0b4f6c 01baef fbfbff 20bf55", count=12, swing=0.9, waves=3),
    partial(_wavy, colours="14110f f3f3f4", count=20, swing=1.8, waves=2),
    partial(_zigzag, colours="f4f1de e07a5f 3d405b 81b29a", count=12, peaks=6),
    partial(_zigzag, colours="fbfbf8 6d6f73", count=14, peaks=10),
    partial(_hand_painted, ground="f6f0e4", colours="30638e", count=7),
    partial(_hand_painted, ground="2b2d42", colours="ef8354 e8c7a0 bfc0c0 5fa8a0", count=8),
    partial(_barcode, colours="f94144 f8961e f9c74f 90be6d 43aa8b 577590 f3f0e6", count=30),
    partial(_barcode, colours="0b0c10 1f2833 66fcf1 45a29e 0b0c10", count=44),
)


def _polka(stream: Stream, ground: str, dots: str, count: int, size: float) -> Field:
    """Dots in shifted rows; ``size`` is the radius as a share of the pitch."""
    u, v = grid()
    pitch = SIZE / count
    row = np.floor(v * count)
    place = u * count + 0.5 * (row % 2)
    radius = distance(fract(place) - 0.5, fract(v * count) - 0.5) * pitch
    number = (row * count + np.floor(place) % count).astype(np.int64)
    tones = stream.integers(count * count, 97)[number]
    return mixed(flat(ground), picked(tones, dots), inside(radius - size * pitch)) * (1 + 0.02 * grit(stream))[..., None]


def _halftone(stream: Stream, ground: str, ink: str, count: int) -> Field:
    """Dots whose size follows a smooth field."""
    u, v = grid()
    level = stretched(fractal(stream, 2, octaves=2))
    x, y = fract(count * (u + v)) - 0.5, fract(count * (u - v)) - 0.5
    return mixed(flat(ground), ink, inside((distance(x, y) - 0.12 - 0.5 * level) * SIZE / count * 0.707))


def _discs(stream: Stream, ground: str, colours: str, count: int, sizes: tuple[float, float], ring: bool = False) -> Field:
    """Discs or rings of random size and place, some over others."""
    image, table = flat(ground), palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=1.0)):
        radius = stream.number(*sizes)
        place = window(x, y, radius + 2)
        gap = distance(place.x, place.y) - radius
        if ring:
            gap = np.minimum(np.abs(gap + 0.15 * radius) - 0.12 * radius, np.abs(gap + 0.7 * radius) - 0.1 * radius)
        stamp(image, place, table[number % len(table)], inside(gap))
    return image


def _bubbles(stream: Stream, colours: str) -> Field:
    """Clear bubbles with rims and highlights."""
    image = ramp(stretched(fractal(stream, 2, octaves=3)), colours)
    for x, y in scattered(stream, 8, 8, jitter=1.0):
        radius = stream.number(5, 21)
        place = window(x, y, radius + 2)
        gap = distance(place.x, place.y) - radius
        white = np.ones(3)
        stamp(image, place, white, 0.14 * inside(gap) + 0.5 * inside(np.abs(gap + 1) - 0.8))
        light = distance(place.x + 0.4 * radius, place.y + 0.4 * radius) - 0.18 * radius
        stamp(image, place, white, 0.85 * inside(light, 2))
    return image


def _confetti(stream: Stream, ground: str, colours: str) -> Field:
    """Short bars in all directions, as on sprinkled icing."""
    image, table = flat(ground), palette(colours)
    for number, (x, y) in enumerate(scattered(stream, 13, 13, jitter=0.8)):
        place = window(x, y, 10, stream.number())
        gap = distance(np.maximum(np.abs(place.x) - 5, 0), place.y) - 2.2
        stamp(image, place, table[number % len(table)], inside(gap))
    return image


def _dot_grid(stream: Stream, ground: str, inks: str, count: int) -> Field:
    """Rings and discs one inside the other on a square grid."""
    u, v = grid()
    radius = distance(fract(u * count) - 0.5, fract(v * count) - 0.5) * 2
    band = np.floor(radius * 4).astype(np.int64)
    number = (np.floor(u * count) + np.floor(v * count)).astype(np.int64)
    image = picked(band + number, inks)
    return mixed(flat(ground), image, (radius < 1) + 0.0) * (1 + 0.02 * grit(stream))[..., None]


DOTS: tuple[Recipe, ...] = (
    partial(_polka, ground="c1272d", dots="fffaf0", count=8, size=0.25),
    partial(_polka, ground="f7f1e5", dots="1d3557 457b9d e63946", count=12, size=0.3),
    partial(_polka, ground="20232a", dots="f5f5f5", count=20, size=0.2),
    partial(_polka, ground="b8e0d2", dots="d6eadf 809bce 95b8d1 eac4d5", count=6, size=0.42),
    partial(_halftone, ground="fef6e4", ink="d62839", count=20),
    partial(_halftone, ground="ffe14a", ink="17223b", count=14),
    partial(_discs, ground="fdf6ec", colours="264653 2a9d8f e9c46a f4a261 e76f51", count=7, sizes=(8, 26)),
    partial(_discs, ground="0f1b3d", colours="f7b801 f18701 f35b04 7678ed 3d348b", count=6, sizes=(14, 34), ring=True),
    partial(_bubbles, colours="04477a 0a86b5 58c7d8"),
    partial(_confetti, ground="fff7fa", colours="ff595e ffca3a 8ac926 1982c4 6a4c93"),
    partial(_confetti, ground="4a2a1c", colours="ff8fab ffd166 8fd694 78c6f0 ffffff"),
    partial(_dot_grid, ground="efe2c6", inks="d1495b 00798c edae49 30638e", count=5),
)
