"""Metals: brushed, hammered, rolled, perforated, rusted."""

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
from hamster_bench.envs.factors.procedural.layouts import courses, honeycomb, scattered, stamp, window

_STEEL = "7c8288 a9afb5 d5dadf"


def _brushed(stream: Stream, colours: str, upright: bool = False) -> Field:
    """Fine scratches along one way under a soft reflection."""
    _, v = grid()
    lines = 0.5 * noise(stream, 2, 256) + 0.35 * noise(stream, 8, 256) + 0.2 * noise(stream, 3, 90)
    image = ramp(0.5 + 0.42 * lines + 0.22 * sine(2 * v + 0.2 * noise(stream, 2)), colours)
    return np.swapaxes(image, 0, 1).copy() if upright else image


def _engine_turned(stream: Stream, colours: str, count: int) -> Field:
    """Overlapping spots of turned scratches."""
    u, v = grid()
    radius = 0.72 * SIZE / count
    level = np.zeros((SIZE, SIZE))
    for step in (-1, 0, 1):
        row = np.floor(v * count) + step
        for side in (-1, 0, 1):
            column = np.floor(u * count) + side
            x, y = (u * count - column - 0.5) * SIZE / count, (v * count - row - 0.5) * SIZE / count
            away = distance(x, y)
            # The anisotropic shine of circular scratches: two bright sectors.
            shine = np.square(x - y) / np.maximum(2 * away * away, 1e-9)
            spot = 0.25 + 0.55 * shine + 0.14 * sine(away / 2.1)
            level = np.where(away < radius, spot, level)
    return ramp(level + 0.05 * grit(stream), colours)


def _tread(stream: Stream, colours: str, count: int) -> Field:
    """Checker plate: lozenges leaning either way by turns."""
    u, v = grid()
    height = np.zeros((SIZE, SIZE))
    for parity in (0, 1):
        x, y = (fract(count * u + 0.5 * parity) - 0.5) * SIZE / count, (fract(count * v + 0.5 * parity) - 0.5) * SIZE / count
        lean = 1 if parity else -1
        along, across = 0.707 * (x + lean * y), 0.707 * (y - lean * x)
        length = 0.42 * SIZE / count
        lens = 1 - np.square(along / length) - np.square(across / (0.26 * length))
        height = np.maximum(height, np.sqrt(np.clip(lens, 0, None)))
    image = ramp(0.5 + 0.2 * fractal(stream, 6, octaves=5) + 0.15 * height + 0.05 * grit(stream), colours)
    return lit(image, 6 * height, 0.35)


def _perforated(stream: Stream, colours: str, hole: str, columns: int, rows: int, share: float) -> Field:
    """Sheet with round holes in shifted rows."""
    x, y, _ = honeycomb(columns, rows)
    gap = distance(x, y) - share * SIZE / columns
    image = lit(_brushed(stream, colours), 3 * smooth(-1, 3, gap), 0.3)
    return mixed(image, hole, inside(gap))


def _rust(stream: Stream, metal: str, amount: float) -> Field:
    """Rust eating through paint or steel, with streaks running down."""
    eaten = fractal(stream, 3, octaves=6, gain=0.6) + 0.3 * noise(stream, 40, 2)
    rust = ramp(0.5 + 0.45 * fractal(stream, 10, octaves=5, gain=0.75), "3b1a0c 7a3413 b35a1f d98a3f")
    sound = toned(flat(metal), 1 + 0.06 * fractal(stream, 6, octaves=4) + 0.03 * grit(stream))
    sound = mixed(sound, "8a4a1c", 0.45 * smooth(amount - 0.35, amount, eaten))
    return mixed(sound, rust, smooth(amount, amount + 0.07, eaten))


def _hammered(stream: Stream, colours: str, count: int) -> Field:
    """Dents of a round hammer."""
    dents = cells(stream, count, jitter=0.9, stagger=0.5)
    bowl = np.square(dents.nearest / (SIZE / count))
    image = ramp(0.45 + 0.25 * fractal(stream, 3, octaves=4) + 0.25 * bowl, colours)
    return lit(image, 9 * bowl, 0.45)


def _corrugated(stream: Stream, colours: str, waves: int) -> Field:
    """Upright waves of roofing sheet with runs of dirt."""
    u, v = grid()
    dirt = 0.25 * noise(stream, 64, 2) + 0.2 * fractal(stream, 4, octaves=5)
    image = ramp(0.55 + 0.38 * sine(waves * u) + dirt * 0.7 + 0 * v, colours)
    screws = distance((fract(waves * u - 0.25) - 0.5) * SIZE / waves, (fract(2 * v) - 0.5) * SIZE / 2)
    return toned(image, 1 - 0.6 * inside(screws - 2.2, 2))


def _galvanised(stream: Stream) -> Field:
    """Spangles of zinc."""
    spangles = cells(stream, 9, jitter=1.0)
    fine = cells(stream, 26, jitter=1.0)
    tone = stream.uniform(spangles.count)[spangles.index] * 0.7 + stream.uniform(fine.count)[fine.index] * 0.3
    return toned(ramp(tone, "7f8b93 a8b4bb d9e1e4"), 1 + 0.1 * noise(stream, 64, 8) - 0.1 * inside(spangles.border - 0.5))


def _patina(stream: Stream) -> Field:
    """Copper gone green."""
    level = fractal(stream, 3, octaves=6, gain=0.62) + 0.25 * noise(stream, 32, 2)
    return ramp(0.5 + 0.55 * level, "3f2415 8f5428 5f8f78 6fc0a8 a9e0cc")


def _riveted(stream: Stream, colours: str) -> Field:
    """Plates with rivets along their seams."""
    pieces = courses(2, 3)
    image = toned(_brushed(stream, colours), 1 + stream.uniform(pieces.count, -0.12, 0.12)[pieces.index])
    along = np.abs(np.abs(pieces.across) - (SIZE / 6 - 9))
    beside = np.abs(np.abs(pieces.along) - (SIZE / 4 - 9))
    step_x = (fract(pieces.along / 16) - 0.5) * 16
    step_y = (fract(pieces.across / 16.6 + 0.5) - 0.5) * 16.6
    rivet = np.minimum(distance(step_x, along), distance(step_y, beside))
    height = 3 * np.sqrt(np.clip(1 - np.square(rivet / 4), 0, None)) + 3 * smooth(0, 2.5, pieces.border)
    return lit(image, height, 0.4)


def _mesh(stream: Stream, wire: str, ground: str, count: int) -> Field:
    """Woven wire over a dark ground."""
    u, v = grid()
    lean_u, lean_v = count * (u + v), count * (u - v)
    image = toned(flat(ground), 1 + 0.2 * fractal(stream, 4, octaves=4))
    over = (np.floor(lean_u) + np.floor(lean_v)) % 2
    for pick in (0, 1):
        for number, part in ((0, np.abs(fract(lean_u) - 0.5)), (1, np.abs(fract(lean_v) - 0.5))):
            front = over == number
            shown = inside((part - 0.17) * SIZE / count * 0.707) * (front if pick else 1.0)
            image = mixed(image, ramp(1 - 5.5 * part, f"202428 {wire} ffffff"), shown)
    return image


def _circuit(stream: Stream, board: str) -> Field:
    """Tracks and pads of a printed circuit."""
    count = 24
    unit = SIZE / count
    u, v = grid()
    column, row = np.floor(u * count).astype(np.int64), np.floor(v * count).astype(np.int64)
    kind = stream.integers((count, count), 6)[row, column]
    x, y = (fract(u * count) - 0.5) * unit + 0 * v, (fract(v * count) - 0.5) * unit + 0 * u
    level = np.minimum(np.abs(x), np.where(kind < 1, np.abs(y), 99))
    slanted = np.minimum(np.abs(x + y - 0.5 * unit), np.abs(x + y + 0.5 * unit)) * 0.707
    track = np.choose(kind, [level, np.abs(x), np.abs(y), slanted, np.abs(x), np.abs(y)]) - 1.3
    pad = np.where(kind == 0, np.abs(distance(x, y) - 2.8) - 1.2, 99.0)
    image = toned(flat(board), 1 + 0.06 * noise(stream, 64) + 0.03 * grit(stream))
    image = mixed(image, toned(flat(board), np.full((1, 1), 1.7)), inside(track))
    image = mixed(image, "e0c060", inside(pad))
    return mixed(image, "0c0f0d", inside(np.where(kind == 0, distance(x, y) - 1.6, 99.0)))


def _foil(stream: Stream, colours: str) -> Field:
    """Crumpled foil: flat facets catching the light."""
    facets, more = cells(stream, 9, jitter=1.0), cells(stream, 17, jitter=1.0)
    lean = stream.uniform((facets.count, 2), -1, 1)[facets.index]
    fine = stream.uniform((more.count, 2), -1, 1)[more.index]
    u, v = grid()
    glance = sine(0.7 * lean[..., 0] + 0.4 * fine[..., 0] + lean[..., 1] * facets.nearest / 25 + u + v)
    return ramp(0.5 + 0.5 * glance, colours)


def _chain_mail(stream: Stream) -> Field:
    """Interlinked rings."""
    image = flat("15171a")
    table = palette("8d949b b9c0c6")
    place = scattered(stream, 12, 24, jitter=0.0)
    for number, (x, y) in enumerate(place[np.lexsort((place[:, 0], place[:, 1]))]):
        ring = window(x, y, 16)
        gap = np.abs(distance(ring.x, ring.y) - 11.5) - 2.4
        shine = np.clip(1.0 - 0.28 * np.square(gap + 2.4) / 2 - 0.02 * (ring.x + ring.y), 0.2, 1.35)
        stamp(image, ring, table[number % 2] * shine[..., None], inside(gap))
    return image


def _scratched(stream: Stream, colours: str) -> Field:
    """Worn paint on plate, scratches in all directions."""
    image = ramp(0.5 + 0.25 * fractal(stream, 3, octaves=5), colours)
    for x, y in scattered(stream, 9, 9, jitter=1.0):
        mark = window(x, y, 40, stream.number())
        length = stream.number(6, 38)
        bend = mark.y + stream.number(-0.004, 0.004) * mark.x * mark.x
        share = inside(np.abs(bend) - 0.5 * stream.number(0.5, 1.6)) * smooth(length, 0.5 * length, np.abs(mark.x))
        stamp(image, mark, palette("dfe3e6")[0], 0.75 * share)
    worn = smooth(0.35, 0.42, fractal(stream, 5, octaves=5, gain=0.65))
    return mixed(image, _bare_steel(stream), worn)


def _bare_steel(stream: Stream) -> Field:
    """Bare steel with a short grain."""
    return ramp(0.5 + 1.0 * streaked(grit(stream), 1, 0, 9) + 0.1 * triangle(grid()[1] * 3), _STEEL)


RECIPES: tuple[Recipe, ...] = (
    partial(_brushed, colours=_STEEL),
    partial(_brushed, colours="7a3f1f b8693a e8a878", upright=True),
    partial(_brushed, colours="8a6a1c c9a23a f2dc8a"),
    partial(_brushed, colours="20242a 3a4048 5c646e", upright=True),
    partial(_engine_turned, colours="5a6068 a3abb3 eef2f5", count=7),
    partial(_tread, colours="4f555b 858c93 b9c0c6", count=7),
    partial(_tread, colours="8f6f2a c9a44f f0d79a", count=11),
    partial(_perforated, colours=_STEEL, hole="121416", columns=14, rows=16, share=0.3),
    partial(_perforated, colours="8a1c1c b03030 d05050", hole="1a0808", columns=21, rows=24, share=0.33),
    partial(_rust, metal="5f6f78", amount=0.05),
    partial(_rust, metal="2f7f8f", amount=0.3),
    partial(_rust, metal="d9c23a", amount=0.4),
    partial(_hammered, colours="6f3a1c b56c3a eab07c", count=11),
    partial(_hammered, colours="54585f 8d939b d3d8de", count=18),
    partial(_corrugated, colours="5a6468 98a3a8 d9e0e2", waves=10),
    partial(_corrugated, colours="5a1f18 94382c c96a55", waves=16),
    _galvanised,
    _patina,
    partial(_riveted, colours="4a5560 6d7a86 98a5b0"),
    partial(_mesh, wire="9aa3ab", ground="1a2024", count=10),
    partial(_circuit, board="0f5a35"),
    partial(_circuit, board="173a7a"),
    partial(_foil, colours="6a7078 b8bec5 f5f7f9 8d949c"),
    partial(_foil, colours="7a4a08 d9a52a fff0b0 a8741a"),
    _chain_mail,
    partial(_scratched, colours="24507a 2f6596 3f7ab0"),
)
