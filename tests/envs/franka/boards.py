"""Pictures of a calibration board as a camera would see it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.calibration.hand_eye import Board
from hamster_bench.geometry import matrix_from_pose, pinhole_intrinsics, quat_xyzw_from_axis_angle

SIZE = (480, 640)
INTRINSICS = pinhole_intrinsics(640, 480, np.deg2rad(45.0))
_PIXELS_PER_METRE, _RIM = 3000.0, 40


def frame(position: Any, axis: Any = (0.0, 0.0, 1.0), angle: float = 0.0) -> NDArray[np.float64]:
    """A frame (4, 4) at a position, turned about an axis."""
    return matrix_from_pose(np.concatenate([position, quat_xyzw_from_axis_angle(axis, angle)]))


def middle(board: Board) -> NDArray[np.float64]:
    """The board's own frame (4, 4) where its middle is the origin."""
    return frame((-0.5 * board.columns * board.square, -0.5 * board.rows * board.square, 0.0))


def drawn(board: Board, T_camera_board: NDArray[np.float64]) -> NDArray[np.uint8]:
    """What the camera sees of the board: its picture, warped."""
    import cv2

    picture = np.pad(board.picture(_PIXELS_PER_METRE), _RIM, constant_values=255)
    corners = np.array([[0, 0], [board.columns, 0], [board.columns, board.rows], [0, board.rows]]) * board.square
    in_camera = np.c_[corners, np.zeros(4)] @ T_camera_board[:3, :3].T + T_camera_board[:3, 3]
    uv = in_camera @ INTRINSICS.T
    uv = uv[:, :2] / uv[:, 2:] - 0.5
    source = corners * _PIXELS_PER_METRE + _RIM - 0.5
    H = cv2.getPerspectiveTransform(source.astype(np.float32), uv.astype(np.float32))
    grey = cv2.warpPerspective(picture, H, (SIZE[1], SIZE[0]), flags=cv2.INTER_AREA, borderValue=128)
    return np.repeat(grey[:, :, None], 3, axis=2)
