"""The gripper drawn where the calibration says it is, for a person to judge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hamster_bench.envs.franka import kinematics
from hamster_bench.geometry import Camera

FloatArray = NDArray[np.float64]

# Outline of fingers and hand in the tip's frame [m]: pads at their widest, housing from the maker's data sheet.
_OUTLINE = np.array(
    [
        [[0.0, 0.04, 0.0], [0.0, 0.04, -0.0442]],
        [[0.0, -0.04, 0.0], [0.0, -0.04, -0.0442]],
        [[0.0, 0.102, -0.0442], [0.0, -0.102, -0.0442]],
        [[0.0, 0.102, -0.0442], [0.0, 0.102, -0.1102]],
        [[0.0, -0.102, -0.0442], [0.0, -0.102, -0.1102]],
        [[0.0, 0.102, -0.1102], [0.0, -0.102, -0.1102]],
    ]
)
_AXIS = 0.05


def check_image(
    rgb: NDArray[np.uint8],
    camera: Camera,
    joints: FloatArray,
    T_world_base: FloatArray,
    workspace: tuple[FloatArray, FloatArray] | None = None,
) -> NDArray[np.uint8]:
    """The picture with the gripper's outline and axes (x red, y green, z blue), and the workspace's edges.

    Args:
        rgb: (H, W, 3) picture of the camera.
        camera: as calibrated, for this size.
        joints: (7,) joint angles [rad] when it was taken.
        T_world_base: (4, 4).
        workspace: lowest and highest corner (3,) in the base frame, or None.
    """
    picture = Image.fromarray(rgb)
    draw = ImageDraw.Draw(picture)
    T_world_tip = T_world_base @ kinematics.tip_frames(joints)[0]
    for start, end in _OUTLINE:
        _draw_line(draw, camera, T_world_tip, np.array([start, end]), (255, 255, 0))
    for axis, colour in zip(np.eye(3), ((255, 0, 0), (0, 255, 0), (0, 0, 255)), strict=True):
        _draw_line(draw, camera, T_world_tip, np.array([np.zeros(3), _AXIS * axis]), colour)
    if workspace is not None:
        corners = np.array([[workspace[k][i] for i, k in enumerate(bits)] for bits in np.ndindex(2, 2, 2)])
        for i in range(8):
            for j in range(i + 1, 8):
                if int((corners[i] != corners[j]).sum()) == 1:
                    _draw_line(draw, camera, T_world_base, corners[[i, j]], (0, 255, 255))
    return np.asarray(picture)


def _draw_line(
    draw: ImageDraw.ImageDraw, camera: Camera, frame: FloatArray, points: FloatArray, colour: tuple[int, int, int]
) -> None:
    """A straight line in space; in the picture as many short ones, of which those in front of the camera are drawn."""
    between = points[0] + np.linspace(0.0, 1.0, 20)[:, None] * (points[1] - points[0])
    uv, depth = camera.project(between @ frame[:3, :3].T + frame[:3, 3])
    for a, b, in_front in zip(uv[:-1], uv[1:], (depth[:-1] > 0.05) & (depth[1:] > 0.05), strict=True):
        if in_front:
            draw.line([tuple(a), tuple(b)], fill=colour, width=2)
