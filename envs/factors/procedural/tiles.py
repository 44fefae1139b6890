"""Glazed and cement tiles, mosaics."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, lit, mixed, palette, picked, ramp, toned
from hamster_bench.envs.factors.procedural.fields import (
    SIZE,
    Field,
    Index,
    Recipe,
    Stream,
    cells,
    distance,
    fract,
    fractal,
    grid,
    grit,
    inside,
    noise,
    smooth,
    stretched,
)
from hamster_bench.envs.factors.procedural.layouts import Pieces, courses, herringbone


def _glazed(stream: Stream, pieces: Pieces, colours: str, grout: str, joint: float = 1.6, spread: float = 0.06) -> Field:
    """Glazed tiles with soft edges and a little unevenness."""
    image = picked(stream.integers(pieces.count, 97)[pieces.index], colours)
    image = toned(image, 1 + stream.uniform(pieces.count, -spread, spread)[pieces.index] + 0.05 * fractal(stream, 6, octaves=3))
    image = lit(image, 5 * smooth(joint, joint + 6, pieces.border), 0.3)
    return mixed(image, flat(grout) * (1 + 0.06 * grit(stream))[..., None], inside(pieces.border - joint))


def _checkered(stream: Stream, count: int, light: str, dark: str, veins: float = 0.5) -> Field:
    """Marble squares in two colours."""
    u, v = grid()
    odd = (np.floor(u * count) + np.floor(v * count)) % 2
    cloud = np.abs(fractal(stream, 4, octaves=5))
    image = mixed(ramp(1 - veins * cloud, f"888888 {light}"), ramp(veins * cloud, f"{dark} b0b0b0"), odd)
    return toned(image, 1 - 0.5 * inside(courses(count, count, 0).border - 0.7))


def _hexagons(stream: Stream, columns: int, rows: int, colours: str, grout: str, flower: bool = False) -> Field:
    """Six-sided tiles; with ``flower`` by their place, else by chance."""
    tiles = cells(stream, columns, rows, jitter=0.0, stagger=0.5)
    if flower:
        row, column = np.divmod(tiles.index, columns)
        number: Index = (column + (row % 2) + 2 * (row // 2 % 2)) % 3
        number = np.where(number == 0, 0, 1 + row % 2)
    else:
        number = stream.integers(tiles.count, 89)[tiles.index]
    image = toned(picked(number, colours), 1 + stream.uniform(tiles.count, -0.05, 0.05)[tiles.index])
    image = lit(image, 3 * smooth(1.2, 5, tiles.border), 0.3)
    return mixed(image, grout, inside(tiles.border - 1.3))


def _pennies(stream: Stream, colours: str, grout: str) -> Field:
    """Small round tiles, a few of them coloured."""
    tiles = cells(stream, 16, 18, jitter=0.0, stagger=0.5)
    chance = stream.uniform(tiles.count)
    number = np.where(chance < 0.72, 0, 1 + np.floor(chance * 50).astype(np.int64) % 3)
    image = lit(picked(number[tiles.index], colours), 4 * smooth(7.2, 3.0, tiles.nearest), 0.25)
    return mixed(image, grout, inside(6.4 - tiles.nearest))


def _folded(count: int) -> tuple[Field, Field]:
    """Place in an eighth of a tile [tile's half-edges], the same in all eight; ``count`` tiles across."""
    u, v = grid()
    x = np.abs(2 * fract(u * count) - 1) + 0 * v
    y = np.abs(2 * fract(v * count) - 1) + 0 * u
    return np.maximum(x, y), np.minimum(x, y)


def _encaustic(stream: Stream, count: int, colours: str, edge: float = 0.05, bands: int = 5) -> Field:
    """Cement tiles whose ornament is the same in the eight mirror parts of each tile."""
    x, y = _folded(count)
    radius = distance(x, y)
    waves = stream.uniform(5, 0.7, 2.3)
    shift = stream.uniform(5)
    level = np.zeros((SIZE, SIZE))
    for at, part in enumerate((x + y, x - y, radius, distance(1 - x, y), distance(1 - x, 1 - y))):
        wave = np.abs(2 * fract(waves[at] * part + shift[at]) - 1)
        level = level + wave * wave * (3 - 2 * wave)
    number = np.floor(stretched(level) * bands * 0.999).astype(np.int64)
    image = toned(picked(number, colours), 1 + 0.08 * fractal(stream, 8, octaves=4) + 0.04 * grit(stream))
    return toned(image, 1 - 0.3 * inside((1 - x) * SIZE / (2 * count) - edge * 12))


def _azulejo(stream: Stream, ink: str, ground: str, count: int = 2) -> Field:
    """A painted tile: rosette, petals, quarter rings in the corners."""
    x, y = _folded(count)
    half = SIZE / (2 * count)
    corner = distance(1 - x, 1 - y) * half
    centre = distance(x, y) * half
    petal = distance((x - 0.42) / 0.3, y / 0.13) * half - half
    diagonal = distance((x + y - 0.74) / 0.36, (x - y) / 0.17) * half - half
    lines = np.minimum(np.abs(corner - 0.55 * half), np.abs(corner - 0.68 * half)) - 1.8
    shapes = np.minimum(np.minimum(petal * 0.2, diagonal * 0.2), np.minimum(lines, np.abs(centre - 0.1 * half) - 2))
    leaf = np.abs(distance((x - 0.98) / 0.2, (y - 0.15) / 0.16) * half - half) * 0.15 - 1
    wash = 0.75 + 0.25 * smooth(-0.4, 0.5, noise(stream, 12))
    image = mixed(flat(ground), ink, inside(np.minimum(shapes, leaf)) * wash)
    image = mixed(image, ink, 0.35 * inside(corner - 0.5 * half) * wash)
    image = toned(image, 1 + 0.05 * fractal(stream, 5, octaves=3))
    return mixed(image, "c9c6bd", inside((1 - x) * half - 1.0))


def _mosaic(stream: Stream, count: int, colours: str, grout: str, scale: int = 2) -> Field:
    """Small squares in drifting colours, as in a pool."""
    pieces = courses(count, count, 0)
    drift = stretched(fractal(stream, scale, octaves=2))
    middle = (np.arange(count) * 2 + 1) * SIZE // (2 * count)
    level = drift[np.ix_(middle, middle)].reshape(-1) + stream.uniform(pieces.count, -0.2, 0.2)
    image = ramp(level[pieces.index], colours)
    image = toned(image, 1 + stream.uniform(pieces.count, -0.12, 0.12)[pieces.index])
    return mixed(lit(image, 2 * smooth(1, 3, pieces.border), 0.2), grout, inside(pieces.border - 1.0))


def _octagons(stream: Stream, colours: str, count: int = 5) -> Field:
    """Octagons with small squares in the gaps."""
    x, y = _folded(count)
    half = SIZE / (2 * count)
    corner = (x + y - 1.42) * half * 0.707
    border = np.minimum(np.abs(corner), np.where(corner < 0, (1 - x) * half, 99.0))
    image = mixed(flat(colours.split(maxsplit=1)[0]), colours.split()[1], inside(-corner, 1))
    image = toned(image, 1 + 0.06 * fractal(stream, 7, octaves=4))
    return mixed(image, colours.split()[2], inside(border - 1.1))


def _fish_scales(stream: Stream, colours: str, grout: str) -> Field:
    """Fan-shaped tiles in rows."""
    u, v = grid()
    columns, rows = 6, 12
    radius = SIZE / (2 * columns)
    image = flat(grout)
    row = np.floor(v * rows)
    tones = stream.integers(rows * columns, 97)
    for step in (2, 1, 0):
        # Each fan hangs below its row's line; the ones further down lie on top.
        own = row - step + 1
        place = u * columns + 0.5 * (own % 2)
        x, y = (fract(place) - 0.5) * 2 * radius, (v * rows - own) * SIZE / rows
        border = radius - distance(x, y)
        number = ((own % rows) * columns + np.floor(place) % columns).astype(np.int64)
        fan = toned(picked(tones[number], colours), 0.9 + 0.006 * border)
        fan = mixed(fan, grout, inside(border - 1.5))
        image = mixed(image, fan, inside(-border, 1))
    return toned(image, 1 + 0.05 * fractal(stream, 9, octaves=3))


def _broken(stream: Stream, colours: str, grout: str) -> Field:
    """Trencadis: shards of many tiles."""
    shards = cells(stream, 10, jitter=1.0)
    image = picked(stream.integers(shards.count, 97)[shards.index], colours)
    image = lit(image, 3 * smooth(1.5, 5, shards.border), 0.25)
    return mixed(image, flat(grout) * (1 + 0.05 * grit(stream))[..., None], inside(shards.border - 1.6))


def _terracotta(stream: Stream) -> Field:
    """Handmade floor tiles of uneven firing."""
    pieces = courses(4, 4, 0)
    tone = 0.5 + stream.uniform(pieces.count, -0.25, 0.25)[pieces.index] + 0.3 * fractal(stream, 5, octaves=5)
    border = pieces.border + 1.5 * fractal(stream, 12, octaves=3)
    image = lit(ramp(tone, "9b4f2e c77a4d e5a878"), 4 * smooth(2, 7, border), 0.25)
    return mixed(image, "cfc0a8", inside(border - 2.6, 2))


def _inset(stream: Stream, colours: str, count: int = 6) -> Field:
    """Large diamonds with small ones between, in three colours."""
    x, y = _folded(count)
    half = SIZE / (2 * count)
    outer = (x + y - 1) * half * 0.707
    table = palette(colours)
    image = mixed(flat(colours.split(maxsplit=1)[0]), table[1], inside(outer))
    image = mixed(image, table[2], inside((x + y - 0.45) * half * 0.707))
    return mixed(image, table[3], inside(np.abs(outer) - 1)) * (1 + 0.05 * fractal(stream, 10, octaves=3))[..., None]


RECIPES: tuple[Recipe, ...] = (
    lambda stream: _glazed(stream, courses(6, 6, 0), "f4f4f1", "b9b9b4"),
    lambda stream: _glazed(stream, courses(4, 8), "2f6f6a 33766f 2a6560", "dfe6e3", spread=0.15),
    lambda stream: _glazed(stream, courses(8, 8, 0), "e4b7a5 d98f7a f2d5c5 c96f5b", "f7efe8"),
    lambda stream: _glazed(stream, herringbone(3, 18), "f0efe9 e9e7df f6f5f0", "6f6f6c", joint=1.2),
    lambda stream: _glazed(stream, courses(3, 12, 0.5), "1f2f5c 243869 1a284f", "c8a45a", spread=0.2),
    partial(_checkered, count=6, light="f6f3ec", dark="17181b"),
    partial(_checkered, count=8, light="f4ead0", dark="7c2127", veins=0.3),
    partial(_hexagons, columns=7, rows=8, colours="f2f0eb e5e2da 2d3136 f2f0eb dcd8cf", grout="9b9890"),
    partial(_hexagons, columns=14, rows=16, colours="2e7d6b f1e9d2 d98c3f 1d4e4a", grout="faf6ea"),
    partial(_hexagons, columns=6, rows=6, colours="3a4e8c 8fa6d9 dfe6f7", grout="2a3560", flower=True),
    partial(_pennies, colours="f7f5f0 1d1f22 5f7f8f c94f3d", grout="8b8d8c"),
    partial(_encaustic, count=2, colours="20395c e9e1cf b5462f d9a94f 6d8a8a"),
    partial(_encaustic, count=3, colours="f3ead8 3b3b3d 8fa68e c9b48d 5a6f60"),
    partial(_encaustic, count=4, colours="6e2639 f2d9b8 d98841 3d5a5e f2d9b8"),
    partial(_encaustic, count=2, colours="f7f3ea 9db7c4 4e7890 f7f3ea 2a4356", bands=6),
    partial(_azulejo, ink="1f4fa3", ground="f5f4ee"),
    partial(_azulejo, ink="b7652b", ground="f7e9b8", count=3),
    partial(_mosaic, count=24, colours="0a3d6b 1577a8 3fb3cf a8e4ea", grout="e8f4f5"),
    partial(_mosaic, count=16, colours="f4d58d bf0603 708d81 001427 8d0801", grout="f5eee0", scale=3),
    partial(_mosaic, count=32, colours="3d1f5c 8a3f8f d977a8 f7c8b8", grout="2a1838", scale=1),
    partial(_octagons, colours="f3f0e8 1f2123 8d8a83"),
    partial(_octagons, colours="cfd9c4 b5533c 5f6b55", count=7),
    partial(_fish_scales, colours="1f7a7a 2c9c94 14606a 58bfae", grout="e9f2ec"),
    partial(_fish_scales, colours="f3c9cf e89aa6 f9e0e0 d97c8c", grout="fffaf7"),
    partial(_broken, colours="2456a6 f2c230 f5f5f0 d9482b 2c9c69 7fc0e8 f08a24", grout="f0ebe0"),
    _terracotta,
    partial(_inset, colours="e8dfcf 556b5d c7a24a 2b2f2d"),
)
