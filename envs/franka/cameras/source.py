"""What a camera is to the robot's environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """One picture with its depth.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32, planar [m], in the pixels of the colour picture; 0 where nothing was measured.
        intrinsics: (3, 3) [pixel], principal point in continuous image coordinates.
        stamp: when it was taken [s], clock of `time.monotonic`.
        number: counts up; equal numbers are the same picture.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    intrinsics: FloatArray
    stamp: float
    number: int


class CameraSource(Protocol):
    """An open camera."""

    @property
    def serial(self) -> str:
        """What the camera is called by its maker; a calibration belongs to one."""
        ...

    def read(self, newer_than: float, timeout: float) -> CameraFrame:
        """The first picture taken after a moment.

        Args:
            newer_than: the moment [s], clock of `time.monotonic`.
            timeout: how long to wait for it [s].

        Raises:
            CameraError: none came in time.
        """
        ...

    def close(self) -> None:
        """Lets go of the camera; may be called twice."""
        ...


class OpenCamera(Protocol):
    """Opens a camera of one kind."""

    def __call__(self, **options: Any) -> CameraSource:
        """The open camera.

        Raises:
            CameraError: it cannot be opened.
            MissingDependencyError: what its kind needs is not installed.
        """
        ...


def fitted(frame: CameraFrame, height: int, width: int) -> CameraFrame:
    """A picture cut to the middle and scaled to a size; its intrinsics follow.

    Colours are averaged over the pixels that become one, depths are taken from the nearest pixel, since a mean of two surfaces is neither.
    """
    from PIL import Image

    rows, columns = frame.depth.shape
    scale = min(rows / height, columns / width)
    cut_height, cut_width = round(height * scale), round(width * scale)
    top, left = (rows - cut_height) // 2, (columns - cut_width) // 2
    rgb = frame.rgb[top : top + cut_height, left : left + cut_width]
    depth = frame.depth[top : top + cut_height, left : left + cut_width]
    across, down = width / cut_width, height / cut_height
    intrinsics = frame.intrinsics.copy()
    intrinsics[0, 2] -= left
    intrinsics[1, 2] -= top
    intrinsics[0] *= across
    intrinsics[1] *= down
    if (cut_height, cut_width) != (height, width):
        shrinks = across <= 1.0
        rgb = np.asarray(
            Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR)
        )
        row = np.minimum(((np.arange(height) + 0.5) / down).astype(int), cut_height - 1)
        column = np.minimum(((np.arange(width) + 0.5) / across).astype(int), cut_width - 1)
        depth = depth[row[:, None], column[None]]
    return replace(
        frame,
        rgb=np.ascontiguousarray(rgb, dtype=np.uint8),
        depth=np.ascontiguousarray(depth, dtype=np.float32),
        intrinsics=intrinsics,
    )
