"""Drawing a path over an image: time as a colour gradient, rings where the gripper changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import PathError
from hamster_bench.paths.path import Path2D
from hamster_bench.paths.strokes import line_offsets, ring_offsets
from hamster_bench.registry import Registry

Color = tuple[int, int, int]

# HAMSTER's published drawing places this many points along the path.
_SUBDIVISIONS = 100
# Line width and ring radius [pixel] on images whose shorter edge is up to 512 pixels; they grow in proportion beyond.
_LINE_WIDTH = 2
_RING_RADIUS = 7
_REFERENCE_EDGE = 512


@dataclass(frozen=True)
class DrawingStyle:
    """How a path looks.

    Attributes:
        closing: RGB of the ring where the gripper closes.
        opening: RGB of the ring where the gripper opens.
        ring_at_start: the first point has a ring too, in the colour of its state.
    """

    closing: Color
    opening: Color
    ring_at_start: bool


DRAWING_STYLES: Registry[DrawingStyle] = Registry("drawing style")
# The published program, pixel for pixel.
DRAWING_STYLES.register("hamster", DrawingStyle(closing=(0, 0, 255), opening=(255, 0, 0), ring_at_start=True))
# The paper's description: rings only where the gripper changes, green for closing, blue for opening.
DRAWING_STYLES.register("paper", DrawingStyle(closing=(0, 255, 0), opening=(0, 0, 255), ring_at_start=False))


@dataclass(frozen=True, eq=False)
class PathDrawing:
    """A path turned into pixels once, to be laid over any number of images of one size.

    Attributes:
        height: of the images [pixel].
        width: of the images [pixel].
        pixels: (k,) int64, numbers of the painted pixels in row order; later entries paint over earlier ones.
        colors: (k, 3) uint8, RGB of each.
    """

    height: int
    width: int
    pixels: NDArray[np.int64]
    colors: NDArray[np.uint8]

    def over(self, image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of the image (height, width, 3) uint8 with the path drawn over it.

        Raises:
            PathError: the image has another shape or type.
        """
        expected = (self.height, self.width, 3)
        if image_rgb.shape != expected or image_rgb.dtype != np.uint8:
            raise PathError(f"this drawing goes over uint8 images of shape {expected}, got {image_rgb.dtype} {image_rgb.shape}")
        drawn = np.array(image_rgb, order="C")
        # NumPy assigns repeated indices in order, so the last colour of a pixel stays.
        drawn.reshape(-1, 3)[self.pixels] = self.colors
        return drawn

    def alone(self) -> NDArray[np.uint8]:
        """The path on black, an image of its own: (height, width, 3) uint8."""
        return self.over(np.zeros((self.height, self.width, 3), dtype=np.uint8))


def rasterise_path(path: Path2D, height: int, width: int, style: str = "hamster") -> PathDrawing:
    """The pixels of a path for images of a size.

    Rings are painted first. Then 100 points at equal pixel distance along the path are joined by lines coloured from blue (start)
    to red (end); coordinates are cut to whole pixels. A path without length has only its rings, or a dot where the style gives it
    none.

    Args:
        path: what to draw.
        height: of the image [pixel].
        width: of the image [pixel].
        style: name of a drawing style.

    Raises:
        UnknownNameError: there is no such style.
    """
    look = DRAWING_STYLES.get(style)
    scale = max(1.0, min(height, width) / _REFERENCE_EDGE)
    thickness, radius = int(_LINE_WIDTH * scale), int(_RING_RADIUS * scale)
    corners = np.trunc(path.points * (width, height))  # (n, 2)

    strokes: list[NDArray[np.int64]] = []
    origins: list[int] = []
    stroke_colors: list[Color] = []
    for i in ([0] if look.ring_at_start else []) + path.gripper_changes.tolist():
        x, y = int(corners[i, 0]), int(corners[i, 1])
        strokes.append(ring_offsets(x, y, radius, thickness, height, width))
        origins.append(y * width + x)
        stroke_colors.append(look.opening if path.gripper_open[i] else look.closing)

    stops = _evenly_spaced(corners, _SUBDIVISIONS).tolist()
    for (x, y), (next_x, next_y), color in zip(stops[:-1], stops[1:], _GRADIENT, strict=True):
        dx, dy = next_x - x, next_y - y
        if dx or dy:
            strokes.append(line_offsets(x, y, dx, dy, thickness, height, width))
            origins.append(y * width + x)
            stroke_colors.append(color)
    if not strokes:
        x, y = stops[0]
        strokes.append(line_offsets(x, y, 0, 0, thickness, height, width))
        origins.append(y * width + x)
        stroke_colors.append(_GRADIENT[0])

    counts = [len(stroke) for stroke in strokes]
    pixels = np.concatenate(strokes) + np.repeat(origins, counts)
    return PathDrawing(height, width, pixels, np.repeat(np.array(stroke_colors, dtype=np.uint8), counts, axis=0))


def draw_path(image_rgb: NDArray[np.uint8], path: Path2D, style: str = "hamster") -> NDArray[np.uint8]:
    """A copy of the image with the path drawn over it.

    Args:
        image_rgb: (height, width, 3) uint8.
        path: what to draw.
        style: name of a drawing style.

    Raises:
        UnknownNameError: there is no such style.
        PathError: not an RGB image of uint8.
    """
    image = np.asarray(image_rgb)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise PathError(f"an RGB image has shape (height, width, 3), got {image.shape}")
    return rasterise_path(path, image.shape[0], image.shape[1], style).over(image)


def _evenly_spaced(corners: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Whole-pixel points (count, 2) at equal distances along a polyline (n, 2) [pixel]."""
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    # A repeated corner would give the interpolation two values at one place.
    distinct = np.concatenate([[True], lengths > 0.0])
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])[distinct]
    wanted = np.linspace(0.0, travelled[-1], count)
    along = [np.interp(wanted, travelled, corners[distinct, axis]) for axis in (0, 1)]
    return np.stack(along, axis=1).astype(np.int64)


def _jet(fractions: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours (n, 3) of Matplotlib's ``jet`` at ``fractions`` (n,) in [0, 1], cut to whole numbers as the published drawing does."""
    place = np.minimum(np.floor(fractions * 256.0), 255.0) / 255.0  # the colour map has 256 entries
    red = np.interp(place, [0.0, 0.35, 0.66, 0.89, 1.0], [0.0, 0.0, 1.0, 1.0, 0.5])
    green = np.interp(place, [0.0, 0.125, 0.375, 0.64, 0.91, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    blue = np.interp(place, [0.0, 0.11, 0.34, 0.65, 1.0], [0.5, 1.0, 1.0, 0.0, 0.0])
    return (np.stack([red, green, blue], axis=1) * 255.0).astype(np.uint8)


# One colour a segment.
_GRADIENT: list[Color] = [(r, g, b) for r, g, b in _jet(np.arange(_SUBDIVISIONS - 1) / (_SUBDIVISIONS - 1)).tolist()]
