"""Between RLBench's conventions and this project's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.geometry import Camera

FloatArray = NDArray[np.float64]

# The arm's model in RLBench has joint 4 this far [rad] from the maker's zero; found by fitting recorded joint angles to tip poses.
_JOINT4_OFFSET = 0.0689
_OFFSETS = np.array([0.0, 0.0, 0.0, _JOINT4_OFFSET, 0.0, 0.0, 0.0])


def joints_from_original(joints: ArrayLike) -> FloatArray:
    """Joint angles (..., 7) [rad] of RLBench's arm as those of the real robot."""
    converted: FloatArray = np.asarray(joints, dtype=np.float64) + _OFFSETS
    return converted


def joints_to_original(joints: ArrayLike) -> FloatArray:
    """Joint angles (..., 7) [rad] of the real robot as those of RLBench's arm."""
    converted: FloatArray = np.asarray(joints, dtype=np.float64) - _OFFSETS
    return converted


def camera_from_original(intrinsics: ArrayLike, T_world_camera: ArrayLike, height: int, width: int) -> Camera:
    """A camera of RLBench in this project's convention.

    RLBench's camera frame has x to the left of the image and y up, hence its negative focal lengths; turned about the optical axis by
    half a turn it is this project's.

    Args:
        intrinsics: (3, 3) [pixel], as RLBench gives them.
        T_world_camera: (4, 4) camera to world, as RLBench gives it.
        height: of the image [pixel].
        width: of the image [pixel].
    """
    K, T = np.array(intrinsics, dtype=np.float64), np.array(T_world_camera, dtype=np.float64)
    for axis in range(2):
        if K[axis, axis] < 0.0:
            K[axis, axis] = -K[axis, axis]
            T[:3, axis] = -T[:3, axis]
    return Camera(width, height, K, T)


def camera_to_original(intrinsics: ArrayLike, T_world_camera: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Intrinsics (3, 3) [pixel] and camera-to-world matrix (4, 4) of a camera, as RLBench gives those of the same one.

    The principal point stays: RLBench, too, has it at half the width and half the height. That its point clouds count whole pixels from
    there, and so are off by half a pixel, is a formula of its readers and no property of the camera.
    """
    K, T = np.array(intrinsics, dtype=np.float64), np.array(T_world_camera, dtype=np.float64)
    K[[0, 1], [0, 1]] *= -1.0
    T[:3, :2] *= -1.0
    return K, T


def depth_in_metres(depth: ArrayLike, near: float, far: float) -> NDArray[np.float32]:
    """Planar depth [m] of depths from 0 at the near plane to 1 at the far plane, both in [m]."""
    return (near + np.asarray(depth, dtype=np.float64) * (far - near)).astype(np.float32)


def depth_from_png(pixels: NDArray[np.uint8]) -> FloatArray:
    """Depths, 0 to 1, of an image (h, w, 3) in which RLBench has stored them as 24-bit numbers, high byte first."""
    depths: FloatArray = pixels.astype(np.float64) @ np.array([65536.0, 256.0, 1.0]) / (2.0**24 - 1.0)
    return depths


def segmentation_from_original(handles: Any) -> NDArray[np.int32]:
    """Object numbers (h, w), 0 the background, of a mask of object handles, in which -1 in 24 bits is the background."""
    numbers = np.rint(np.asarray(handles, dtype=np.float64)).astype(np.int64)
    return np.where(numbers == 2**24 - 1, 0, numbers + 1).astype(np.int32)
