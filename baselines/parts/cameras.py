"""Images and depths of an observation as arrays that policies take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.geometry import Camera


def colors_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours (3, height, width) in [0, 1] of an image (height, width, 3)."""
    return (rgb / np.float32(255.0)).transpose(2, 0, 1).astype(np.float32)


def points_of(observation: Mapping[str, Any], camera: str) -> NDArray[np.float64]:
    """World points (3, height, width) [m] of what every pixel of a camera shows."""
    depth = np.asarray(observation[f"{camera}_depth"])
    height, width = depth.shape
    pinhole = Camera(width, height, observation[f"{camera}_intrinsics"], observation[f"{camera}_extrinsics"])
    return pinhole.point_cloud(depth).transpose(2, 0, 1)


def camera_arrays(observation: Mapping[str, Any], camera: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Colours (3, height, width) in [0, 1] and world points (3, height, width) [m] of one camera."""
    return colors_of(np.asarray(observation[f"{camera}_rgb"])), points_of(observation, camera)
