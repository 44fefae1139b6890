"""Geometric patterns."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, lit, mixed, palette, picked, ramp, toned
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
    triangle,
)
from hamster_bench.envs.factors.procedural.layouts import honeycomb, scattered, stamp, window


def _aged(stream: Stream, image: Field, amount: float = 0.03) -> Field:
    """Printed, not computed: a little unevenness."""
    return toned(image, 1 + amount * grit(stream) + amount * fractal(stream, 4, octaves=3))


def _cubes(stream: Stream, colours: str, columns: int, rows: int) -> Field:
    """Tumbling blocks: rhombs in three tones, as of cubes lit from one side."""
    x, y, number = honeycomb(columns, rows)
    face = np.where(y < -0.577 * np.abs(x), 0, np.where(x < 0, 1, 2))
    tones = stream.uniform(columns * rows, 0.88, 1.1)[number]
    return _aged(stream, toned(picked(face, colours), tones))


def _comb(stream: Stream) -> Field:
    """A honeycomb with honey in some cells."""
    x, y, number = honeycomb(8, 10)
    border = 16 - np.maximum(np.abs(x), 0.5 * np.abs(x) + 0.84 * np.abs(y))
    full = (stream.uniform(80) < 0.6)[number]
    image = mixed(flat("6b3d0c"), ramp(0.6 + 0.03 * (x + y) + 0.3 * noise(stream, 9), "b86a0a f0a818 ffdf73"), full + 0.0)
    image = toned(image, 1 - 0.25 * inside(border - 5, 5))
    return mixed(image, "e9c25f", inside(border - 2.2, 2))


def _truchet(stream: Stream, ground: str, ink: str, count: int, lines: int = 1) -> Field:
    """Quarter rings that join to random loops."""
    u, v = grid()
    column, row = np.floor(u * count).astype(np.int64), np.floor(v * count).astype(np.int64)
    flip = (stream.uniform((count, count)) < 0.5)[row, column]
    x, y = np.where(flip, 1 - fract(u * count), fract(u * count)), fract(v * count) + 0 * u
    radius = np.where(x + y < 1, distance(x, y), distance(1 - x, 1 - y))
    gap = np.abs(radius - 0.5) - 0.16
    if lines == 2:
        gap = np.minimum(np.abs(radius - 0.36), np.abs(radius - 0.64)) - 0.07
    return _aged(stream, mixed(flat(ground), ink, inside(gap * SIZE / count)))


def _maze(stream: Stream, ground: str, ink: str, count: int) -> Field:
    """Slashes leaning either way at random."""
    u, v = grid()
    column, row = np.floor(u * count).astype(np.int64), np.floor(v * count).astype(np.int64)
    flip = (stream.uniform((count, count)) < 0.5)[row, column]
    x, y = np.where(flip, 1 - fract(u * count), fract(u * count)), fract(v * count)
    gap = np.abs(x - y)
    # In the two free corners end the neighbours' slashes.
    gap = np.where(gap < 0.8, gap, 1 - gap)
    return _aged(stream, mixed(flat(ground), ink, inside((gap * 0.707 - 0.13) * SIZE / count)))


def _half_squares(stream: Stream, colours: str, count: int) -> Field:
    """Squares cut along a random diagonal into two colours."""
    u, v = grid()
    column, row = np.floor(u * count).astype(np.int64), np.floor(v * count).astype(np.int64)
    flip = (stream.uniform((count, count)) < 0.5)[row, column]
    x, y = fract(u * count), fract(v * count)
    side = np.where(flip, x + y < 1, x < y).astype(np.int64)
    return _aged(stream, picked(stream.integers((count, count, 2), 97)[row, column, side], colours))


def _triangles(stream: Stream, colours: str, count: int) -> Field:
    """Triangles in rows, coloured by chance and by the row."""
    u, v = grid()
    row, y = np.floor(v * count), fract(v * count)
    x = u * count + 0.5 * (row % 2)
    up = np.abs(fract(x) - 0.5) * 2 < y
    column = np.where(up, np.floor(x), np.floor(x + 0.5)) % count
    number = ((row * count + column) * 2 + up).astype(np.int64)
    level = 0.55 * stream.uniform(2 * count * count)[number] + 0.45 * triangle(row / count + 0 * u)
    return _aged(stream, ramp(level, colours))


def _fans(stream: Stream, colours: str, columns: int, rings: int) -> Field:
    """Seigaiha: fans of rings, each row over the one above."""
    u, v = grid()
    rows, radius = 4 * columns, SIZE / (2 * columns)
    image = flat("000000")
    for step in range(-2, 3):
        row = np.floor(v * rows) + step
        x = (fract(u * columns + 0.5 * (row % 2)) - 0.5) * 2
        away = distance(x, (v * rows - row) * SIZE / rows / radius)
        ring = picked(np.floor(np.clip(away, 0, 0.999) * rings).astype(np.int64), colours)
        image = mixed(image, ring, inside((away - 1) * radius, 1))
    return _aged(stream, image)


def _stars(stream: Stream, colours: str, count: int) -> Field:
    """Eight-pointed stars and crosses, as on Persian walls."""
    u, v = grid()
    x, y = np.abs(2 * fract(u * count) - 1) + 0 * v, np.abs(2 * fract(v * count) - 1) + 0 * u
    half = SIZE / (2 * count)
    star = np.minimum(np.maximum(x, y) - 0.7, (x + y) * 0.707 - 0.7) * half
    inner = np.minimum(np.maximum(x, y) - 0.42, (x + y) * 0.707 - 0.42) * half
    words = colours.split()
    image = mixed(flat(words[0]), words[1], inside(star))
    image = mixed(image, words[2], inside(inner))
    image = mixed(image, words[3], np.clip(inside(np.abs(star) - 1.6) + inside(np.abs(inner) - 1.2), 0, 1))
    return _aged(stream, image)


def _petals(stream: Stream, ground: str, petal: str, count: int) -> Field:
    """Circles that overlap to four-petalled flowers."""
    u, v = grid()
    x, y = np.abs(fract(u * count) - 0.5) + 0 * v, np.abs(fract(v * count) - 0.5) + 0 * u
    # Circles stand around the corners and pass through the middle; a petal is where two of them overlap.
    gap = np.minimum(distance(0.5 - x, 0.5 + y), distance(0.5 + x, 0.5 - y)) - 0.68
    dot = distance(0.5 - x, 0.5 - y) - 0.07
    return _aged(stream, mixed(flat(ground), petal, inside(np.minimum(gap, dot) * SIZE / count)))


def _greek_key(stream: Stream, ground: str, ink: str) -> Field:
    """A meander in rows, drawn from a chart."""
    chart = (
        "111111111110/100000000010/101111111010/101000001010/101011101010/101010001010/"
        "101010111010/101010000010/101011111110/101000000000/101111111111/100000000000"
    )
    table = np.array([[int(sign) for sign in line] for line in chart.split("/")], np.float64)
    place = (np.arange(SIZE) * 36 // SIZE) % 12
    return _aged(stream, mixed(flat(ground), ink, table[np.ix_(place, place)]))


def _bulge(stream: Stream, light: str, dark: str, count: int) -> Field:
    """Op art: a chequerboard swelling and shrinking."""
    u, v = grid()
    x, y = u + 0.045 * sine(2 * u) + 0 * v, v + 0.045 * sine(2 * v)
    x, y = x + 0.03 * sine(v), y + 0.03 * sine(u)
    part_x, part_y = fract(x * count), fract(y * count)
    odd = (np.floor(x * count) + np.floor(y * count)) % 2
    edge = np.minimum(np.minimum(part_x, 1 - part_x), np.minimum(part_y, 1 - part_y)) * SIZE / count
    cover = 0.5 + (odd - 0.5) * np.clip(2 * edge, 0, 1)
    return _aged(stream, mixed(flat(light), dark, cover), 0.015)


def _rings(stream: Stream, colours: str, count: int, bands: int) -> Field:
    """Squares of concentric rings, each in its own colours."""
    u, v = grid()
    column, row = np.floor(u * count).astype(np.int64), np.floor(v * count).astype(np.int64)
    radius = distance(fract(u * count) - 0.5, fract(v * count) - 0.5)
    ring = np.minimum(np.floor(radius * 2 * bands), bands).astype(np.int64)
    tones = stream.integers((count, count, bands + 1), 97)
    return _aged(stream, picked(tones[row, column, ring], colours), 0.06)


def _pinwheels(stream: Stream, colours: str, count: int) -> Field:
    """Quarter-turned triangles around each square's middle."""
    u, v = grid()
    x, y = fract(u * count) - 0.5 + 0 * v, fract(v * count) - 0.5 + 0 * u
    octant = (x > 0) * 4 + (y > 0) * 2 + (np.abs(x) > np.abs(y))
    turned = np.array([0, 1, 1, 0, 1, 0, 0, 1])[octant]
    square = (np.floor(u * count) + np.floor(v * count)).astype(np.int64) % 2
    return _aged(stream, picked(turned + 2 * square, colours))


def _crosses(stream: Stream, ground: str, inks: str, count: int) -> Field:
    """Swiss crosses in shifted rows."""
    u, v = grid()
    row = np.floor(v * count)
    place = u * count + 0.5 * (row % 2)
    x, y = np.abs(fract(place) - 0.5), np.abs(fract(v * count) - 0.5) + 0 * u
    gap = np.maximum(np.maximum(x, y) - 0.32, np.minimum(x, y) - 0.1) * SIZE / count
    number = (row * count + np.floor(place) % count).astype(np.int64)
    return _aged(stream, mixed(flat(ground), picked(stream.integers(count * count, 97)[number], inks), inside(gap)))


def _lattice(stream: Stream, ground: str, band: str, count: int) -> Field:
    """Bands woven over and under on the slant."""
    u, v = grid()
    first, second = count * (u + v), count * (u - v)
    across, along = fract(first) - 0.5, fract(second) - 0.5
    over = (np.floor(first) + np.floor(second)) % 2
    scale = SIZE / count * 0.707
    top, under = np.where(over, np.abs(across), np.abs(along)), np.where(over, np.abs(along), np.abs(across))
    image = flat(ground)
    for gap in (under, top):
        image = mixed(image, "1a1a1a", 0.8 * inside((gap - 0.34) * scale))
        image = mixed(image, ramp(1 - 2.5 * gap, f"{ground} {band}"), inside((gap - 0.29) * scale))
    return _aged(stream, image)


def _memphis(stream: Stream, ground: str) -> Field:
    """Squiggles, triangles, rings and dots thrown about, as of 1985."""
    image, table = flat(ground), palette("ff5d8f 2ec4b6 ffbf00 3a86ff 22223b 8338ec")
    for number, (x, y) in enumerate(scattered(stream, 7, 7, jitter=0.5)):
        place = window(x, y, 17, stream.number())
        kind = number % 4
        if kind == 0:
            gap = np.maximum(np.abs(place.y - 4 * sine(place.x / 10)) - 2, np.abs(place.x) - 14)
        elif kind == 1:
            gap = np.maximum(0.866 * np.abs(place.x) + 0.5 * place.y - 5, -place.y - 5)
        elif kind == 2:
            gap = np.abs(distance(place.x, place.y) - 8) - 2
        else:
            gap = distance(fract(place.x / 7) - 0.5, fract(place.y / 7) - 0.5) * 7 - 1.6
            gap = np.maximum(gap, np.maximum(np.abs(place.x), np.abs(place.y)) - 10.5)
        stamp(image, place, table[(number * 5 + number // 4) % 6], inside(gap))
    return image


def _blocks_of_colour(stream: Stream) -> Field:
    """Rectangles of primary colours between black lines, after De Stijl."""
    u, v = grid()
    cuts_u, cuts_v = np.array([0.0, 0.19, 0.31, 0.58, 0.8]), np.array([0.0, 0.13, 0.4, 0.52, 0.77])
    column = np.searchsorted(cuts_u, u + 0 * v, side="right") - 1
    row = np.searchsorted(cuts_v, v + 0 * u, side="right") - 1
    number = row * 5 + column
    tones = stream.integers(25, 97)
    image = picked(tones[number], "f6f3e8 f6f3e8 d9241c f6f3e8 1d3f94 f3c716 f6f3e8")
    gap = np.full((SIZE, SIZE), 99.0)
    for cuts, place in ((cuts_u, u), (cuts_v, v)):
        for cut in cuts:
            gap = np.minimum(gap, np.abs(place - cut - np.rint(place - cut)) * SIZE)
    return _aged(stream, mixed(image, "141414", inside(gap - 3.2)))


def _deco(stream: Stream, ground: str, line: str, count: int) -> Field:
    """Art deco: nested shells in gold lines."""
    u, v = grid()
    rows, radius = 2 * count, SIZE / (2 * count)
    image = flat(ground)
    for step in range(-1, 2):
        row = np.floor(v * rows) + step
        x = (fract(u * count + 0.5 * (row % 2)) - 0.5) * 2 * radius
        y = (v * rows - row) * SIZE / rows
        away = distance(x, y)
        gap = np.minimum(np.abs(away - radius), np.abs(away - 0.82 * radius)) - 0.9
        ray = np.minimum(np.abs(x), np.minimum(np.abs(x - 0.45 * y), np.abs(x + 0.45 * y))) - 0.8
        ray = np.minimum(ray, np.minimum(np.abs(x - 1.2 * y), np.abs(x + 1.2 * y)) - 1.0)
        gap = np.minimum(gap, np.maximum(ray, away - 0.82 * radius))
        shell = mixed(flat(ground), line, inside(gap))
        image = mixed(image, shell, inside(away - radius - 0.5, 1))
    return _aged(stream, image)


def _pixels(stream: Stream, colours: str, count: int) -> Field:
    """Squares of random colours."""
    place = np.arange(SIZE) * count // SIZE
    return picked(stream.integers((count, count), 97)[np.ix_(place, place)], colours)


def _bricks_in_relief(stream: Stream, colour: str) -> Field:
    """Round studs on a toy plate."""
    u, v = grid()
    radius = distance(fract(8 * u) - 0.5, fract(8 * v) - 0.5) * 32
    stud = inside(radius - 10, 2)
    image = lit(flat(colour), 6 * stud, 0.35)
    shade = inside(distance(fract(8 * u - 0.12) - 0.5, fract(8 * v - 0.12) - 0.5) * 32 - 11, 5)
    return _aged(stream, toned(image, 1 - 0.35 * shade * (1 - stud) + 0.08 * stud), 0.015)


RECIPES: tuple[Recipe, ...] = (
    partial(_cubes, colours="f2e6cf b5835a 5e3a24", columns=7, rows=8),
    partial(_cubes, colours="d7f0ec 4fb0a5 1c5a5e", columns=14, rows=16),
    _comb,
    partial(_truchet, ground="f4efe4", ink="2a4858", count=10),
    partial(_truchet, ground="ff6f59", ink="fff3e6", count=16, lines=2),
    partial(_maze, ground="23395b", ink="b9e3c6", count=16),
    partial(_half_squares, colours="f7ede2 f6bd60 f28482 84a59d f5cac3", count=8),
    partial(_triangles, colours="1a0633 5b1a73 c2347a ff8a5b ffe29a", count=8),
    partial(_triangles, colours="0b3d3a 2f7f6f 9cc9a3 f2f0d8", count=14),
    partial(_fans, colours="f5f7f2 1d4e7a f5f7f2 1d4e7a f5f7f2 1d4e7a", columns=4, rings=6),
    partial(_fans, colours="8f2d3f f4d9c6 c9706b 8f2d3f f2b880", columns=6, rings=5),
    partial(_stars, colours="1c6e7a f2e3bf c9662f 12343b", count=3),
    partial(_stars, colours="f2efe9 5a7d9a e3b04b 2c3e50", count=5),
    partial(_petals, ground="f6c445", petal="fdf8ea", count=5),
    partial(_petals, ground="37474f", petal="90c2c8", count=8),
    partial(_greek_key, ground="f1e9d8", ink="7a2e1f"),
    partial(_bulge, light="fafafa", dark="101010", count=12),
    partial(_bulge, light="ffd9e8", dark="7209b7", count=8),
    partial(_rings, colours="d1495b edae49 00798c 30638e f4f1de 003d5b 8fb339", count=4, bands=4),
    partial(_pinwheels, colours="faf3dd c8d5b9 4a7c59 faf3dd", count=6),
    partial(_pinwheels, colours="2b2d42 ef233c edf2f4 8d99ae", count=4),
    partial(_crosses, ground="e8e4dc", inks="2d3142 bf4342", count=8),
    partial(_lattice, ground="3c4f2f", band="d9e0a8", count=5),
    partial(_lattice, ground="5a1f2b", band="f0b7a4", count=9),
    partial(_memphis, ground="fdf6f0"),
    partial(_memphis, ground="bdeee3"),
    _blocks_of_colour,
    partial(_deco, ground="101820", line="d4af5f", count=5),
    partial(_deco, ground="e7f0ea", line="3f7d6b", count=4),
    partial(_pixels, colours="10451d 1a7431 2dc653 6ede8a b7efc5", count=16),
    partial(_pixels, colours="ffbe0b fb5607 ff006e 8338ec 3a86ff", count=8),
    partial(_bricks_in_relief, colour="d62828"),
)
