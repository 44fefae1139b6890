"""Leaves, flowers and fruit, as prints and as ground cover; camouflage; animal skins."""

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
    creases,
    distance,
    fract,
    fractal,
    grid,
    grit,
    inside,
    noise,
    ranked,
    sine,
    smooth,
    triangle,
    warped,
)
from hamster_bench.envs.factors.procedural.layouts import Window, honeycomb, scattered, stamp, window


def _leaf(place: Window, length: float, width: float) -> tuple[Field, Field]:
    """Signed distance to a pointed leaf along x, about, and its veins' coverage."""
    share = np.clip(place.x / length, -1, 1)
    half = width * (1 - share * share) * (1 - 0.35 * share)
    gap = np.maximum(np.abs(place.y) - half, np.abs(place.x) - length)
    side = np.abs(fract((place.x - 0.8 * np.abs(place.y)) / (0.28 * length)) - 0.5) * 0.28 * length - 0.5
    veins = inside(np.minimum(np.abs(place.y) - 0.6, side), 1.5)
    return gap, veins


def _leaves(
    stream: Stream, ground: Field | str, colours: str, count: int, length: float, width: float = 0.38, vein: float = 0.35
) -> Field:
    """Leaves thrown about, one over the other, with shadows."""
    image = flat(ground) if isinstance(ground, str) else ground
    table = palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=0.9)):
        size = length * stream.number(0.75, 1.15)
        turn = stream.number()
        shadow = window(x + 2, y + 3, size + 3, turn)
        stamp(image, shadow, np.zeros(3), 0.3 * inside(_leaf(shadow, size, width * size)[0], 5))
        place = window(x, y, size + 2, turn)
        gap, veins = _leaf(place, size, width * size)
        tone = table[number % len(table)] * (1 + 0.14 * np.sign(place.y) * 0.6 + 0.1 * place.x / size)[..., None]
        tone = tone + (np.clip(table[number % len(table)] * 1.5 + 0.1, 0, 1) - tone) * (vein * veins)[..., None]
        stamp(image, place, tone, inside(gap))
    return image


def _litter(stream: Stream) -> Field:
    """Fallen leaves on soil."""
    soil = ramp(0.5 + 0.4 * fractal(stream, 12, octaves=5, gain=0.7), "20150d 3f2b1b 5f452c")
    return _leaves(stream, soil, "b5541c d98b2b 8a3a1a c9a23a 6e4a24 e0b65a", count=9, length=19)


def _flower(image: Field, x: float, y: float, turn: float, size: float, petal: Field, heart: Field, petals: int) -> None:
    """Stamps a flower of round petals."""
    for number in range(petals):
        place = window(x, y, size + 2, turn + number / petals)
        gap = (distance((place.x - 0.56 * size) / 0.46, place.y / 0.3) - size) * 0.36
        tone = petal * (0.78 + 0.3 * np.clip(place.x / size, 0, 1))[..., None]
        stamp(image, place, tone, inside(gap) * (1 - 0.25 * inside(np.abs(gap) - 0.8)))
    place = window(x, y, size)
    stamp(image, place, heart, inside(distance(place.x, place.y) - 0.24 * size))


def _flowers(
    stream: Stream, ground: str, colours: str, heart: str, count: int, size: float, petals: int, leaf: str = ""
) -> Field:
    """Flowers in shifted rows, of several colours, with leaves where wanted."""
    image = toned(flat(ground), 1 + 0.03 * fractal(stream, 6, octaves=3))
    table = palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=0.45)):
        turn = stream.number()
        if leaf:
            for side in (0.1, 0.55):
                place = window(x, y, 2 * size, turn + side)
                moved = Window(place.pixels, place.x - 1.15 * size, place.y)
                gap, veins = _leaf(moved, 0.65 * size, 0.26 * size)
                stamp(image, place, palette(leaf)[0] * (1 + 0.25 * veins)[..., None], inside(gap))
        _flower(image, x, y, turn, size * stream.number(0.8, 1.1), table[number % len(table)], palette(heart)[0], petals)
    return image


def _vines(stream: Stream, ground: str, stem: str, leaf: str) -> Field:
    """Climbing stems with paired leaves, as on wallpaper."""
    u, v = grid()
    image = flat(ground)
    for column in range(4):
        middle = (column + 0.5) / 4 + 0.035 * sine(2 * v + 0.25 * column)
        image = mixed(image, stem, inside(np.abs(u - middle) * SIZE - 1.4))
        for step in range(12):
            height = (step + 0.5 * (column % 2)) / 12
            x = float((column + 0.5) / 4 + 0.035 * sine(2 * height + 0.25 * column)) * SIZE
            for side in (0.88, 0.62):
                place = window(x, height * SIZE, 26, side)
                gap, veins = _leaf(Window(place.pixels, place.x - 13, place.y), 11.5, 4.6)
                stamp(image, place, palette(leaf)[(step + column) % 2] * (1 + 0.2 * veins)[..., None], inside(gap))
    return toned(image, 1 + 0.03 * grit(stream))


def _fern(stream: Stream, ground: str, colours: str) -> Field:
    """Fronds crossing each other."""
    image, table = flat(ground), palette(colours)
    for number, (x, y) in enumerate(scattered(stream, 5, 5, jitter=0.7)):
        place = window(x, y, 48, stream.number())
        share = np.clip((place.x + 46) / 92, 0, 1)
        reach = 15 * (1 - share) * smooth(0, 0.12, share) + 1
        tooth = np.abs(fract((place.x - 0.7 * np.abs(place.y)) / 6.2) - 0.5) * 6.2 - 1.9
        gap = np.minimum(np.maximum(tooth, np.abs(place.y) - reach), np.abs(place.y) - 0.9)
        gap = np.maximum(gap, np.abs(place.x) - 46)
        stamp(image, place, table[number % len(table)] * (0.8 + 0.4 * share)[..., None], inside(gap))
    return image


def _lemons(stream: Stream) -> Field:
    """Lemons and leaves on blue."""
    image = flat("2f6fae")
    for number, (x, y) in enumerate(scattered(stream, 6, 6, jitter=0.5)):
        turn = stream.number()
        if number % 2:
            place = window(x, y, 21, turn)
            gap, veins = _leaf(place, 19, 7.5)
            stamp(image, place, palette("3f8f3f")[0] * (1 + 0.35 * veins)[..., None], inside(gap))
            continue
        place = window(x, y, 20, turn)
        body = distance(place.x / 1.25, place.y) - 12
        tip = distance((np.abs(place.x) - 14) / 1.2, place.y) - 4
        light = 1.0 - 0.012 * (place.x + place.y)
        stamp(image, place, palette("f7d932")[0] * light[..., None], inside(np.minimum(body, tip)))
        stamp(image, place, np.ones(3), 0.5 * inside(distance(place.x + 4, (place.y + 5) * 1.6) - 3, 3))
    return image


def _strawberries(stream: Stream) -> Field:
    """Berries with seeds and green caps on pale pink."""
    image = flat("fdeef0")
    for x, y in scattered(stream, 6, 6, jitter=0.35):
        place = window(x, y, 18, stream.number(-0.12, 0.12))
        share = np.clip((place.y + 12) / 26, 0, 1)
        gap = np.maximum(np.abs(place.x) - 12.5 * np.sqrt(np.clip(1 - share * share * share, 0, 1)), np.abs(place.y - 1) - 13)
        seeds = distance((fract(place.x / 6 + 0.5 * (np.floor(place.y / 5) % 2)) - 0.5) * 6, (fract(place.y / 5) - 0.5) * 5) - 0.9
        tone = palette("dd2b3c")[0] * (1.05 - 0.012 * (place.x + place.y))[..., None]
        stamp(image, place, tone, inside(gap))
        stamp(image, place, palette("f9dc7a")[0], inside(seeds) * inside(gap + 2))
        cap = np.maximum(np.abs(place.y + 12) - 4 + 3 * np.abs(fract(place.x / 6) - 0.5) * 2, np.abs(place.x) - 9)
        stamp(image, place, palette("3f9142")[0], inside(cap))
    return image


def _grass(stream: Stream, colours: str, blades: int) -> Field:
    """Blades of grass over darker ones."""
    image = ramp(0.15 + 0.3 * fractal(stream, 16, octaves=4), colours)
    table = palette(colours)
    for number, (x, y) in enumerate(scattered(stream, blades, blades, jitter=1.0)):
        place = window(x, y, 19, 0.25 + stream.number(-0.1, 0.1))
        share = np.clip((place.x + 18) / 36, 0, 1)
        bend = place.y + stream.number(-6, 6) * share * share
        tone = table[number % len(table)] * (0.7 + 0.45 * share)[..., None]
        stamp(image, place, tone, inside(np.abs(bend) - 2.3 * share) * (np.abs(place.x) < 18))
    return image


BOTANICALS: tuple[Recipe, ...] = (
    partial(_leaves, ground="f4f1e6", colours="3f6f4a 6f9a5f 2f5540 9ab87a", count=6, length=23),
    partial(_leaves, ground="0f2d26", colours="1f6b4f 2f8f62 57b37a 14523f", count=7, length=30, width=0.45),
    partial(_leaves, ground="f3dcd2", colours="b5654a d98f6c 8f4a3a", count=8, length=15, width=0.28),
    _litter,
    partial(_flowers, ground="fdf5e8", colours="e4572e f3a712 a8201a", heart="5a2a0c", count=5, size=22, petals=4, leaf="5f8f5a"),
    partial(_flowers, ground="3b5b92", colours="ffffff f4f4ff", heart="f2c230", count=6, size=17, petals=7),
    partial(_flowers, ground="2a2438", colours="e56b8f f2a7bd c7406a", heart="f7d26a", count=5, size=22, petals=5, leaf="4f8a6a"),
    partial(_flowers, ground="cfe8d5", colours="8e6bbf b79ad9 6d4ca3", heart="f5e663", count=8, size=12, petals=5),
    partial(_vines, ground="f0ebdb", stem="6f7f52", leaf="8fa66c 6d8a55"),
    partial(_vines, ground="233047", stem="c9a45a", leaf="d9bd7a a8834a"),
    partial(_fern, ground="e7efdf", colours="2f6b3f 4f8f52 7aae6a"),
    _lemons,
    _strawberries,
)


def _blotches(stream: Stream, colours: str, scale: int, shares: tuple[float, ...], stretch: int = 1) -> Field:
    """Camouflage: patches of given shares of the area, one colour over the other."""
    image = flat(colours.split(maxsplit=1)[0])
    for colour, share in zip(colours.split()[1:], shares, strict=True):
        level = ranked(fractal(stream, scale, scale * stretch, octaves=4, gain=0.45))
        image = mixed(image, colour, smooth(-0.004, 0.004, level - 1 + share))
    return toned(image, 1 + 0.05 * grit(stream))


def _digital(stream: Stream, colours: str, count: int) -> Field:
    """Camouflage of squares."""
    step = SIZE // count
    level = ranked(fractal(stream, 4, octaves=5, gain=0.75))[step // 2 :: step, step // 2 :: step]
    number = np.floor(level * len(colours.split()) * 0.999).astype(np.int64)
    return toned(picked(np.repeat(np.repeat(number, step, 0), step, 1), colours), 1 + 0.05 * grit(stream))


def _strokes(stream: Stream, colours: str) -> Field:
    """Camouflage of brush strokes."""
    words = colours.split()
    image = flat(words[0])
    for colour in words[1:]:
        level = noise(stream, 4, 16) + 0.35 * noise(stream, 3, 80) + 0.2 * noise(stream, 10, 40)
        image = mixed(image, colour, smooth(0.22, 0.26, level))
    return toned(image, 1 + 0.05 * grit(stream))


CAMOUFLAGES: tuple[Recipe, ...] = (
    partial(_blotches, colours="6b6b3f 3f4f2a 4f3a26 16180f", scale=4, shares=(0.42, 0.3, 0.2)),
    partial(_blotches, colours="d9c49a b8986a 8f6f48", scale=3, shares=(0.45, 0.22), stretch=2),
    partial(_blotches, colours="d8dadb a7adb2 6a7077 26292d", scale=5, shares=(0.4, 0.28, 0.15)),
    partial(_digital, colours="3b4a34 56644a 7f8a68 a9ad8a 262c22", count=64),
    partial(_digital, colours="14294a 2f5480 5f83ad 0c1526 93a9c4", count=32),
    partial(_strokes, colours="7c7f55 4e5634 8a5f3c 22261a"),
    partial(_blotches, colours="ffc2d8 ff7fb0 c73b7c 6b1450", scale=4, shares=(0.45, 0.3, 0.12)),
)


def _leopard(stream: Stream, colours: str, ink: str, count: int) -> Field:
    """Broken rings on fur."""
    spots = cells(stream, count, jitter=0.75, stagger=0.5)
    wobble = 2.2 * fractal(stream, 12, octaves=3)
    ring = np.abs(spots.nearest + wobble - 0.27 * SIZE / count) - 0.09 * SIZE / count
    broken = 5 * smooth(0.1, 0.35, noise(stream, 2 * count))
    fur = ramp(0.55 + 0.3 * fractal(stream, 3, octaves=2) + 0.15 * noise(stream, 128, 40), colours)
    fur = toned(fur, 1 - 0.22 * inside(spots.nearest + wobble - 0.27 * SIZE / count))
    return mixed(fur, ink, inside(ring + broken, 2))


def _striped_hide(stream: Stream, ground: str, ink: str, count: int, thin: float) -> Field:
    """Zebra or tiger: forking bent stripes."""
    u, v = grid()
    bend = 1.5 * noise(stream, 2) + 0.55 * noise(stream, 5, 3)
    level = sine(count * v + bend) + 0.5 * noise(stream, 5, 7) + thin * (0.4 + 0.9 * noise(stream, 3))
    image = ramp(0.6 + 0.3 * fractal(stream, 2, octaves=2) + 0.12 * noise(stream, 40, 128), ground)
    return mixed(image, ink, smooth(-0.08, 0.08, -level + 0 * u))


def _patched_hide(stream: Stream, colours: str, ground: str, count: int, gap: float) -> Field:
    """Giraffe or tortoise: patches between light lines."""
    patches = cells(stream, count, jitter=0.8, stagger=0.5)
    push = 7 * fractal(stream, 7, octaves=3)
    border = warped(patches.border, push, -push)
    tone = 0.5 + stream.uniform(patches.count, -0.25, 0.25)[patches.index] - 0.02 * border + 0.2 * noise(stream, 128, 64)
    return mixed(ramp(tone, colours), ground, inside(border - gap, 2.5))


def _scales(stream: Stream, colours: str, columns: int, rows: int, pattern: bool) -> Field:
    """Snake skin: overlapping scales with a drawing of lozenges."""
    u, v = grid()
    x, y, number = honeycomb(columns, rows)
    row, column = np.divmod(number, columns)
    centre_u, centre_v = (column + 0.5 * (row % 2)) / columns, row / rows
    level = stream.uniform(columns * rows)[number] * 0.25
    if pattern:
        level = level + 0.75 * np.floor(2.99 * np.abs(triangle(2 * centre_u) + triangle(2 * centre_v) - 1)) / 2
    else:
        level = level + 0.3 + 0.3 * sine(centre_v)
    away = distance(x / (SIZE / columns), y / (SIZE / rows) * 0.75)
    return toned(ramp(level, colours), np.clip(1.15 - 1.5 * away * away - 0.006 * (x + y), 0.2, 1.2) + 0 * u + 0 * v)


def _leather(stream: Stream, colours: str, grain: int) -> Field:
    """Creased skin with fine cells."""
    folds = cells(stream, grain, jitter=1.0)
    height = 3.2 * np.sqrt(np.clip(folds.border, 0, None)) + 1.5 * noise(stream, 2 * grain)
    creased = 1 - smooth(0.0, 0.16, creases(stream, 4, octaves=3))
    image = ramp(0.5 + 0.25 * fractal(stream, 3, octaves=4), colours)
    return toned(lit(image, height - 3 * creased, 0.28), 1 - 0.25 * creased)


def _crocodile(stream: Stream, colours: str) -> Field:
    """Rows of bony plates."""
    plates = cells(stream, 9, 14, jitter=0.45, stagger=0.5)
    image = ramp(0.45 + stream.uniform(plates.count, -0.2, 0.2)[plates.index] + 0.2 * fractal(stream, 10, octaves=4), colours)
    image = lit(image, 5 * np.sqrt(np.clip(plates.border, 0, None)), 0.32)
    return toned(image, 1 - 0.7 * inside(plates.border - 0.9, 2))


def _cow(stream: Stream, ground: str, patch: str) -> Field:
    """Large smooth patches on short hair."""
    level = ranked(fractal(stream, 3, octaves=3, gain=0.35) + 0.03 * noise(stream, 64))
    image = mixed(flat(ground), patch, smooth(-0.006, 0.006, level - 0.58))
    return toned(image, 1 + 0.06 * noise(stream, 40, 128) + 0.05 * grit(stream))


SKINS: tuple[Recipe, ...] = (
    partial(_leopard, colours="b57a35 dba657 f0cf8f", ink="2a1a10", count=9),
    partial(_leopard, colours="c9c4bd e6e2dc f7f5f1", ink="3a3c42", count=7),
    partial(_striped_hide, ground="e9e4d9 fbf9f4", ink="17161a", count=7, thin=0.1),
    partial(_striped_hide, ground="b85a14 e8903a f5c27a", ink="1d120b", count=9, thin=0.7),
    partial(_patched_hide, colours="5f3215 8f5523 b87a3c", ground="ecd3a2", count=7, gap=2.6),
    partial(_scales, colours="2a2a1c 6f6a3f b7ab70 e3dcb0", columns=21, rows=24, pattern=True),
    partial(_scales, colours="0d4036 1f7f5f 5fc292 c7f0d0", columns=14, rows=16, pattern=False),
    partial(_leather, colours="4a2614 6f3d20 8f5a35", grain=36),
    partial(_leather, colours="c2a67c d9c19a ecdcbf", grain=24),
    partial(_leather, colours="0d4a55 17646f 2c838d", grain=48),
    partial(_crocodile, colours="1f3322 3f5f3a 6f8a55"),
    partial(_cow, ground="f4efe6", patch="2a211c"),
    partial(_cow, ground="e9d6bd", patch="8a4a26"),
)

GRASSES: tuple[Recipe, ...] = (
    partial(_grass, colours="1f4a1a 3f7f2a 6fae3f 9acb5f", blades=16),
    partial(_grass, colours="7a6a30 b89a4a d9c27a 8f8a3f", blades=15),
)
