"""Abstract fields: clouds, contour maps, interference, cells, gradients."""

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
    slopes,
    smooth,
    stretched,
    triangle,
    warped,
)
from hamster_bench.envs.factors.procedural.layouts import scattered, stamp, window


def _clouds(stream: Stream, colours: str, scale: int, gain: float = 0.5) -> Field:
    """Billows of several sizes."""
    return ramp(stretched(fractal(stream, scale, octaves=7, gain=gain)), colours)


def _swirled(stream: Stream, colours: str, scale: int, push: float) -> Field:
    """Noise pushed about by noise, twice: ink in water, marbled paper."""
    shift_x, shift_y = push * fractal(stream, scale, octaves=3), push * fractal(stream, scale, octaves=3)
    once = warped(fractal(stream, scale, octaves=4), shift_x, shift_y)
    return ramp(ranked(warped(once, 0.7 * push * once, -0.7 * push * once)), colours)


def _combed(stream: Stream, colours: str) -> Field:
    """Marbled paper drawn with a comb."""
    u, v = grid()
    push = 34 * triangle(10 * u) * (0.8 + 0.4 * noise(stream, 3)) + 12 * fractal(stream, 3, octaves=3)
    tone = warped(14 * np.broadcast_to(triangle(2 * v), (SIZE, SIZE)) + 0.6 * noise(stream, 6), 0 * push, push)
    number = np.floor(fract(tone / 7 + 0.25 * noise(stream, 4)) * len(colours.split()) * 0.999).astype(np.int64)
    return toned(picked(number, colours), 1 + 0.05 * fractal(stream, 8, octaves=3))


def _contours(stream: Stream, colours: str, line: str, levels: int, scale: int = 2) -> Field:
    """A map: tints by height and lines of equal height."""
    height = stretched(fractal(stream, scale, octaves=4, gain=0.42)) * levels
    along_u, along_v = slopes(height)
    steep = np.maximum(distance(along_u, along_v), 0.008)
    gap = (0.5 - np.abs(fract(height) - 0.5)) / steep
    image = ramp(np.floor(height) / levels, colours)
    return mixed(image, line, 0.85 * inside(gap - 0.5))


def _relief_map(stream: Stream) -> Field:
    """Land and sea with hill shading."""
    height = fractal(stream, 2, octaves=7, gain=0.55)
    land = lit(ramp(0.1 + 0.9 * np.clip(height, 0, 1) * 1.3, "e9dca8 8fb060 4f8040 8a7a5a c9c4ba ffffff"), 60 * height, 0.22)
    sea = ramp(1 + 1.4 * np.clip(height, -1, 0), "0f3560 1f5f95 4f9ac0 a3d2dc")
    return mixed(sea, land, smooth(0.0, 0.02, height))


def _interference(stream: Stream, colours: str, sources: int, pitch: float) -> Field:
    """Rings from several places, added."""
    u, v = grid()
    total = np.zeros((SIZE, SIZE))
    for x, y in scattered(stream, sources, sources):
        gap_u, gap_v = u - x / SIZE, v - y / SIZE
        # The wrapped distance has a ridge halfway around; that of a sine's chord has none.
        away = distance(sine(0.5 * gap_u), sine(0.5 * gap_v))
        total += sine(away * SIZE / pitch)
    return ramp(stretched(total), colours)


def _plasma(stream: Stream, colours: str) -> Field:
    """Sums of sines of sines."""
    u, v = grid()
    a, b, c = stream.number(), stream.number(), stream.number()
    level = sine(2 * u + 0.4 * sine(v + a)) + sine(3 * v + 0.5 * sine(2 * u + b)) + sine(u - 2 * v + 0.3 * sine(3 * u + c))
    return ramp(0.5 + level / 6, colours)


def _facets(stream: Stream, colours: str, count: int) -> Field:
    """Low-poly: flat cells in drifting colours."""
    facets = cells(stream, count, jitter=1.0)
    drift = ranked(fractal(stream, 2, octaves=2))
    rows, columns = np.divmod(np.arange(facets.count), count)
    middle = np.array([(2 * at + 1) * SIZE // (2 * count) for at in range(count)])
    level = drift[middle[rows], middle[columns]] + stream.uniform(facets.count, -0.15, 0.15)
    return ramp(level[facets.index], colours)


def _stained_glass(stream: Stream, colours: str) -> Field:
    """Glass between leads."""
    panes = cells(stream, 8, jitter=0.95, stagger=0.5)
    image = picked(stream.integers(panes.count, 97)[panes.index], colours)
    image = toned(image, 0.75 + 0.03 * np.clip(panes.border, 0, 12) + 0.15 * fractal(stream, 6, octaves=4))
    return mixed(image, "17181a", inside(panes.border - 2.1))


def _bloom(stream: Stream, colours: str, count: int) -> Field:
    """Soft discs of light, out of focus."""
    image = flat("0d1020")
    table = palette(colours)
    for number, (x, y) in enumerate(scattered(stream, count, count, jitter=1.0)):
        radius = stream.number(8, 26)
        place = window(x, y, radius + 3)
        gap = distance(place.x, place.y) - radius
        share = stream.number(0.2, 0.6) * inside(gap, 3) + 0.2 * inside(np.abs(gap + 1.5) - 1, 2)
        stamp(image, place, table[number % len(table)], share)
    return image


def _worms(stream: Stream, colours: str, scale: int) -> Field:
    """Turing's labyrinth: even winding bands."""
    height = fractal(stream, scale, octaves=2, gain=0.35)
    bend = warped(height, 14 * noise(stream, 4), 14 * noise(stream, 4))
    return ramp(smooth(-0.35, 0.35, sine(3.2 * bend)), colours)


def _ridges(stream: Stream, colours: str, scale: int) -> Field:
    """Lightning: bright winding threads."""
    level = 1 - stretched(creases(stream, scale, octaves=5))
    return ramp(level * level, colours)


def _speckle(stream: Stream, ground: str, colours: str, share: float, size: int) -> Field:
    """Flicked paint: drops of all sizes."""
    image = toned(flat(ground), 1 + 0.04 * fractal(stream, 6, octaves=4))
    for across in (size, 2 * size, 4 * size):
        drops = cells(stream, across, jitter=1.0)
        radius = stream.uniform(drops.count, 0.05, 0.36)[drops.index] * SIZE / across
        seen = (stream.uniform(drops.count) < share)[drops.index]
        tone = picked(stream.integers(drops.count, 97)[drops.index], colours)
        image = mixed(image, tone, seen * inside(drops.nearest + 0.6 * noise(stream, 48) - radius))
    return image


def _static(stream: Stream, colours: str, block: int) -> Field:
    """Squares of random brightness."""
    count = SIZE // block
    level = stream.uniform((count, count))
    return ramp(np.repeat(np.repeat(level, block, 0), block, 1), colours)


def _galaxy(stream: Stream) -> Field:
    """Nebula and stars."""
    image = ramp(stretched(fractal(stream, 2, octaves=6)), "05030f 0f0a2a 2f1a5a 8f3a8f f2a0a8")
    image = mixed(image, "3f7fd0", 0.5 * smooth(0.1, 0.7, fractal(stream, 3, octaves=5)))
    stars = cells(stream, 22, jitter=1.0)
    bright = stream.uniform(stars.count)[stars.index]
    glow = 1 / (1 + np.square(stars.nearest / (0.35 + 1.1 * bright * bright * bright)))
    return mixed(image, "ffffff", np.clip(1.3 * glow * bright, 0, 1))


def _glitch(stream: Stream, colours: str) -> Field:
    """Rows shifted against each other."""
    rows = 48
    row = np.arange(SIZE) * rows // SIZE
    shift = stream.integers(rows, SIZE)[row]
    image = ramp(ranked(noise(stream, 5, 2)), colours)
    place = (np.arange(SIZE)[None, :] + shift[:, None]) % SIZE
    moved: Field = image[np.arange(SIZE)[:, None], place]
    return moved


NOISES: tuple[Recipe, ...] = (
    partial(_clouds, colours="3f7fc0 8fbde6 f4f8fc ffffff", scale=2),
    partial(_clouds, colours="1a1a1f 4a4a55 8f8f9a c9c9d0", scale=3, gain=0.65),
    partial(_clouds, colours="3a0f0a a3301a f08a2a ffe08a", scale=4),
    partial(_swirled, colours="f7f3ea b8d0d9 3f7a94 14303f 0a161f", scale=3, push=45),
    partial(_swirled, colours="2b0a3d b01e68 de834d f2d0a4 3a6073", scale=2, push=70),
    partial(_swirled, colours="0b2e1f 2f7a3f b5cc4a f7f2c0", scale=4, push=30),
    partial(_combed, colours="1d3557 f1e6cf c1272d e9b44c f1e6cf 2a9d8f"),
    partial(_contours, colours="f6efdc e3cf9f", line="8a5a2c", levels=14),
    partial(_contours, colours="0b132b 1c4a6e 5bc0be d8f3dc", line="f4fffd", levels=9, scale=3),
    _relief_map,
    partial(_interference, colours="0a0a23 1f4a8f 7fd0f0 ffffff", sources=2, pitch=17.0),
    partial(_interference, colours="3f0d12 d5573b f4d58d", sources=3, pitch=30.0),
    partial(_plasma, colours="ff2a6d 05d9e8 005678 d1f7ff 7700a6"),
    partial(_plasma, colours="264653 2a9d8f e9c46a f4a261 e76f51"),
    partial(_facets, colours="03256c 2541b2 1768ac 06bee1 d9f4fa", count=9),
    partial(_facets, colours="4a1942 893168 ec5766 f7a072 fbe3b5", count=14),
    partial(_stained_glass, colours="c1121f 1d4ed8 f4c20d 2a8f4f 7b2cbf f08a24 8fd0e8"),
    partial(_bloom, colours="ffb347 ff6f91 845ec2 4fc3f7 ffe29a", count=7),
    partial(_worms, colours="f6f0e0 20304a", scale=5),
    partial(_worms, colours="0d3b2e e4d35a", scale=8),
    partial(_ridges, colours="0a0618 3a1a6a 8a4ae0 f0e0ff", scale=3),
    partial(_speckle, ground="f4f1ea", colours="1f1f24 c8352b 2f6fb0 e8b33a", share=0.4, size=8),
    partial(_speckle, ground="2a3038", colours="e8e4da 7fc4c0 f2a65a", share=0.5, size=12),
    partial(_static, colours="101010 f0f0f0", block=2),
    partial(_static, colours="2f1b0c b98a4a f7e7c6", block=8),
    _galaxy,
    partial(_glitch, colours="0d0221 ff3864 2de2e6 f9f871"),
)


def _sweep(stream: Stream, colours: str, across: int, down: int, swing: float = 0.0) -> Field:
    """A smooth run through the palette and back."""
    u, v = grid()
    level = across * u + down * v + swing * sine(u) + swing * noise(stream, 2)
    return ramp(0.5 - 0.5 * sine(level + 0.25) + 0.008 * grit(stream), colours)


def _glows(stream: Stream, colours: str) -> Field:
    """Lights of several colours on a grid, running into each other."""
    u, v = grid()
    table = palette(colours)
    total, image = np.full((SIZE, SIZE), 1e-6), np.zeros((SIZE, SIZE, 3))
    for number, (x, y) in enumerate(scattered(stream, 3, 3)):
        chord = np.square(sine(0.5 * (u - x / SIZE))) + np.square(sine(0.5 * (v - y / SIZE)))
        weight = 1 / np.square(0.03 + chord)
        total = total + weight
        image = image + weight[..., None] * table[number % len(table)]
    blended: Field = image / total[..., None]
    return blended


def _steps(stream: Stream, colours: str, levels: int) -> Field:
    """Smooth hills in flat colours, as on a poster."""
    level = stretched(fractal(stream, 2, octaves=2, gain=0.3))
    return toned(ramp(np.floor(levels * level * 0.999) / (levels - 1), colours), 1 + 0.015 * grit(stream))


def _sunset(stream: Stream, colours: str) -> Field:
    """Ranges of hills before a bright sky, tone on tone."""
    _, v = grid()
    words = colours.split()
    image = ramp(v + 0.05 * noise(stream, 3), " ".join((words[-1], words[0], words[0])))
    ranges = len(words) - 1
    for number, colour in enumerate(words[1:]):
        line = 0.2 + 0.8 * number / ranges + 0.16 * fractal(stream, 3, 1, octaves=5, gain=0.5)[:1] * (1 - 0.4 * number / ranges)
        image = mixed(image, colour, inside((line - v) * SIZE))
    return image


GRADIENTS: tuple[Recipe, ...] = (
    partial(_sweep, colours="ff9a8b ff6a88 ff99ac fde2e4", across=1, down=0),
    partial(_sweep, colours="08203e 1f6f8b 99d5c9", across=0, down=1),
    partial(_sweep, colours="fffbd5 b20a2c 2b0610", across=1, down=1, swing=0.12),
    partial(_sweep, colours="12c2e9 c471ed f64f59", across=2, down=1, swing=0.2),
    partial(_sweep, colours="f4f4f4 9a9a9a 3a3a3a", across=3, down=0),
    partial(_glows, colours="f72585 7209b7 3a0ca3 4361ee 4cc9f0"),
    partial(_glows, colours="fefae0 dda15e bc6c25 606c38 283618"),
    partial(_steps, colours="fff1e6 ffb4a2 b5838d 6d6875", levels=6),
    partial(_steps, colours="d8f3dc 74c69d 2d6a4f 081c15", levels=9),
    partial(_sunset, colours="f9c784 e7a07a c96f6a 8a4a63 4f2f55 241a3a"),
)
