"""What a camera sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One camera's images.

    Attributes:
        rgb: (height, width, 3) uint8.
        depth: (height, width) float32, planar depth along the optical axis [m].
        segmentation: (height, width) int32, body number of the model, 0 for the room; None unless asked for.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    segmentation: NDArray[np.int32] | None
