"""Random crops and colours, with OpenVLA's ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from hamster_bench.baselines.openvla.images import CROP_AREA


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges of the random changes.

    Attributes:
        area: share of the area that a crop keeps; its place is random.
        brightness: largest change.
        contrast: smallest and largest factor.
        saturation: the same.
        hue: largest change, as a share of the circle.
    """

    area: float = CROP_AREA
    brightness: float = 0.2
    contrast: tuple[float, float] = (0.8, 1.2)
    saturation: tuple[float, float] = (0.8, 1.2)
    hue: float = 0.05


def augmented(image_rgb: NDArray[np.uint8], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """An image, cropped and brought back to its size, in other colours."""
    height, width = image_rgb.shape[:2]
    edge = math.sqrt(settings.area)
    left, top = rng.uniform(0.0, 1.0 - edge, size=2) * (width, height)
    box = (left, top, left + edge * width, top + edge * height)
    picture = Image.fromarray(image_rgb).resize((width, height), Image.Resampling.BILINEAR, box=box)
    brightness, contrast, saturation, hue = (
        rng.uniform(-settings.brightness, settings.brightness),
        rng.uniform(*settings.contrast),
        rng.uniform(*settings.saturation),
        rng.uniform(-settings.hue, settings.hue),
    )
    brighter = np.clip(np.asarray(picture, np.float32) + 255.0 * brightness, 0.0, 255.0).astype(np.uint8)
    picture = ImageEnhance.Contrast(Image.fromarray(brighter)).enhance(contrast)
    picture = ImageEnhance.Color(picture).enhance(saturation)
    hsv = np.array(picture.convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + round(255.0 * hue)) % 256
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
