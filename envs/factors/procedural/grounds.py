"""Grounds and waters: sand, gravel, mud, snow, asphalt, water, ice, lava."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, lit, mixed, palette, picked, ramp, toned
from hamster_bench.envs.factors.procedural.fields import (
    SIZE,
    Field,
    Recipe,
    Stream,
    cells,
    distance,
    fractal,
    grid,
    grit,
    inside,
    noise,
    sine,
    smooth,
    stretched,
    warped,
)
from hamster_bench.envs.factors.procedural.layouts import scattered, stamp, window
from hamster_bench.envs.factors.procedural.plants import GRASSES


def _ripples(stream: Stream, colours: str, count: int) -> Field:
    """Sand ripples that fork."""
    u, v = grid()
    height = 0.5 + 0.5 * sine(count * v + 2 * u + 1.1 * noise(stream, 2) + 0.45 * noise(stream, 5))
    height = height * np.sqrt(height)
    image = ramp(0.5 + 0.12 * fractal(stream, 4, octaves=3) + 0.16 * grit(stream), colours)
    return lit(image, 9 * height + 0.6 * noise(stream, 128), 0.22)


def _pebbles(stream: Stream, colours: str, ground: str, count: int, large: float) -> Field:
    """Round stones lying on each other."""
    image = toned(flat(ground), 1 + 0.2 * grit(stream))
    table = palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=1.0)):
        radius = stream.number(0.5, 1) * large
        stretch, turn = stream.number(1.0, 1.6), stream.number()
        place = window(x, y, radius * stretch + 3, turn)
        away = distance(place.x / stretch, place.y) / radius
        straight = window(x, y, radius * stretch + 3)
        light = 1.08 - 0.28 * np.square(away) - 0.22 * (straight.x + straight.y) / radius * np.minimum(away, 1) * 0.6
        light = light + 0.05 * sine(0.2 * place.y + 0.11 * place.x + number)
        stamp(image, place, np.zeros(3), 0.4 * inside((away - 1) * radius - 2, 4))
        stamp(image, place, table[number % len(table)] * light[..., None], inside((away - 1) * radius))
    return image


def _cracked(stream: Stream, colours: str, crack: str, count: int) -> Field:
    """Dried mud."""
    plates, small = cells(stream, count, jitter=1.0), cells(stream, 3 * count, jitter=1.0)
    push = 4 * fractal(stream, 10, octaves=3)
    border = warped(plates.border, push, -push)
    image = ramp(0.5 + 0.3 * fractal(stream, 6, octaves=5) + 0.06 * grit(stream), colours)
    image = toned(image, 1 - 0.3 * inside(small.border - 0.4))
    image = lit(image, 4 * smooth(0.5, 6, border), 0.35)
    return mixed(image, crack, inside(border - 1.6, 2))


def _soil(stream: Stream, colours: str, roughness: float) -> Field:
    """Crumbs of earth."""
    crumbs = cells(stream, 34, jitter=1.0)
    height = roughness * stream.uniform(crumbs.count)[crumbs.index] * inside(crumbs.nearest - 4.5, 5)
    height = height + 5 * fractal(stream, 8, octaves=5, gain=0.7)
    return lit(ramp(0.5 + 0.35 * fractal(stream, 9, octaves=5, gain=0.7), colours), height, 0.3)


def _asphalt(stream: Stream, line: bool) -> Field:
    """Tar and chippings, with a painted line where wanted."""
    u, _ = grid()
    chips = cells(stream, 64, jitter=1.0)
    tone = stream.uniform(chips.count)[chips.index] * inside(chips.nearest - 1.6, 2)
    image = ramp(0.15 + 0.6 * tone + 0.12 * fractal(stream, 4, octaves=4), "1b1c1e 3c3e41 8a8c8e")
    if line:
        worn = smooth(-0.5, -0.2, fractal(stream, 16, octaves=4) + 0.15)
        image = mixed(image, "f2c53d", inside(np.abs(u - 0.5) * SIZE - 20, 2) * worn * 0.9)
    cracks = 1 - smooth(0.0, 0.03, np.abs(noise(stream, 3)) + 0.15 * np.abs(noise(stream, 9)))
    return toned(image, 1 - 0.6 * cracks)


def _snow(stream: Stream) -> Field:
    """Wind-blown snow with glints."""
    height = 14 * fractal(stream, 2, 3, octaves=5, gain=0.45)
    image = lit(flat("e4ecf4"), height, 0.3)
    return mixed(image, "ffffff", 0.8 * smooth(0.93, 0.99, grit(stream)))


def _caustics(stream: Stream, colours: str, count: int) -> Field:
    """The net of light at the bottom of a pool."""
    push_x, push_y = 13 * fractal(stream, 4, octaves=2), 13 * fractal(stream, 4, octaves=2)
    first, second = cells(stream, count, jitter=1.0), cells(stream, count + 3, jitter=1.0)
    net = np.maximum(1 - warped(first.border, push_x, push_y) / 7, 0.75 * (1 - warped(second.border, push_y, push_x) / 5))
    net = np.clip(net, 0, 1)
    return ramp(0.15 + 0.2 * fractal(stream, 2, octaves=3) + 0.75 * net * net * net, colours)


def _waves(stream: Stream, colours: str) -> Field:
    """Open water: crossing waves with foam on the crests."""
    u, v = grid()
    height = np.zeros((SIZE, SIZE))
    bend = 0.35 * fractal(stream, 3, octaves=3)
    for across, down, strength in ((1, 9, 1.0), (3, 14, 0.7), (-2, 12, 0.7), (5, 23, 0.45), (-6, 27, 0.4)):
        height += strength * sine(across * u + down * v + bend + stream.number())
    level = stretched(height + 0.5 * fractal(stream, 8, 16, octaves=4))
    foam = smooth(0.66, 0.78, level + 0.12 * noise(stream, 64))
    return mixed(ramp(level, colours), "eef6f6", 0.7 * foam)


def _ice(stream: Stream) -> Field:
    """Blue ice with cracks and white haze."""
    image = ramp(0.45 + 0.4 * fractal(stream, 2, octaves=5), "2f6f9f 6fb0d0 b9e0ee f2fbff")
    for across, wide in ((3, 0.035), (6, 0.05)):
        line = 1 - smooth(0.0, wide, np.abs(noise(stream, across)) + 0.02 * noise(stream, 32))
        image = mixed(image, "fafeff", 0.8 * line)
    shards = cells(stream, 5, jitter=1.0)
    return mixed(image, "ffffff", 0.55 * inside(shards.border - 0.7, 2))


def _lava(stream: Stream) -> Field:
    """Black crust with glowing cracks."""
    push = 9 * fractal(stream, 5, octaves=4)
    crust = cells(stream, 6, jitter=1.0)
    heat = 1 - warped(crust.border, push, -push) / 13 + 0.25 * fractal(stream, 6, octaves=4)
    glow = ramp(smooth(0.35, 1.05, heat), "120c0b 1e1210 6a1408 e0430a ffa21a ffe98a")
    return toned(glow, 1 + 0.25 * fractal(stream, 16, octaves=4))


def _moss(stream: Stream, colours: str) -> Field:
    """Cushions of moss."""
    cushions = cells(stream, 14, jitter=1.0)
    fine = cells(stream, 60, jitter=1.0)
    height = 6 * np.sqrt(np.clip(cushions.border, 0, None)) + 2.5 * stream.uniform(fine.count)[fine.index]
    tone = 0.35 + 0.05 * cushions.border + 0.3 * fractal(stream, 4, octaves=4) + 0.2 * stream.uniform(fine.count)[fine.index]
    return lit(ramp(tone, colours), height, 0.16)


def _straw(stream: Stream, colours: str, count: int, length: float) -> Field:
    """Stalks or needles lying crosswise."""
    image = flat(colours.split(maxsplit=1)[0])
    image = toned(image, 0.75 + 0.3 * fractal(stream, 12, octaves=4))
    table = palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=1.0)):
        place = window(x, y, length + 1, stream.number())
        gap = np.maximum(np.abs(place.y) - 1.7, np.abs(place.x) - length)
        tone = table[number % len(table)] * (1.1 - 0.16 * np.square(place.y))[..., None]
        stamp(image, place, tone, inside(gap))
    return image


def _gravel(stream: Stream, colours: str, count: int) -> Field:
    """Broken stone, facets up."""
    stones = cells(stream, count, jitter=1.0)
    lean = stream.uniform((stones.count, 2), -0.35, 0.35)[stones.index]
    image = picked(stream.integers(stones.count, 97)[stones.index], colours)
    image = toned(image, 1 + lean[..., 0] + 0.15 * fractal(stream, 24, octaves=3))
    return toned(image, 1 - 0.75 * inside(stones.border - 1.0 + 0 * lean[..., 1], 3))


def _beans(stream: Stream, colours: str, ground: str, count: int, size: float) -> Field:
    """Coffee beans or the like: ovals with a cut along the middle."""
    image, table = flat(ground), palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=1.0)):
        place = window(x, y, 1.5 * size + 2, stream.number())
        away = distance(place.x / 1.4, place.y) / size
        cut = np.abs(place.y + 0.18 * size * sine(place.x / (2.6 * size))) - 0.08 * size
        tone = table[number % len(table)] * (1.25 - 0.6 * np.square(away) - 0.03 * place.y)[..., None]
        stamp(image, place, np.zeros(3), 0.5 * inside((away - 1.05) * size - 1, 3))
        stamp(image, place, tone, inside((away - 1) * size))
        stamp(image, place, table[number % len(table)] * 0.3, inside(cut) * inside((away - 0.9) * size))
    return image


def _bark(stream: Stream, colours: str, down: int) -> Field:
    """Deep furrows running upright."""
    bend = 22 * fractal(stream, 3, 2, octaves=3)
    furrows = np.abs(noise(stream, 14, down)) + 0.5 * np.abs(noise(stream, 28, 2 * down))
    ridge = warped(furrows + 0.2 * np.abs(noise(stream, 56, 8 * down)), bend, 0 * bend)
    return lit(ramp(1.15 * ridge + 0.08 * grit(stream), colours), 8 * ridge, 0.2)


def _birch(stream: Stream) -> Field:
    """White bark with dark lenticels."""
    image = ramp(0.55 + 0.3 * fractal(stream, 2, 6, octaves=5) + 0.12 * noise(stream, 3, 128), "b9aea0 e3dcd0 f8f5ee")
    marks = noise(stream, 5, 40) + 0.4 * noise(stream, 3, 8) + 0.15 * noise(stream, 24, 90)
    return mixed(image, "2a2420", smooth(0.42, 0.52, marks))


RECIPES: tuple[Recipe, ...] = (
    *GRASSES,
    partial(_ripples, colours="b98f55 d9b47c efd6a8", count=12),
    partial(_ripples, colours="8a3f22 b5623a d98f62", count=18),
    partial(_pebbles, colours="8d9296 b9b4a8 5f666c d6d0c4 9f8f7c", ground="2b2a28", count=13, large=15),
    partial(_pebbles, colours="e9e2d4 c9a88a d98f6c f5efe6 a9b7b5", ground="b8a88f", count=10, large=17),
    partial(_cracked, colours="8f7350 b89a70 d6bd94", crack="3a2a1a", count=7),
    partial(_cracked, colours="b5aea2 d2ccc0 ebe6db", crack="6a645b", count=12),
    partial(_soil, colours="24170d 4a3220 6f5036", roughness=4),
    partial(_soil, colours="5f2413 8f3f22 b5623a", roughness=3),
    partial(_asphalt, line=False),
    partial(_asphalt, line=True),
    _snow,
    partial(_caustics, colours="0a5f8f 1f9ac2 6fd6e8 f4ffff", count=7),
    partial(_caustics, colours="0a4a3a 1f8a6a 7fd9b0 f4fff2", count=11),
    partial(_waves, colours="061f38 0f456b 2a7a9a 7fb9c6"),
    _ice,
    _lava,
    partial(_moss, colours="16260f 3a5a1f 6f8f33 b5c45f"),
    partial(_straw, colours="8a6a2a d9b95f f0db94 b8923f", count=15, length=20),
    partial(_straw, colours="3a2412 6f4524 945f33 57361c", count=17, length=13),
    partial(_gravel, colours="7d7f82 9a9b9c 5c5f63 b5b3ae", count=24),
    partial(_beans, colours="4a2a17 5f381f 38200f", ground="140b06", count=12, size=10),
    partial(_beans, colours="e9dcc0 f4ead4 d9c7a0", ground="8f7a52", count=14, size=8),
    partial(_bark, colours="1f140d 4f3826 86664a", down=2),
    _birch,
)
