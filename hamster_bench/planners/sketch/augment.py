"""Changes to training pictures that leave their meaning: light, colour, noise, and a little shift and scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Largest change of place and size [fraction of the image]; the shipped tasks' cameras move by less.
_SHIFT = 0.06
_SCALE = 0.08
# Largest shift of a colour channel's level and gain, and deviation of the pixel noise [fraction of the range].
_CONTRAST = 0.35
_TINT = 0.12
_BRIGHTNESS = 0.18
_SATURATION = 0.4
_NOISE = 0.02
# Share of the pictures that are left as they are.
_UNCHANGED = 0.15


class View(NamedTuple):
    """The part of a picture that is shown: point p of the picture is at (p - offset) / scale of the view.

    Attributes:
        offset: (2,) x and y of the view's top left corner [fraction of the picture].
        scale: edge of the view [fraction of the picture].
    """

    offset: NDArray[np.float64]
    scale: float


def augmented(image: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.float32], View]:
    """A changed picture.

    Args:
        image: (n, n, 3).
        rng: source of the changes.

    Returns:
        The picture (n, n, 3), 0 to 1, and which part of the old one it shows; what lies beyond the old one repeats its border.
    """
    if rng.random() < _UNCHANGED:
        return image.astype(np.float32) / 255.0, View(np.zeros(2), 1.0)
    scale = 1.0 + rng.uniform(-_SCALE, _SCALE)
    offset = (1.0 - scale) / 2.0 + rng.uniform(-_SHIFT, _SHIFT, 2)
    picture = _sampled(image, offset, scale)

    gray = picture.mean(axis=2, keepdims=True)
    picture = gray + (picture - gray) * np.float32(1.0 + rng.uniform(-_SATURATION, _SATURATION))
    level = np.float32(picture.mean())
    picture = level + (picture - level) * np.float32(1.0 + rng.uniform(-_CONTRAST, _CONTRAST))
    gains = 1.0 + rng.uniform(-_TINT, _TINT, 3)
    picture = picture * gains.astype(np.float32) + np.float32(rng.uniform(-_BRIGHTNESS, _BRIGHTNESS))
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    picture = picture + noise * np.float32(rng.uniform(0.0, _NOISE))
    return np.clip(picture, 0.0, 1.0), View(offset, scale)


def seen_in(view: View, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where points (n, 2) of the picture are in the view; those beyond its border come to lie on it."""
    return np.clip((points - view.offset) / view.scale, 0.0, 1.0)


def _sampled(image: NDArray[np.uint8], offset: NDArray[np.float64], scale: float) -> NDArray[np.float32]:
    """The view of a picture, sampled bilinearly."""
    size = len(image)
    centres = (np.arange(size) + 0.5) / size
    columns, rows = ((offset[axis] + centres * scale) * size - 0.5 for axis in (0, 1))
    picture = image.astype(np.float32) / 255.0
    return _interpolated(_interpolated(picture, rows).swapaxes(0, 1), columns).swapaxes(0, 1)


def _interpolated(picture: NDArray[np.float32], rows: NDArray[np.float64]) -> NDArray[np.float32]:
    rows = np.clip(rows, 0.0, len(picture) - 1.0)
    low = np.minimum(rows.astype(np.intp), len(picture) - 2)
    share = (rows - low).astype(np.float32)[:, None, None]
    between: NDArray[np.float32] = picture[low] * (1.0 - share) + picture[low + 1] * share
    return between
