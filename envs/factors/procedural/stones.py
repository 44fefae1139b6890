"""Stones: marbles, granites, layered stones, terrazzo, concrete."""

from __future__ import annotations

from functools import partial

import numpy as np

from hamster_bench.envs.factors.procedural.colours import flat, lit, mixed, picked, ramp, toned
from hamster_bench.envs.factors.procedural.fields import (
    SIZE,
    Field,
    Recipe,
    Stream,
    cells,
    creases,
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
    warped,
)


def _marble(stream: Stream, colours: str, vein: str, scale: int = 2, width: float = 0.07, second: float = 0.5) -> Field:
    """Clouded ground with winding veins of two strengths."""
    push_x, push_y = 34 * fractal(stream, 3, octaves=4), 34 * fractal(stream, 3, octaves=4)
    ground = ramp(stretched(warped(fractal(stream, scale, octaves=5), push_x, push_y)), colours)
    strong = warped(np.abs(noise(stream, scale)), push_x, push_y) + 0.04 * noise(stream, 32)
    weak = warped(np.abs(noise(stream, 2 * scale + 1)), push_y, push_x)
    image = mixed(ground, vein, second * (1 - smooth(0, 0.8 * width, weak)))
    return mixed(image, vein, (1 - smooth(0, width, strong)) * (0.55 + 0.45 * smooth(-0.4, 0.4, noise(stream, 4))))


def _granite(stream: Stream, minerals: str, size: int = 40, polish: float = 0.15) -> Field:
    """Crystals of several minerals, coarse ones over fine ones."""
    coarse, fine = cells(stream, size, jitter=1.0), cells(stream, 2 * size, jitter=1.0)
    image = picked(stream.integers(fine.count, 97)[fine.index], minerals)
    chosen = (stream.uniform(coarse.count) < 0.42)[coarse.index]
    image = mixed(image, picked(stream.integers(coarse.count, 89)[coarse.index], minerals), 0.9 * chosen)
    return toned(image, 1 + polish * fractal(stream, 3, octaves=3) + 0.12 * grit(stream))


def _layered(stream: Stream, colours: str, layers: int, bend: float, roughness: float = 0.12) -> Field:
    """Beds of sediment, bent and of uneven thickness."""
    _, v = grid()
    height = layers * v + bend * noise(stream, 2, 2) + 0.25 * bend * noise(stream, 5, 7)
    tone = 0.5 + 0.25 * sine(height) + 0.2 * sine(2.0 * height + 0.3) + 0.25 * noise(stream, 2, 64) + roughness * grit(stream)
    return ramp(tone, colours)


def _onyx(stream: Stream, colours: str, bands: float, scale: int = 2) -> Field:
    """Bands along the contours of a smooth relief, as in agate."""
    height = fractal(stream, scale, octaves=3, gain=0.35)
    tone = 0.75 * triangle(bands * height) + 0.25 * triangle(5.3 * bands * height) + 0.04 * grit(stream)
    return ramp(tone, colours)


def _terrazzo(stream: Stream, ground: str, chips: str, size: int = 11, share: float = 0.65) -> Field:
    """Chips of stone in cement, two sizes."""
    image = toned(flat(ground), 1 + 0.05 * grit(stream) + 0.05 * fractal(stream, 8, octaves=3))
    for across, part in ((3 * size, 0.35), (size, share)):
        pieces = cells(stream, across, jitter=1.0)
        kept = (stream.uniform(pieces.count) < part)[pieces.index]
        cover = kept * inside(2.4 - pieces.border - 0.8 * noise(stream, 32))
        image = mixed(image, picked(stream.integers(pieces.count, 83)[pieces.index], chips), cover)
    return image


def _slate(stream: Stream, colours: str) -> Field:
    """Cleft face with terraces."""
    height = 6 * fractal(stream, 2, 3, octaves=5)
    terrace = np.floor(height) + smooth(0.0, 0.25, fract(height))
    image = ramp(0.5 + 0.2 * fractal(stream, 4, octaves=5) + 0.06 * grit(stream) + 0.05 * terrace, colours)
    return lit(image, 2.2 * terrace + 1.5 * noise(stream, 32) + 0.8 * noise(stream, 96), 0.32)


def _travertine(stream: Stream) -> Field:
    """Pale beds with rows of holes."""
    _, v = grid()
    bed = 5 * v + 0.5 * noise(stream, 2, 3)
    image = ramp(0.5 + 0.3 * sine(bed) + 0.25 * noise(stream, 3, 48) + 0.04 * grit(stream), "b99c78 d9c3a0 efe3cc")
    holes = smooth(0.3, 0.42, noise(stream, 20, 60) + 0.35 * sine(bed + 0.3) - 0.1)
    return mixed(image, "8a6b4a", 0.8 * holes)


def _concrete(stream: Stream, colours: str, forms: bool) -> Field:
    """Cast concrete with pores, and where wanted the marks of the formwork."""
    u, v = grid()
    image = ramp(0.5 + 0.28 * fractal(stream, 3, octaves=6, gain=0.6) + 0.07 * grit(stream), colours)
    pores = cells(stream, 16, jitter=1.0)
    radius = (stream.uniform(pores.count, -3, 2.2))[pores.index]
    image = toned(image, 1 - 0.45 * inside(pores.nearest - radius, 1.5))
    if forms:
        seam = np.minimum(np.abs(fract(2 * v) - 0.5) * SIZE / 2, np.abs(fract(2 * u) - 0.5) * SIZE / 2)
        ties = np.sqrt(np.square((fract(2 * u) - 0.15) * 128) + np.square((fract(2 * v) - 0.2) * 128))
        image = toned(image, 1 - 0.4 * inside(seam - 0.8) - 0.5 * inside(ties - 4.5))
    return image


def _lapis(stream: Stream, colours: str, flecks: str) -> Field:
    """A deep ground with pale clouds and metallic flecks."""
    clouds = fractal(stream, 3, octaves=6, gain=0.62)
    image = ramp(0.35 + 0.5 * clouds, colours)
    spots = smooth(0.42, 0.55, noise(stream, 40) + 0.5 * noise(stream, 5) + 0.25 * noise(stream, 90))
    return mixed(image, flecks, 0.9 * spots)


def _breccia(stream: Stream, colours: str, cement: str) -> Field:
    """Broken pieces in a cement, each with its own veins."""
    pieces = cells(stream, 6, jitter=1.0)
    push = 9 * fractal(stream, 6, octaves=4)
    border = warped(pieces.border, push, -push)
    image = picked(stream.integers(pieces.count, 89)[pieces.index], colours)
    image = toned(image, 1 + 0.35 * fractal(stream, 7, octaves=5))
    image = mixed(image, cement, 0.85 * (1 - smooth(1.0, 5.5, border)))
    return mixed(image, cement, 0.5 * (1 - smooth(0.0, 0.06, creases(stream, 4, octaves=2))))


def _malachite(stream: Stream) -> Field:
    """Rings around several hearts, scalloped where they meet."""
    hearts = cells(stream, 4, jitter=1.0)
    depth = hearts.nearest + 5 * fractal(stream, 3, octaves=3)
    tone = 0.5 + 0.3 * sine(depth / 13) + 0.2 * sine(depth / 4.7) + 0.05 * grit(stream)
    return toned(ramp(tone, "04382a 0c6b4c 2fa377 8fdcb4"), 1 - 0.3 * inside(hearts.border - 1, 3))


RECIPES: tuple[Recipe, ...] = (
    partial(_marble, colours="d3d6da f2f1ee fbfaf7", vein="7d8288"),
    partial(_marble, colours="15161a 23252b 34363d", vein="e8dfc8", width=0.05),
    partial(_marble, colours="133f30 1f5c46 3b7d62", vein="cfe3d5", scale=3),
    partial(_marble, colours="dba79b ebc8bd f6e2da", vein="9a4b4b", second=0.8),
    partial(_marble, colours="e5cf9d f2e3c0 faf3df", vein="a8762f", scale=3, width=0.1),
    partial(_marble, colours="6f1d22 8d2f30 a74a44", vein="f1e2d6", scale=2, width=0.06),
    partial(_granite, minerals="2a2a2c 8d8b88 d9d6d0 b7a99a 5b5754"),
    partial(_granite, minerals="c98f7c a5644f 3a2a28 e2bba9 8a4c3d d0a292", size=32),
    partial(_granite, minerals="0f1114 1b1f24 2a3036 0b0c0e 5d6e78", size=28),
    partial(_granite, minerals="6d7f8f 9fb0bc 33414d c7d2d9 20303c 56697a", size=22),
    partial(_granite, minerals="d7c08a f0e2bb 8c6a36 4a3620 c9a866", size=48),
    partial(_layered, colours="8a4f2d c4854f e2b880 b56a3c f0d7ad", layers=7, bend=1.2),
    partial(_layered, colours="4a4f57 6b7480 8d97a3 b3bcc4", layers=12, bend=0.7),
    partial(_layered, colours="f1e3d0 d9a78a b8644f 7e3b3c d98e62 f3d5a7", layers=4, bend=2.4, roughness=0.05),
    partial(_onyx, colours="2b1a12 7a3f1d d78f45 f7e3bd fff6e4", bands=4.0),
    partial(_onyx, colours="12324a 2a6d8f 8fc3d6 f2fafc 5a4a8a", bands=5.5, scale=3),
    partial(_onyx, colours="2e0d3a 74307f c98ad2 f6e6f7", bands=3.0, scale=3),
    partial(_terrazzo, ground="ece7de", chips="b5533c 2f4b52 d9a441 8f9a8c 4b3a35"),
    partial(_terrazzo, ground="3b3f46", chips="e9e3d6 c7b299 8fb3b0 d98c73", size=9),
    partial(_terrazzo, ground="f2c9c2", chips="ffffff 3c6e71 d1495b edae49 5b2333", size=15, share=0.8),
    partial(_slate, colours="262d35 3c4650 56616b"),
    partial(_slate, colours="5a3f3a 80604f a98a6c 6e7468"),
    _travertine,
    partial(_concrete, colours="8f8f8c a9a8a4 c3c1bc", forms=True),
    partial(_concrete, colours="4a4f55 7a7d7f a9aaa2", forms=False),
    partial(_lapis, colours="0a1a55 15338c 2d58b8 b9c9e6", flecks="d9b64a"),
    partial(_breccia, colours="8a5a3c c2a27a 6b4430 d8c4a0 a3562f", cement="f1e8d8"),
    _malachite,
)
