"""Masonry: brick bonds, cobbles, flagstones, roof tiles."""

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
    fractal,
    grid,
    grit,
    inside,
    noise,
    smooth,
    warped,
)
from hamster_bench.envs.factors.procedural.layouts import Pieces, baskets, courses, herringbone


def _wall(stream: Stream, pieces: Pieces, colours: str, mortar: str, joint: float = 2.2, rough: float = 1.0) -> Field:
    """Bricks with worn edges in mortar."""
    border = pieces.border + rough * fractal(stream, 24, octaves=3)
    brick = picked(stream.integers(pieces.count, 97)[pieces.index], colours)
    brick = toned(brick, 1 + 0.16 * rough * fractal(stream, 12, octaves=5, gain=0.7) + 0.06 * grit(stream))
    ground = toned(flat(mortar), 1 + 0.12 * grit(stream) + 0.1 * noise(stream, 40))
    image = mixed(ground, brick, 1 - inside(border - joint, 2))
    height = 3.2 * smooth(joint - 1.5, joint + 2.5, border) + 0.8 * rough * noise(stream, 64)
    return lit(image, height, 0.35)


def _english(stream: Stream, colours: str, mortar: str) -> Field:
    """Courses of long and of short sides in turn."""
    _, v = grid()
    long, short = courses(4, 16, 0), courses(8, 16, 0)
    odd = (np.floor(v * 16) % 2).astype(np.int64) * np.ones((1, SIZE), np.int64)
    shifted = np.roll(short.border, 16, 1)
    moved = np.roll(short.index, 16, 1)
    pieces = Pieces(
        np.where(odd, moved, long.index + 128),
        long.along,
        long.across,
        np.where(odd, shifted, long.border),
        odd,
        256,
    )
    return _wall(stream, pieces, colours, mortar, joint=1.6)


def _rubble(stream: Stream, colours: str, mortar: str, size: int, roundness: float, joint: float = 2.0) -> Field:
    """Irregular stones: flags when flat, cobbles when round."""
    stones = cells(stream, size, jitter=0.85, stagger=0.5)
    push = 3.0 * fractal(stream, 8, octaves=3)
    border = warped(stones.border, push, -push)
    image = picked(stream.integers(stones.count, 97)[stones.index], colours)
    image = toned(image, 1 + 0.22 * fractal(stream, 10, octaves=5, gain=0.65))
    image = mixed(flat(mortar), image, 1 - inside(border - joint, 2.5))
    dome = roundness * np.sqrt(np.clip(border - joint, 0, None)) * 3 + 2.5 * smooth(joint - 1, joint + 2, border)
    return lit(image, dome + 0.7 * noise(stream, 48), 0.4)


def _blocks(stream: Stream, colours: str) -> Field:
    """Hewn blocks of several widths with bossed faces."""
    pieces = courses(3, 8, 0.25)
    image = ramp(0.5 + stream.uniform(pieces.count, -0.3, 0.3)[pieces.index] + 0.2 * fractal(stream, 8, octaves=5), colours)
    height = 7 * smooth(0, 9, pieces.border) + 5 * fractal(stream, 9, octaves=4)
    return toned(lit(image, height, 0.35), 1 - 0.55 * inside(pieces.border - 1.6, 2))


def _adobe(stream: Stream) -> Field:
    """Mud bricks with straw."""
    pieces = courses(4, 8)
    image = ramp(
        0.5 + stream.uniform(pieces.count, -0.2, 0.2)[pieces.index] + 0.25 * fractal(stream, 6, octaves=5), "8f6236 b98a52 d9b37a"
    )
    straw = smooth(0.34, 0.46, noise(stream, 16, 80)) + smooth(0.36, 0.46, noise(stream, 80, 16))
    image = mixed(image, "ecd48f", 0.6 * np.clip(straw, 0, 1))
    return toned(image, 1 - 0.35 * inside(pieces.border - 2 + fractal(stream, 20, octaves=2), 3))


RECIPES: tuple[Recipe, ...] = (
    lambda stream: _wall(stream, courses(4, 12), "9c4a36 a85540 8a3e2e b4624a 94463a", "c9c2b6"),
    lambda stream: _wall(stream, courses(4, 12), "e6e2da dedad1 ece9e3", "d2cdc3", rough=1.3),
    lambda stream: _wall(stream, courses(3, 10), "c9a46a d8b77f b98f56 e0c490", "efe6d3", joint=2.8),
    lambda stream: _wall(stream, courses(5, 16), "3a3634 4a4340 2d2a2b 564c46", "8f8a84", joint=1.5),
    lambda stream: _wall(stream, herringbone(2, 12), "b0593f 99452f c47352 86402f", "5f5148", joint=1.5),
    lambda stream: _wall(stream, baskets(6, 2), "a9664a c08462 8e4f3a b57856", "d9cdb9", joint=1.8),
    lambda stream: _wall(stream, courses(2, 4), "9fa3a5 aeb1b2 949899", "75797b", joint=3, rough=1.5),
    lambda stream: _wall(stream, courses(3, 6, 0), "4d7f95 5f93a8 447388 73a5b8", "e9eef0", rough=0.6),
    partial(_english, colours="7c3b2a 8f4833 a15a3f 6a3125", mortar="b7a999"),
    partial(_rubble, colours="8b8478 a39b8d 746d63 b5ad9d 6a665f", mortar="3f3b36", size=6, roundness=0.0),
    partial(_rubble, colours="6f7478 868b8e 5a5f63 989b9a", mortar="2b2b29", size=12, roundness=1.0),
    partial(_rubble, colours="c5a878 b08f5f d6bf92 9c7c50 dccba6", mortar="7d6a4c", size=5, roundness=0.4, joint=3),
    partial(_rubble, colours="e9e6df f5f3ee d9d5cb", mortar="8ea0a6", size=9, roundness=1.2),
    partial(_blocks, colours="9a8a70 c4b394 e0d3b8"),
    _adobe,
)
