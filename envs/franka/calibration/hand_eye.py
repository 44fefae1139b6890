"""Where a camera is, from views of a board: hand-eye calibration with OpenCV, refined, and refused when the views disagree.

Static camera: the board is held by the hand. Camera on the arm: the board lies still. Arm poses are those of the flange.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.calibration.opencv import import_opencv
from hamster_bench.envs.franka.calibration.record import Mounting
from hamster_bench.envs.franka.errors import CalibrationError
from hamster_bench.geometry import quat_xyzw_from_matrix, rotation_angle

FloatArray = NDArray[np.float64]

FEWEST_VIEWS = 15
_FEWEST_CORNERS = 6
# The arm must have been turned by this much [rad] about two axes at least.
_LEAST_TURN = np.deg2rad(30.0)
# Larger disagreement rejects the calibration [m], [rad].
_LARGEST_TRANSLATION = 3e-3
_LARGEST_ROTATION = np.deg2rad(0.5)
_LARGEST_REPROJECTION = 2.0
# OpenCV counts pixels from their middles, this project from their edges.
PIXEL_MIDDLE = 0.5
_METHODS = ("TSAI", "PARK", "HORAUD", "DANIILIDIS")


@dataclass(frozen=True)
class Board:
    """A ChArUco board.

    Attributes:
        columns: squares across.
        rows: squares down.
        square: edge of a square [m].
        marker: edge of a marker [m].
    """

    columns: int = 7
    rows: int = 5
    square: float = 0.035
    marker: float = 0.026

    def made(self) -> Any:
        """OpenCV's board; its markers are the first of the dictionary 4X4_100."""
        cv2 = import_opencv()
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)
        return cv2.aruco.CharucoBoard((self.columns, self.rows), self.square, self.marker, dictionary)

    def picture(self, pixels_per_metre: float = 8000.0) -> NDArray[np.uint8]:
        """The board to be printed, (H, W) uint8."""
        size = (round(self.columns * self.square * pixels_per_metre), round(self.rows * self.square * pixels_per_metre))
        picture: NDArray[np.uint8] = self.made().generateImage(size)
        return picture

    @property
    def text(self) -> str:
        """What it is called in a calibration."""
        return (
            f"ChArUco {self.columns} x {self.rows}, squares {1000 * self.square:g} mm, markers {1000 * self.marker:g} mm, 4X4_100"
        )


class BoardView(NamedTuple):
    """One view of the board.

    Attributes:
        T_base_flange: (4, 4) where the flange was.
        corners: (n, 2) image coordinates, continuous.
        points: (n, 3) the same corners on the board [m].
        T_camera_board: (4, 4) where the board was.
    """

    T_base_flange: FloatArray
    corners: FloatArray
    points: FloatArray
    T_camera_board: FloatArray


class HandEye(NamedTuple):
    """A solved calibration.

    Attributes:
        T_mount_camera: (4, 4) camera in the base (static) or in the flange.
        residuals: ``reprojection`` [pixel], ``translation`` [m], ``rotation`` [rad]: root mean square of the first, largest disagreement of
            methods and of leaving one view out for the others.
    """

    T_mount_camera: FloatArray
    residuals: dict[str, float]


def see_board(board: Board, rgb: NDArray[np.uint8], intrinsics: FloatArray, T_base_flange: FloatArray) -> BoardView | None:
    """The board in a picture, or None where too little of it is seen.

    Args:
        board: the board.
        rgb: (H, W, 3).
        intrinsics: (3, 3), continuous image coordinates.
        T_base_flange: (4, 4) where the flange is.
    """
    cv2 = import_opencv()
    made = board.made()
    corners, numbers, _, _ = cv2.aruco.CharucoDetector(made).detectBoard(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    if numbers is None or len(numbers) < _FEWEST_CORNERS:
        return None
    points = np.asarray(made.getChessboardCorners(), dtype=np.float64)[numbers.ravel()]
    pixels = np.asarray(corners, dtype=np.float64).reshape(-1, 2) + PIXEL_MIDDLE
    found, turn, position = cv2.solvePnP(points, pixels, intrinsics, None)
    if not found:
        return None
    T_camera_board = np.eye(4)
    T_camera_board[:3, :3] = cv2.Rodrigues(turn)[0]
    T_camera_board[:3, 3] = position.ravel()
    return BoardView(T_base_flange.copy(), pixels, points, T_camera_board)


def solve(views: Sequence[BoardView], intrinsics: FloatArray, mounting: Mounting) -> HandEye:
    """Where the camera is.

    Args:
        views: at least 15, the arm turned about two axes or more between them.
        intrinsics: (3, 3), continuous image coordinates.
        mounting: where the camera is fixed.

    Raises:
        CalibrationError: too few views, too little turning, or the views disagree.
    """
    if len(views) < FEWEST_VIEWS:
        raise CalibrationError(f"a calibration takes {FEWEST_VIEWS} to 30 views of the board, got {len(views)}")
    _check_turns(views)
    solutions = [_closed_form(views, mounting, method) for method in _METHODS]
    solutions += [_closed_form([v for v in views if v is not left_out], mounting, "PARK") for left_out in views]
    spread = [_distance(a, solutions[1]) for a in solutions]
    translation, rotation = max(d for d, _ in spread), max(r for _, r in spread)
    refined, reprojection = _refined(views, intrinsics, mounting, solutions[1])
    residuals = {"reprojection": reprojection, "translation": translation, "rotation": rotation}
    if translation > _LARGEST_TRANSLATION or rotation > _LARGEST_ROTATION or reprojection > _LARGEST_REPROJECTION:
        raise CalibrationError(
            f"the views disagree by {1000 * translation:.1f} mm, {np.rad2deg(rotation):.2f} degrees and {reprojection:.2f} pixels; at most "
            f"{1000 * _LARGEST_TRANSLATION:g} mm, {np.rad2deg(_LARGEST_ROTATION):g} degrees and "
            f"{_LARGEST_REPROJECTION:g} pixels are accepted. "
            "Take views with the arm at rest, the board filling a third of the picture, and measure the printed board"
        )
    return HandEye(refined, residuals)


def _check_turns(views: Sequence[BoardView]) -> None:
    cv2 = import_opencv()
    turns = [
        cv2.Rodrigues(a.T_base_flange[:3, :3].T @ b.T_base_flange[:3, :3])[0].ravel() for a, b in itertools.combinations(views, 2)
    ]
    # With rotations about one axis alone, the second largest extent of the rotation vectors is small.
    extents = np.sort(np.linalg.svd(np.array(turns), compute_uv=False) / np.sqrt(len(turns)))[::-1]
    if max(np.linalg.norm(turn) for turn in turns) < _LEAST_TURN or extents[1] < 0.25 * _LEAST_TURN:
        raise CalibrationError(
            "the arm was hardly turned between the views; turn it by 30 degrees or more about two axes at least"
        )


def _closed_form(views: Sequence[BoardView], mounting: Mounting, method: str) -> FloatArray:
    cv2 = import_opencv()
    arms = [view.T_base_flange if mounting == "flange" else np.linalg.inv(view.T_base_flange) for view in views]
    # The method goes by keyword: in its place among the arguments OpenCV takes it for an output and uses another one.
    rotation, position = cv2.calibrateHandEye(
        [arm[:3, :3] for arm in arms],
        [arm[:3, 3] for arm in arms],
        [view.T_camera_board[:3, :3] for view in views],
        [view.T_camera_board[:3, 3] for view in views],
        method=getattr(cv2, f"CALIB_HAND_EYE_{method}"),
    )
    solution = np.eye(4)
    solution[:3, :3], solution[:3, 3] = rotation, position.ravel()
    return solution


def _refined(
    views: Sequence[BoardView], intrinsics: FloatArray, mounting: Mounting, start: FloatArray
) -> tuple[FloatArray, float]:
    """The solution with the smallest reprojection error over all views, and its root mean square [pixel]."""
    from scipy.optimize import least_squares

    cv2 = import_opencv()

    def frame(values: FloatArray) -> FloatArray:
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = cv2.Rodrigues(values[:3])[0], values[3:]
        return matrix

    def values(matrix: FloatArray) -> FloatArray:
        return np.concatenate([cv2.Rodrigues(matrix[:3, :3])[0].ravel(), matrix[:3, 3]])

    # What carries the camera, and what carries the board, in each view.
    carriers = [(view.T_base_flange, np.eye(4)) if mounting == "flange" else (np.eye(4), view.T_base_flange) for view in views]

    def errors(x: FloatArray) -> FloatArray:
        T_mount_camera, T_other_board = frame(x[:6]), frame(x[6:])
        found = []
        for view, (T_base_mount, T_base_other) in zip(views, carriers, strict=True):
            T_camera_board = np.linalg.inv(T_base_mount @ T_mount_camera) @ T_base_other @ T_other_board
            in_camera = view.points @ T_camera_board[:3, :3].T + T_camera_board[:3, 3]
            projected = in_camera @ intrinsics.T
            found.append((projected[:, :2] / projected[:, 2:] - view.corners).ravel())
        return np.concatenate(found)

    T_base_mount, T_base_other = carriers[0]
    T_other_board = np.linalg.inv(T_base_other) @ T_base_mount @ start @ views[0].T_camera_board
    fit = least_squares(errors, np.concatenate([values(start), values(T_other_board)]))
    reprojection = float(np.sqrt(np.mean(np.sum(fit.fun.reshape(-1, 2) ** 2, axis=1))))
    return frame(fit.x[:6]), reprojection


def _distance(first: FloatArray, second: FloatArray) -> tuple[float, float]:
    angle = rotation_angle(quat_xyzw_from_matrix(first[:3, :3]), quat_xyzw_from_matrix(second[:3, :3]))
    return float(np.linalg.norm(first[:3, 3] - second[:3, 3])), angle
