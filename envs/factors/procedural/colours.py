"""Colours: palettes, ramps, mixing and light on relief. Images are float RGB, nominally 0 to 1, in sRGB's own scale."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.procedural.fields import SIZE, Field, Index, slopes


def palette(text: str) -> Field:
    """Colours (n, 3) written as hexadecimal RGB with blanks between them."""
    return np.array([[int(word[at : at + 2], 16) / 255 for at in (0, 2, 4)] for word in text.split()])


def ramp(level: Field, colours: str) -> Field:
    """An image whose colour runs through the palette as the level goes from 0 to 1."""
    table = palette(colours)
    place = np.clip(level, 0, 1) * (len(table) - 1)
    lower = np.minimum(np.floor(place).astype(np.int64), len(table) - 2)
    image: Field = table[lower] + (table[lower + 1] - table[lower]) * (place - lower)[..., None]
    return image


def flat(colour: str) -> Field:
    """An image of one colour."""
    return np.broadcast_to(palette(colour)[0], (SIZE, SIZE, 3)).copy()


def picked(index: Index, colours: str) -> Field:
    """An image of the palette's colours by their number, counted around."""
    table = palette(colours)
    return table[index % len(table)]


def mixed(below: Field, above: Field | str, share: Field) -> Field:
    """The second image or colour laid over the first, with so much coverage at each pixel."""
    over = palette(above)[0] if isinstance(above, str) else above
    return below + (over - below) * np.broadcast_to(share, (SIZE, SIZE))[..., None]


def toned(image: Field, factor: Field) -> Field:
    """An image made lighter or darker by a factor per pixel."""
    return image * np.broadcast_to(factor, (SIZE, SIZE))[..., None]


def lit(image: Field, height: Field, strength: float = 0.5) -> Field:
    """An image as relief under light from the upper left; height in pixels."""
    along_u, along_v = slopes(np.broadcast_to(height, (SIZE, SIZE)))
    return toned(image, 1 + strength * np.clip(along_u + along_v, -1.2, 1.2))
