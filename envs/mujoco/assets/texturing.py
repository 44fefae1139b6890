"""Seamless textures for the scenes: noise that repeats, wood, speckle, and small image files.

Only the scripts that make the stored textures use this module; the benchmark itself reads the stored files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray


def periodic_noise(shape: tuple[int, int], cells: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Smooth noise in [-1, 1] that continues over the borders of the image.

    Args:
        shape: height and width [pixel].
        cells: number of random values along height and width; few give long waves.
        rng: the stream to draw from.
    """
    values = rng.uniform(-1.0, 1.0, cells)
    axes = []
    for size, count in zip(shape, cells, strict=True):
        position = np.arange(size) * count / size
        low = position.astype(np.int64)
        share = position - low
        axes.append((low, (low + 1) % count, share * share * (3.0 - 2.0 * share)))
    (row, next_row, down), (column, next_column, right) = axes
    down, right = down[:, None], right[None, :]
    top = values[np.ix_(row, column)] * (1 - right) + values[np.ix_(row, next_column)] * right
    bottom = values[np.ix_(next_row, column)] * (1 - right) + values[np.ix_(next_row, next_column)] * right
    return np.asarray(top * (1 - down) + bottom * down)


def wood(shape: tuple[int, int], rng: np.random.Generator, dark: ArrayLike, light: ArrayLike) -> NDArray[np.float64]:
    """A plank, (height, width, 3) in [0, 1], with the grain along the width.

    Growth rings cut almost along the trunk give bands of changing width; pores are short dark dashes on them.

    Args:
        shape: height and width [pixel].
        rng: the stream to draw from.
        dark: (3,) colour of the late wood.
        light: (3,) colour of the early wood.
    """
    height, width = shape
    sway = 0.5 * periodic_noise(shape, (3, 2), rng) + 0.12 * periodic_noise(shape, (8, 4), rng)
    across = np.arange(height)[:, None] / height
    bands = 0.5 + 0.5 * np.sin(2 * np.pi * (7 * across + 1.6 * sway))
    tone = 0.42 + 0.30 * bands**2 + 0.14 * periodic_noise(shape, (5, 2), rng)
    tone += 0.16 * periodic_noise(shape, (height // 6, 5), rng) + 0.12 * periodic_noise(shape, (height // 2, 9), rng)
    pores = periodic_noise(shape, (height, width // 12), rng)
    tone -= 0.35 * np.clip(pores - 0.62, 0.0, None) / 0.38
    share = np.clip(tone, 0.0, 1.0)[..., None]
    return np.asarray((1 - share) * np.asarray(dark, dtype=np.float64) + share * np.asarray(light, dtype=np.float64))


def save_png(path: Path, image: NDArray[np.float64], colors: int = 64) -> None:
    """Writes an image (height, width, 3) in [0, 1] as a PNG file with a palette of ``colors``."""
    from PIL import Image

    pixels = np.clip(np.round(image * 255.0), 0, 255).astype(np.uint8)
    palette = Image.fromarray(pixels).quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(path, optimize=True)


def grey(tone: NDArray[np.float64]) -> NDArray[np.float64]:
    """A colourless image (height, width, 3) of a brightness (height, width), cut to [0, 1]; any colour can tint it."""
    return np.asarray(np.clip(np.repeat(tone[..., None], 3, axis=2), 0.0, 1.0))
