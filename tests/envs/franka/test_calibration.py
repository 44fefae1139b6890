"""Calibration: known camera poses are found again from drawn boards, and bad views are refused."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.calibration.check_image import check_image
from hamster_bench.envs.franka.calibration.hand_eye import Board, BoardView, see_board, solve
from hamster_bench.envs.franka.calibration.record import Calibration, Mounting
from hamster_bench.envs.franka.errors import CalibrationError
from hamster_bench.geometry import Camera, quat_xyzw_from_matrix, rotation_angle
from tests.envs.franka.boards import INTRINSICS, SIZE, drawn, frame, middle

pytest.importorskip("cv2", reason="OpenCV is not installed: pip install '.[franka]'")


def made_views(mounting: Mounting, count: int, noise: float = 0.0) -> tuple[list[BoardView], NDArray[np.float64]]:
    """Views of a board through a camera whose place is known."""
    rng = np.random.default_rng(5)
    board = Board()
    if mounting == "static":
        truth = frame((1.2, 0.1, 0.6), (-1.0, 1.0, 0.3), 2.2)
    else:
        truth = frame((0.06, 0.01, 0.05), (0.1, 0.2, 1.0), 0.4)
    T_base_board = frame((0.5, 0.0, 0.0), (1.0, 0.0, 0.0), np.pi)
    views: list[BoardView] = []
    while len(views) < count:
        facing = frame((*rng.uniform(-0.05, 0.05, 2), rng.uniform(0.5, 0.75)), rng.standard_normal(3), rng.uniform(0.1, 0.6))
        T_camera_board = facing @ middle(board)
        if mounting == "static":
            T_flange_board = frame((0.02, 0.03, 0.12), (0.0, 1.0, 0.2), 0.5)
            T_base_flange = truth @ T_camera_board @ np.linalg.inv(T_flange_board)
        else:
            T_base_flange = T_base_board @ np.linalg.inv(T_camera_board) @ np.linalg.inv(truth)
        T_base_flange = T_base_flange @ frame(
            noise * rng.standard_normal(3), rng.standard_normal(3), 3.0 * noise * rng.standard_normal()
        )
        view = see_board(board, drawn(board, T_camera_board), INTRINSICS, T_base_flange)
        if view is not None:
            views.append(view)
    return views, truth


@pytest.mark.parametrize("mounting", ["static", "flange"])
def test_the_known_place_is_found_again(mounting: Mounting) -> None:
    views, truth = made_views(mounting, 16)
    solved = solve(views, INTRINSICS, mounting)
    assert np.linalg.norm(solved.T_mount_camera[:3, 3] - truth[:3, 3]) < 1e-3
    assert rotation_angle(
        quat_xyzw_from_matrix(solved.T_mount_camera[:3, :3]), quat_xyzw_from_matrix(truth[:3, :3])
    ) < np.deg2rad(0.1)
    assert solved.residuals["reprojection"] < 0.5


def test_a_millimetre_of_noise_is_borne() -> None:
    views, truth = made_views("static", 24, noise=3e-4)
    solved = solve(views, INTRINSICS, "static")
    assert np.linalg.norm(solved.T_mount_camera[:3, 3] - truth[:3, 3]) < 3e-3


def test_views_that_disagree_are_refused() -> None:
    views, _ = made_views("static", 16, noise=1e-2)
    with pytest.raises(CalibrationError, match="disagree"):
        solve(views, INTRINSICS, "static")


def test_too_few_views_and_too_little_turning_are_refused() -> None:
    views, _ = made_views("static", 15)
    with pytest.raises(CalibrationError, match="15 to 30"):
        solve(views[:14], INTRINSICS, "static")
    still = [view._replace(T_base_flange=views[0].T_base_flange + 0.0) for view in views]
    with pytest.raises(CalibrationError, match="turn"):
        solve(still, INTRINSICS, "static")


def test_a_picture_without_board_has_no_view() -> None:
    assert see_board(Board(), np.full((*SIZE, 3), 90, np.uint8), INTRINSICS, np.eye(4)) is None


class TestRecord:
    def record(self) -> Calibration:
        return Calibration(
            serial="123", width=640, height=480, intrinsics=INTRINSICS.tolist(), mounting="static", T_mount_camera=np.eye(4).tolist(),
            made=time.time(), method="m", board="b", views=20, residuals={"reprojection": 0.3},
        )  # fmt: skip

    def test_it_is_read_back(self, tmp_path: Path) -> None:
        self.record().save(tmp_path / "front.json")
        assert Calibration.load(tmp_path / "front.json") == dataclasses.replace(
            self.record(), made=Calibration.load(tmp_path / "front.json").made
        )

    def test_an_older_one_is_kept(self, tmp_path: Path) -> None:
        for serial in ("1", "2"):
            dataclasses.replace(self.record(), serial=serial).save(tmp_path / "front.json")
        assert {Calibration.load(file).serial for file in tmp_path.iterdir()} == {"1", "2"}

    @pytest.mark.parametrize(
        "values", [{"mounting": "wall"}, {"T_mount_camera": np.ones((4, 4)).tolist()}, {"intrinsics": [[1.0]]}]
    )
    def test_wrong_values_are_refused(self, values: dict[str, Any]) -> None:
        with pytest.raises(CalibrationError):
            dataclasses.replace(self.record(), **values)


def test_the_check_image_marks_the_gripper() -> None:
    joints = np.array([0.0, 0.3, 0.0, -1.8, 0.0, 2.1, 0.7854])
    T_base_camera = frame((1.4, 0.0, 0.5), (0.0, 0.0, 1.0), 0.0)
    T_base_camera[:3, :3] = np.array([[0.0, 0.2, -0.98], [1.0, 0.0, 0.0], [0.0, -0.98, -0.2]])
    camera = Camera(640, 480, INTRINSICS, T_base_camera)
    rgb = np.zeros((*SIZE, 3), np.uint8)
    marked = check_image(rgb, camera, joints, np.eye(4), (np.array([0.3, -0.3, 0.0]), np.array([0.7, 0.3, 0.6])))
    ((u, v),), _ = camera.project(kinematics.tip_pose(joints)[:3])
    near = marked[int(v) - 6 : int(v) + 7, int(u) - 6 : int(u) + 7]
    assert near.max() == 255
    assert not np.array_equal(marked, rgb)
