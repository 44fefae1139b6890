"""Fabrics: weaves, knits, pile, and checks woven from coloured threads."""

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
    sine,
    smooth,
    streaked,
    stretched,
    triangle,
)
from hamster_bench.envs.factors.procedural.layouts import baskets, courses


def _weave(stream: Stream, warp: str, weft: str, threads: int = 64, float_length: int = 1, slub: float = 0.2) -> Field:
    """Plain weave (``float_length`` 1) or twill (2 and more) of two threads."""
    u, v = grid()
    column, row = np.floor(u * threads), np.floor(v * threads)
    above = (column + row) % (2 * float_length) < float_length
    part_u, part_v = fract(u * threads) - 0.5, fract(v * threads) - 0.5
    round_warp, round_weft = 1 - 2.4 * part_u * part_u, 1 - 2.4 * part_v * part_v
    image = mixed(flat(weft), warp, above.astype(np.float64))
    uneven = np.where(above, noise(stream, threads, 6), noise(stream, 6, threads))
    return toned(image, np.where(above, round_warp, round_weft) * (1 + slub * uneven) + 0.06 * grit(stream))


def _jeans(stream: Stream, colours: str) -> Field:
    """Twill faded in blotches and along the threads."""
    fade = 0.45 + 0.3 * fractal(stream, 3, octaves=4) + 0.25 * noise(stream, 128, 4) + 0.2 * grit(stream)
    u, v = grid()
    rib = triangle(64 * u + 64 * v)
    return toned(ramp(fade, colours), 0.78 + 0.34 * rib)


def _knit(stream: Stream, colours: str, chart: str = "0", stitches: int = 24, rows: int = 32) -> Field:
    """Stocking stitch: columns of V, coloured after a chart whose rows are separated by slashes."""
    u, v = grid()
    part = fract(u * stitches) - 0.5
    slant = v * rows + 1.1 * np.abs(part)
    row, along = np.floor(slant), fract(slant) - 0.5
    column = np.floor(u * stitches).astype(np.int64)
    lines = [[int(sign) for sign in line] for line in chart.split("/")]
    table: Index = np.array(lines)
    number = table[row.astype(np.int64) % rows % len(table), column % table.shape[1]]
    side = np.abs(part) - 0.25
    round_yarn = 1.08 - 2.6 * along * along - 5.5 * side * side
    fuzz = 0.1 * noise(stream, 96) + 0.1 * grit(stream)
    return toned(picked(number, colours), np.clip(round_yarn, 0.25, 1.2) + fuzz)


def _cable(stream: Stream, colours: str) -> Field:
    """Knitted plaits between ribs."""
    u, v = grid()
    turns = 4 * v
    part = fract(4 * u) - 0.5
    height = np.zeros((SIZE, SIZE))
    for phase in (0.0, 0.5):
        centre = 0.17 * sine(turns + phase)
        over = 0.7 + 0.3 * sine(turns + phase + 0.25)
        height = np.maximum(height, over * np.sqrt(np.clip(1 - np.square((part - centre) / 0.13), 0, None)))
    ribs = 0.55 * np.sqrt(np.clip(1 - np.square((np.abs(part) - 0.43) / 0.06), 0, None))
    height = np.maximum(height, ribs)
    stitches = triangle(48 * v + 10 * np.abs(fract(24 * u) - 0.5) / 5)
    image = ramp(0.25 + 0.6 * height + 0.12 * stitches + 0.05 * grit(stream), colours)
    return lit(image, 9 * height, 0.18)


def _corduroy(stream: Stream, colours: str, ribs: int) -> Field:
    """Ribs of pile."""
    u, _ = grid()
    part = fract(u * ribs) - 0.5
    pile = noise(stream, 4 * ribs, 128) + 0.5 * grit(stream)
    return ramp(0.95 - 3.4 * part * part + 0.14 * pile, colours)


def _pile(stream: Stream, colours: str, length: int, tuft: int) -> Field:
    """Carpet, towel or fur: tufts of yarn that lean along one way."""
    yarn = streaked(grit(stream), 1, 2, length) * np.sqrt(float(length))
    tufts = cells(stream, tuft, jitter=1.0)
    tone = 0.5 + 0.16 * yarn + stream.uniform(tufts.count, -0.25, 0.25)[tufts.index] - 0.03 * tufts.nearest
    return ramp(tone + 0.15 * fractal(stream, 3, octaves=3), colours)


def _shag(stream: Stream, colours: str) -> Field:
    """Long strands lying in swirls."""
    turn = fractal(stream, 3, octaves=2)
    first, second = streaked(grit(stream), 1, 1, 14), streaked(grit(stream), -1, 1, 14)
    third = streaked(grit(stream), 0, 1, 14)
    swirl = np.where(turn > 0.15, first, np.where(turn < -0.15, second, third))
    return ramp(0.5 + 1.1 * swirl + 0.25 * fractal(stream, 6, octaves=3), colours)


def _satin(stream: Stream, colours: str) -> Field:
    """Soft folds with sheen."""
    u, v = grid()
    fold = 3 * u + 2 * v + 0.55 * fractal(stream, 2, octaves=3)
    sheen = 0.5 + 0.5 * sine(fold + 0.15 * sine(2 * v + u))
    return ramp(0.1 + 0.85 * sheen * sheen + 0.03 * noise(stream, 256, 8), colours)


def _burlap(stream: Stream, colours: str) -> Field:
    """Coarse open weave of uneven threads."""
    u, v = grid()
    threads = 40
    bend_u, bend_v = 0.25 * noise(stream, 5, 40), 0.25 * noise(stream, 40, 5)
    part_u, part_v = fract(u * threads + bend_u) - 0.5, fract(v * threads + bend_v) - 0.5
    parity = (np.floor(u * threads + bend_u) + np.floor(v * threads + bend_v)) % 2
    warp, weft = np.clip(1 - 4.6 * part_u * part_u, 0, 1), np.clip(1 - 4.6 * part_v * part_v, 0, 1)
    height = np.maximum(warp * (0.7 + 0.3 * parity), weft * (1 - 0.3 * parity))
    return ramp(0.95 * height - 0.1 + 0.2 * noise(stream, 12, 128) + 0.2 * noise(stream, 128, 12), colours)


def _tweed(stream: Stream, colours: str, stripes: int = 8) -> Field:
    """Herringbone twill with coloured flecks."""
    u, v = grid()
    slant = 48 * v + 1.0 * stripes * triangle(u * stripes / 2) * 0.75
    line = triangle(slant) + 0.25 * grit(stream)
    image = ramp(smooth(0.2, 0.8, line) * 0.8 + 0.1, colours)
    flecks = cells(stream, 36, jitter=1.0)
    fleck = (stream.uniform(flecks.count) < 0.06)[flecks.index] * inside(flecks.nearest - 1.8)
    return mixed(image, picked(stream.integers(flecks.count, 97)[flecks.index], "c94f3d e0b04a 4f8fa8"), 0.8 * fleck)


def _quilt(stream: Stream, colours: str) -> Field:
    """Padded lozenges with seams."""
    u, v = grid()
    first, second = np.abs(fract(5 * (u + v)) - 0.5), np.abs(fract(5 * (u - v)) - 0.5)
    seam = np.minimum(first, second) * SIZE / 5 * 0.707
    height = 6 * np.sqrt(np.clip(seam, 0, None))
    image = toned(flat(colours), 1 + 0.05 * grit(stream) + 0.05 * noise(stream, 64))
    stitches = inside(seam - 0.9) * (triangle(24 * (u + v)) > 0.4) * (triangle(24 * (u - v)) > 0.15)
    return mixed(lit(image, height, 0.4), "ffffff", 0.45 * stitches)


def _patchwork(stream: Stream, colours: str) -> Field:
    """Squares of printed cloth sewn together."""
    u, v = grid()
    pieces = courses(5, 5, 0)
    kind = stream.integers(pieces.count, 5)[pieces.index]
    tone, other = stream.integers(pieces.count, 97)[pieces.index], stream.integers(pieces.count, 97)[pieces.index]
    dots = inside(distance(fract(25 * u) - 0.5, fract(25 * v) - 0.5) * 10 - 2.6)
    bars, slants = (fract(20 * u) < 0.4) + 0.0 * v, (fract(20 * (u + v)) < 0.4) + 0.0
    checks = ((np.floor(25 * u) + np.floor(25 * v)) % 2) + 0.0
    print_ = np.choose(kind, [dots, bars, slants, checks, np.zeros((SIZE, SIZE))])
    table = palette(colours)
    image = mixed(table[tone % len(table)], table[(tone + 1 + other % (len(table) - 1)) % len(table)], 0.75 * print_)
    stitches = inside(np.abs(pieces.border - 4) - 0.6) * (triangle(30 * u) > 0.4) * (triangle(30 * v) > 0.4)
    image = mixed(image, "fff8e8", 0.7 * stitches)
    return lit(image, 4 * smooth(0, 4, pieces.border) + 0.6 * grit(stream), 0.2)


def _felt(stream: Stream, colours: str) -> Field:
    """Matted fibres."""
    fibres = sum((streaked(grit(stream), x, y, 9) for x, y in ((1, 0), (1, 1), (0, 1), (-1, 1))), np.zeros((SIZE, SIZE)))
    return ramp(0.5 + 0.35 * fibres + 0.2 * fractal(stream, 4, octaves=4), colours)


def _lace(stream: Stream, ground: str, thread: str) -> Field:
    """Net with rosettes."""
    u, v = grid()
    net = np.minimum(np.abs(fract(24 * (u + v)) - 0.5), np.abs(fract(24 * (u - v)) - 0.5)) * 10 - 0.9
    x, y = (fract(4 * u) - 0.5) * 64 + 0 * v, (fract(4 * v + 0.5 * (np.floor(4 * u) % 2)) - 0.5) * 64
    radius = distance(x, y)
    petals = np.abs(x * x * x * x - 6 * x * x * y * y + y * y * y * y) / np.maximum(radius * radius * radius * radius, 1e-9)
    rosette = np.minimum(np.abs(radius - 12 - 8 * petals) - 1.6, np.abs(radius - 6) - 1.3)
    image = mixed(flat(ground), thread, 0.55 * inside(net))
    image = mixed(image, thread, 0.75 * inside(radius - 11 - 8 * petals))
    return mixed(image, ground, 0.8 * inside(rosette)) * (1 + 0.04 * grit(stream))[..., None]


def _cane(stream: Stream, colours: str) -> Field:
    """Chair caning: straight and slanted strands around eight-sided holes."""
    u, v = grid()
    count = 12
    part_u, part_v = np.abs(fract(count * u) - 0.5), np.abs(fract(count * v) - 0.5)
    pair = np.minimum(np.abs(part_u - 0.36), np.abs(part_v - 0.36)) * SIZE / count - 1.6
    slant = np.minimum(np.abs(fract(count * (u + v)) - 0.5), np.abs(fract(count * (u - v)) - 0.5)) * SIZE / count - 2.2
    image = mixed(flat("2b1d12"), ramp(0.5 + 0.4 * noise(stream, 128), colours), inside(slant * 0.8))
    image = mixed(image, ramp(0.7 + 0.4 * noise(stream, 64), colours), inside(pair))
    return lit(image, -1.5 * np.clip(np.minimum(pair, slant), -2, 1), 0.3)


def _thick_basket(stream: Stream, colours: str) -> Field:
    """Bands of rope woven two over two."""
    pieces = baskets(10, 3)
    bulge = 1 - np.square(pieces.across / (SIZE / 60)) * 0.75
    sag = 1 - np.square(pieces.along / (SIZE / 20)) * 0.35
    twist = triangle((pieces.along + pieces.across) / 4)
    return ramp(0.8 * bulge * sag + 0.15 * twist + 0.05 * grit(stream) - 0.05, colours)


def _sequins(stream: Stream, colours: str) -> Field:
    """Overlapping bright discs, each tilted its own way."""
    discs = cells(stream, 18, 24, jitter=0.0, stagger=0.5)
    tilt = stream.uniform(discs.count)[discs.index]
    tone = 0.15 + 0.85 * tilt * tilt * tilt + 0.03 * (8 - discs.nearest)
    return toned(ramp(tone, colours), 1 - 0.5 * inside(discs.border - 0.6, 2))


def _ikat(stream: Stream, colours: str) -> Field:
    """Bands of lozenges blurred along the warp."""
    u, v = grid()
    smear = 0.03 * noise(stream, 128, 5) + 0.05 * stream.uniform(SIZE, -1, 1)[None, :]
    x, y = triangle(4 * u), triangle(3 * (v + smear))
    level = np.floor(4.999 * stretched(x + 1.3 * y)).astype(np.int64)
    return toned(picked(level, colours), 0.92 + 0.1 * noise(stream, 128, 8) + 0.05 * grit(stream))


_FAIR_ISLE = (
    "00000000/11111111/01010101/00000000/00020000/00222000/02222200/22232222/"
    "02222200/00222000/00020000/00000000/10101010/11111111/00000000/33003300"
)

FABRICS: tuple[Recipe, ...] = (
    partial(_weave, warp="dcd2be", weft="c9bca3", threads=48),
    partial(_weave, warp="7b8f6a", weft="5f7450", threads=64, slub=0.35),
    partial(_weave, warp="c65d4a", weft="f0dfc8", threads=32),
    partial(_weave, warp="2b2f3a", weft="8a8f99", threads=64, float_length=4),
    partial(_jeans, colours="1a2a4a 2f4a78 5f7fae a9bcd6"),
    partial(_jeans, colours="2f3a1f 5a6a38 8c9a62"),
    partial(_knit, colours="b3383d e9e2d5", chart="0"),
    partial(_knit, colours="e8e1d2 23395b b23a48 d9a441", chart=_FAIR_ISLE, stitches=32, rows=48),
    partial(_knit, colours="2f5d50 f2efe6 d98c3f", chart="0/0/0/0/1/1/2/1/1/0/0/0", stitches=20, rows=24),
    partial(_cable, colours="7d6f5c cdbfa5 f5ecda"),
    partial(_corduroy, colours="4a2c14 8f5a2c bd8447", ribs=20),
    partial(_corduroy, colours="0f2f2c 1f5a52 3f8577", ribs=32),
    partial(_pile, colours="3a3f66 5a62a0 8d95cc", length=6, tuft=40),
    partial(_pile, colours="c9c4ba e6e2da fbf9f5", length=4, tuft=28),
    partial(_shag, colours="6b1d3c b8476d f0a1b5"),
    partial(_shag, colours="3b3a36 8b8778 d9d3c0"),
    partial(_satin, colours="3a0a2c 8a1f5c d2669a fbd7e6"),
    partial(_satin, colours="0a2148 1d4f91 6fa0d8 e6f1fb"),
    partial(_burlap, colours="3f2c17 a5804c d9b780"),
    partial(_tweed, colours="3b3a38 7a756a c7c0b0"),
    partial(_tweed, colours="2d3d2c 6a7d55 c4c49a", stripes=12),
    partial(_quilt, colours="6d8fb5"),
    partial(_patchwork, colours="c8553d f2d0a4 588b8b ffffff 33415c e0a458 8f6593"),
    partial(_felt, colours="2e6b3a 4a9a55 72bd78"),
    partial(_lace, ground="7a3b52", thread="fff7ef"),
    partial(_cane, colours="a97c3d d9b273 f3dcaa"),
    partial(_thick_basket, colours="4d3820 a98552 e8d0a0"),
    partial(_sequins, colours="5a3a05 c89a25 fff2b0"),
    partial(_ikat, colours="f2e8d5 1f3a6e b8322f f2e8d5 e0a030"),
)


def _tartan(stream: Stream, sett: str, repeats: int = 2) -> Field:
    """Twill 2/2 of one thread sequence in warp and weft. ``sett`` lists colour:threads, mirrored at both ends."""
    bands = [(colour, int(count)) for colour, count in (band.split(":") for band in sett.split())]
    bands += bands[-2:0:-1]
    edges = np.cumsum([0] + [count for _, count in bands])
    threads = int(edges[-1])
    u, v = grid()
    thread_u, thread_v = np.floor(u * repeats * threads), np.floor(v * repeats * threads)
    table = np.repeat(palette(" ".join(colour for colour, _ in bands)), [count for _, count in bands], axis=0)
    warp, weft = table[thread_u.astype(np.int64) % threads], table[thread_v.astype(np.int64) % threads]
    place = np.arange(SIZE)
    # The twill itself runs at one slant per two pixels, whatever the number of threads, or it would shimmer.
    above = ((place[None, :] + place[:, None]) % 8 < 4).astype(np.float64)
    share = 0.5 + 0.28 * (2 * above - 1)
    image: Field = weft + (warp - weft) * share[..., None]
    return toned(image, 1 + 0.07 * grit(stream) + 0.03 * noise(stream, 128, 6))


def _houndstooth(stream: Stream, dark: str, light: str, count: int) -> Field:
    """Twill 2/2 with four dark and four light threads in turn, drawn large."""
    u, v = grid()
    column, row = np.floor(u * count * 8), np.floor(v * count * 8)
    above = (column + row) % 4 < 2
    number = np.where(above, column % 8 < 4, row % 8 < 4)
    return toned(mixed(flat(light), dark, number.astype(np.float64)), 1 + 0.06 * grit(stream))


def _gingham(stream: Stream, colour: str, count: int) -> Field:
    """White and coloured stripes crossing."""
    u, v = grid()
    share = 0.5 * (fract(u * count) < 0.5) + 0.5 * (fract(v * count) < 0.5)
    return toned(mixed(flat("fbfaf6"), colour, share), 1 + 0.05 * grit(stream) + 0.03 * noise(stream, 128))


def _argyle(stream: Stream, colours: str, count: int) -> Field:
    """Diamonds under a grid of thin slanted lines."""
    u, v = grid()
    x, y = 2 * np.abs(fract(u * count) - 0.5), 2 * np.abs(fract(v * count * 0.5) - 0.5)
    table = palette(colours)
    inner = inside((x + y - 1) * SIZE / count * 0.4)
    image = mixed(flat(colours.split(maxsplit=1)[0]), table[1], inner)
    other = (np.floor(u * count + 0.5) % 2)[..., None]
    image = image + (1 - inner)[..., None] * other * (table[2] - table[0])
    lines = np.minimum(np.abs(fract(count * (u + 0.5 * v)) - 0.5), np.abs(fract(count * (u - 0.5 * v)) - 0.5))
    image = mixed(image, table[3], inside(lines * SIZE / count * 0.9 - 0.9) * (triangle(48 * v) > 0.35))
    return toned(image, 0.94 + 0.08 * triangle(64 * v + 0.5 * triangle(64 * u)))


def _windowpane(stream: Stream, ground: str, lines: str, count: int) -> Field:
    """Thin double lines on a plain cloth."""
    u, v = grid()
    table = palette(lines)
    image = flat(ground)
    for colour, offset in zip(table, (0.42, 0.5), strict=True):
        for place in (u, v):
            near = np.abs(fract(place * count) - offset) * SIZE / count
            image = mixed(image, colour, 0.8 * inside(near - 0.8) + 0 * u + 0 * v)
    return toned(image, 1 + 0.1 * grit(stream) + 0.06 * noise(stream, 128, 32))


PLAIDS: tuple[Recipe, ...] = (
    partial(_tartan, sett="b3202a:24 14401f:8 b3202a:4 14401f:14 f2e9c8:2 14213d:10"),
    partial(_tartan, sett="14213d:12 0d0d0f:4 14213d:3 0d0d0f:10 1f5a3a:14 0d0d0f:2", repeats=3),
    partial(_tartan, sett="d9bf8f:20 1a1a1a:5 f5f0e3:6 1a1a1a:5 d9bf8f:16 b3202a:2"),
    partial(_tartan, sett="e9a03b:10 6b3f1d:6 f7e2b5:8 6b3f1d:3 b5482a:12", repeats=3),
    partial(_tartan, sett="8fb3d9:14 f4f7fa:6 3f5f8f:4 f4f7fa:12 d98fa8:3"),
    partial(_tartan, sett="5b2a6e:16 c9a8d9:3 2f1a45:10 e0d24a:2 2f1a45:6 3d8f7a:8"),
    partial(_houndstooth, dark="1b1b1d", light="f3f0ea", count=5),
    partial(_houndstooth, dark="9c2f3f", light="f4dcc8", count=9),
    partial(_gingham, colour="c8202f", count=10),
    partial(_gingham, colour="2c5fa8", count=20),
    partial(_gingham, colour="4f9a4a", count=6),
    partial(_argyle, colours="37546d 8fa9bd c9a15a f5f0e0", count=4),
    partial(_argyle, colours="f0d5d8 b55a73 e7b2bb 5a2338", count=6),
    partial(_windowpane, ground="6d5f4f", lines="e8d9b8 a83f2f", count=4),
    partial(_windowpane, ground="dfe3e6", lines="2d6d8f 8f9aa0", count=7),
)
