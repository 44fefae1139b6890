"""Papers, plasters and paint."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, lit, mixed, palette, ramp, toned
from hamster_bench.envs.factors.procedural.fields import (
    SIZE,
    Field,
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
    sine,
    smooth,
    streaked,
    triangle,
)
from hamster_bench.envs.factors.procedural.layouts import scattered, stamp, window


def _crumpled(stream: Stream, colours: str) -> Field:
    """Paper pressed to a ball and flattened."""
    height = np.zeros((SIZE, SIZE))
    for count, strength in ((4, 1.0), (8, 0.55), (17, 0.3)):
        facets = cells(stream, count, jitter=1.0)
        height += strength * facets.nearest * stream.uniform(facets.count, -1, 1)[facets.index]
    return lit(ramp(0.6 + 0.1 * fractal(stream, 3, octaves=3) + 0.03 * grit(stream), colours), height, 0.16)


def _squared(stream: Stream, ground: str, line: str, count: int, margin: bool) -> Field:
    """Squared paper with stronger lines at every fourth."""
    u, v = grid()
    image = toned(flat(ground), 1 + 0.02 * fractal(stream, 8, octaves=3) + 0.015 * grit(stream))
    for place in (u, v):
        near = np.abs(fract(place * count + 0.5) - 0.5) * SIZE / count
        strong = np.abs(fract(place * count / 4 + 0.5) - 0.5) * 4 * SIZE / count
        image = mixed(image, line, 0.55 * inside(near - 0.3) + 0.4 * inside(strong - 0.7) * margin)
    return image


def _newsprint(stream: Stream) -> Field:
    """Columns of grey lines of text under a headline."""
    u, v = grid()
    lines = 42
    row = np.floor(v * lines).astype(np.int64)
    column = np.floor(u * 3)
    inside_column = np.abs(fract(u * 3) - 0.5) < 0.44
    letters = np.repeat(stream.uniform((lines, 128)) < 0.78, 2, axis=1)[row[:, 0]]
    heads = (row % 14 < 2) & (column >= 0)
    large = np.repeat(stream.uniform((lines, 32)) < 0.7, 8, axis=1)[row[:, 0] // 14 * 14]
    small_ink = letters * (np.abs(fract(v * lines) - 0.5) < 0.3)
    large_ink = large * ((row % 14 == 0) | (fract(v * lines) < 0.35))
    ink = np.where(heads, large_ink, small_ink) * inside_column
    return toned(mixed(flat("e4dfd2"), "2b2a28", 0.82 * ink), 1 + 0.06 * grit(stream) + 0.03 * fractal(stream, 6, octaves=3))


def _kraft(stream: Stream, colours: str) -> Field:
    """Rough packing paper with fibres."""
    image = ramp(
        0.5 + 0.12 * fractal(stream, 6, octaves=5) + 0.1 * grit(stream) + 0.5 * streaked(grit(stream), 1, 0, 10), colours
    )
    for x, y in scattered(stream, 8, 8, jitter=1.0):
        fibre = window(x, y, 9, stream.number())
        gap = np.maximum(np.abs(fibre.y + 0.06 * fibre.x * fibre.x * stream.number(-1, 1)) - 0.5, np.abs(fibre.x) - 8)
        stamp(image, fibre, palette(colours)[0 if stream.number() < 0.5 else -1], 0.6 * inside(gap))
    return image


def _fluted(stream: Stream) -> Field:
    """Corrugated cardboard."""
    u, v = grid()
    flute = 0.5 + 0.5 * sine(32 * u)
    image = ramp(0.2 + 0.65 * flute + 0.06 * grit(stream) + 0.1 * fractal(stream, 4, octaves=4) + 0 * v, "8a6038 b98a58 dcb588")
    return toned(image, 1 + 0.05 * noise(stream, 4, 64))


def _stucco(stream: Stream, colours: str, coarse: int, depth: float) -> Field:
    """Rough plaster."""
    height = depth * smooth(-0.25, 0.45, fractal(stream, coarse, octaves=4, gain=0.6)) + 0.6 * noise(stream, 96)
    return lit(ramp(0.5 + 0.15 * fractal(stream, 3, octaves=3), colours), height, 0.32)


def _trowelled(stream: Stream, colours: str) -> Field:
    """Plaster spread with a trowel in arcs."""
    image = ramp(0.5 + 0.2 * fractal(stream, 2, octaves=5), colours)
    height = np.zeros((SIZE, SIZE, 1))
    for x, y in scattered(stream, 7, 7, jitter=0.9):
        arc = window(x, y, 40, stream.number())
        away = distance(arc.x, arc.y + 30)
        share = inside(np.abs(away - 32) - 11, 3) * inside(np.abs(arc.x) - 24, 5)
        stamp(height, arc, (3 * triangle(away / 5.3) + 2.5 * (away - 32) / 11)[..., None], 0.9 * share)
    return lit(image, height[..., 0] + 0.4 * noise(stream, 96), 0.22)


def _oils(stream: Stream, colours: str, count: int) -> Field:
    """Thick brush strokes, one over the other."""
    image, table = flat(colours.split(maxsplit=1)[0]), palette(colours)
    drift = noise(stream, 2)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=1.0)):
        turn = 0.5 * float(drift[int(y) % SIZE, int(x) % SIZE]) + stream.number(-0.05, 0.05)
        stroke = window(x, y, 27, turn)
        hairs = 0.16 * sine(stroke.y / 2.3 + stream.number()) + 0.1 * sine(stroke.y / 1.1 + 0.02 * stroke.x)
        rag = 22 + 4 * sine(stroke.y / 3.1 + stream.number())
        gap = np.maximum(np.abs(stroke.y) - 8, np.abs(stroke.x) - rag)
        tone = table[(number * 7 + int(stream.number(0, 2))) % len(table)] * (1 + hairs - 0.02 * stroke.y)[..., None]
        stamp(image, stroke, tone, inside(gap, 2))
    return image


def _watercolour(stream: Stream, colours: str) -> Field:
    """Washes with darker rims on rough paper."""
    image = flat("fbf9f3")
    for colour in colours.split():
        level = fractal(stream, 2, octaves=5, gain=0.5)
        wash = smooth(0.0, 0.05, level) * (0.4 + 0.25 * noise(stream, 5))
        rim = 0.3 * inside(np.abs(level - 0.05) * 40 - 0.6, 2)
        image = mixed(image, colour, np.clip(wash + rim, 0, 1))
    return lit(image, 0.9 * noise(stream, 90), 0.12)


def _chalkboard(stream: Stream) -> Field:
    """A board wiped and written on."""
    dust = 0.5 * noise(stream, 2, 12) + 0.4 * fractal(stream, 3, octaves=4) + 0.3 * noise(stream, 4, 64)
    image = ramp(0.35 + 0.35 * dust + 0.05 * grit(stream), "16241f 24382f 4a6056 73877d")
    chalk = palette("f2f2ea")[0]
    for x, y in scattered(stream, 4, 4, jitter=0.6):
        mark = window(x, y, 24, stream.number(-0.05, 0.05))
        kind = stream.number()
        if kind < 0.35:
            gap = np.abs(distance(mark.x, mark.y) - 13)
        elif kind < 0.7:
            gap = np.maximum(np.abs(mark.y - 9 * sine(mark.x / 24)), np.abs(mark.x) - 20)
        else:
            gap = np.maximum(np.minimum(np.abs(mark.x - mark.y), np.abs(mark.x + mark.y)) * 0.7, np.abs(mark.x) - 11)
        rough = stream.uniform((mark.x.shape[0], mark.x.shape[1]))
        stamp(image, mark, chalk, 0.85 * inside(gap - 1.1, 2) * rough)
    return image


def _drips(stream: Stream, colours: str, ground: str) -> Field:
    """Paint run down a wall."""
    u, v = grid()
    words = colours.split()
    image = toned(flat(ground), 1 + 0.03 * fractal(stream, 8, octaves=4))
    for number, colour in enumerate(words):
        edge = 0.1 + 0.16 * np.abs(noise(stream, 26, 1)[:1]) * 2 + 0.1 * noise(stream, 5, 1)[:1]
        start = number / len(words)
        below = fract(v - start + 0.02)
        image = mixed(image, colour, smooth(0.0, 0.008, edge - below) * smooth(0.0, 0.008, below) + 0 * u)
    return image


def _sheet_music(stream: Stream) -> Field:
    """Staves with notes."""
    _, v = grid()
    staves = 5
    part = fract(v * staves) * SIZE / staves
    image = toned(flat("f7f1df"), 1 + 0.03 * fractal(stream, 5, octaves=4))
    lines = np.minimum(np.abs(fract((part - 12) / 6 + 0.5) - 0.5) * 6, 99) + 99 * (np.abs(part - 24) > 13)
    image = mixed(image, "2a2622", 0.8 * inside(lines - 0.4))
    ink = palette("1c1916")[0]
    for stave in range(staves):
        for beat in range(13):
            x = (beat + 0.5) * SIZE / 13
            y = stave * SIZE / staves + 12 + 3 * int(stream.number(0, 9))
            note = window(x, y, 21)
            head = distance(note.x + 0.3 * note.y, note.y * 1.3) - 3.7
            stem = np.maximum(np.abs(note.x - 3.2) - 0.6, np.abs(note.y + 9) - 9)
            stamp(image, note, ink, inside(np.minimum(head, stem)))
    return image


def _woodchip(stream: Stream, colours: str) -> Field:
    """Woodchip wallpaper."""
    chips = cells(stream, 26, jitter=1.0)
    seen = (stream.uniform(chips.count) < 0.55)[chips.index]
    height = 3.2 * seen * smooth(4.2, 1.2, chips.nearest + 1.5 * noise(stream, 40)) + 0.4 * noise(stream, 90)
    return lit(ramp(0.5 + 0.1 * fractal(stream, 3, octaves=3), colours), height, 0.35)


RECIPES: tuple[Recipe, ...] = (
    partial(_crumpled, colours="d9d4c8 f2eee4 fdfbf6"),
    partial(_crumpled, colours="8f6a42 b58c5f d2ad82"),
    partial(_squared, ground="fbfcf9", line="5f9ad0", count=16, margin=True),
    partial(_squared, ground="1f4a8a", line="d6e6fa", count=8, margin=True),
    _newsprint,
    partial(_kraft, colours="5c7f99 7f9fb6 a9c3d4"),
    _fluted,
    partial(_stucco, colours="e3d2b4 efe2c9 f8f0df", coarse=12, depth=6),
    partial(_stucco, colours="c96f4f d98a68 e8a888", coarse=24, depth=4),
    partial(_trowelled, colours="bcc9c4 d2dcd7 e6ece8"),
    partial(_trowelled, colours="7f8f5f 98a878 b3c094"),
    partial(_oils, colours="1f3f73 f2c14e 2f6f9f 5fa3c7 e9e4c9 16284a", count=10),
    partial(_oils, colours="7a1f2b e8743b f4b860 c83e4d 3d1c2f f7e1c4", count=13),
    partial(_watercolour, colours="4fa3c7 e88fb0 f4c95d 7fc29b"),
    partial(_watercolour, colours="3f5f9f 6f4f9f 2f8f9f"),
    _chalkboard,
    partial(_drips, colours="e63946 f1a208 2a9d8f 4361ee", ground="f7f5ef"),
    _sheet_music,
    partial(_woodchip, colours="ddd8cc e9e5da f4f1e8"),
)
