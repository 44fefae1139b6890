"""The image as a remote model gets it, and the way back from its coordinates."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError, PathError, UnknownNameError
from hamster_bench.paths.path import Path2D


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """How images are sent.

    Attributes:
        fit: ``"stretch"`` sends the whole image and leaves its aspect to the model, which makes it square; ``"crop"`` sends the central
            square.
        format: ``"jpeg"`` or ``"png"``.
        quality: of JPEG, 1 to 100; the published client uses OpenCV's 95.
    """

    fit: Literal["stretch", "crop"] = "stretch"
    format: Literal["jpeg", "png"] = "jpeg"
    quality: int = 95

    def __post_init__(self) -> None:
        for name, allowed in (("fit", ("stretch", "crop")), ("format", ("jpeg", "png"))):
            if getattr(self, name) not in allowed:
                raise UnknownNameError(f"image {name}", getattr(self, name), allowed)
        if not 1 <= self.quality <= 100:
            raise InvalidOptionError(f"JPEG quality is a number from 1 to 100, got {self.quality!r}")


@dataclass(frozen=True, eq=False)
class SentImage:
    """An image made ready to be sent.

    Attributes:
        pixels: (h, w, 3) uint8, RGB, as sent before it is compressed.
        options: how it is compressed.
        offset: (2,) upper left corner of what is sent, as a fraction of the full image's width and height.
        extent: (2,) width and height of what is sent, as a fraction of the full image's.
    """

    pixels: NDArray[np.uint8]
    options: ImageOptions
    offset: NDArray[np.float64]
    extent: NDArray[np.float64]

    def data_url(self) -> str:
        """The compressed image as ``data:image/jpeg;base64,...``."""
        from PIL import Image

        compressed = io.BytesIO()
        settings = {"quality": self.options.quality} if self.options.format == "jpeg" else {}
        Image.fromarray(self.pixels).save(compressed, self.options.format.upper(), **settings)
        return f"data:image/{self.options.format};base64,{base64.b64encode(compressed.getvalue()).decode()}"

    def digest(self) -> str:
        """SHA-256 of the pixels and how they are compressed. Compressed bytes would differ between versions of the encoder."""
        quality = self.options.quality if self.options.format == "jpeg" else None
        described = f"{self.pixels.shape}|{self.options.format}|{quality}|"
        return hashlib.sha256(described.encode() + self.pixels.tobytes()).hexdigest()

    def in_full_image(self, path: Path2D) -> Path2D:
        """A path in the sent image as a path in the full one."""
        return Path2D(np.clip(self.offset + path.points * self.extent, 0.0, 1.0), path.gripper_open)

    def in_sent_image(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) of the full image as fractions of the sent one; outside [0, 1] where they were cut off."""
        inside: NDArray[np.float64] = (np.asarray(xy, dtype=np.float64) - self.offset) / self.extent
        return inside


def prepare_image(image_rgb: NDArray[np.uint8], options: ImageOptions) -> SentImage:
    """Cuts an image to what is sent.

    Args:
        image_rgb: (H, W, 3) uint8.
        options: how.

    Raises:
        PathError: not such an image.
    """
    image = np.asarray(image_rgb)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise PathError(f"a planner's image is (height, width, 3) of uint8, got {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    top = left = 0
    tall, wide = height, width
    if options.fit == "crop":
        tall = wide = min(height, width)
        top, left = (height - tall) // 2, (width - wide) // 2
    size = np.array([width, height], dtype=np.float64)
    return SentImage(
        pixels=np.array(image[top : top + tall, left : left + wide]),
        options=options,
        offset=np.array([left, top]) / size,
        extent=np.array([wide, tall]) / size,
    )
