from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation, Slerp

from hamster_bench import geometry

unit = st.floats(-1.0, 1.0, allow_subnormal=False)
quats = arrays(np.float64, 4, elements=unit).filter(lambda q: np.linalg.norm(q) > 0.1).map(lambda q: q / np.linalg.norm(q))
positions = arrays(np.float64, 3, elements=st.floats(-3.0, 3.0, allow_subnormal=False))
poses = st.builds(lambda p, q: np.concatenate([p, q]), positions, quats)


@given(quats)
def test_matrix_of_a_quaternion_is_scipys(quat: np.ndarray) -> None:
    np.testing.assert_allclose(geometry.matrix_from_quat_xyzw(quat), Rotation.from_quat(quat).as_matrix(), atol=1e-12)


@given(quats)
def test_quaternion_of_a_matrix_gives_the_matrix_back(quat: np.ndarray) -> None:
    matrix = Rotation.from_quat(quat).as_matrix()
    back = geometry.quat_xyzw_from_matrix(matrix)
    assert back[3] >= 0.0
    np.testing.assert_allclose(geometry.matrix_from_quat_xyzw(back), matrix, atol=1e-9)


@given(quats, quats)
def test_product_applies_the_right_factor_first(left: np.ndarray, right: np.ndarray) -> None:
    product = geometry.matrix_from_quat_xyzw(geometry.quat_xyzw_multiply(left, right))
    np.testing.assert_allclose(product, Rotation.from_quat(left).as_matrix() @ Rotation.from_quat(right).as_matrix(), atol=1e-9)


@given(quats, quats, st.floats(0.0, 1.0))
def test_slerp_is_scipys(start: np.ndarray, end: np.ndarray, fraction: float) -> None:
    if abs(start @ end) < 1e-3:  # nearly half a turn apart both ways round are equally short
        return
    expected = Slerp([0.0, 1.0], Rotation.from_quat([start, end]))(fraction)
    ours = geometry.quat_xyzw_slerp(start, end, fraction)[0]
    assert (Rotation.from_quat(ours).inv() * expected).magnitude() < 1e-6


@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3))
def test_euler_angles_turn_about_fixed_axes(angles: list[float]) -> None:
    ours = geometry.matrix_from_quat_xyzw(geometry.quat_xyzw_from_euler_xyz(angles))
    np.testing.assert_allclose(ours, Rotation.from_euler("xyz", angles).as_matrix(), atol=1e-9)


@given(quats, quats)
def test_rotation_angle_is_scipys(first: np.ndarray, second: np.ndarray) -> None:
    expected = (Rotation.from_quat(first).inv() * Rotation.from_quat(second)).magnitude()
    assert geometry.rotation_angle(first, second) == pytest.approx(expected, abs=1e-6)


@given(poses, poses)
def test_composition_of_poses_is_the_product_of_their_matrices(a_b: np.ndarray, b_c: np.ndarray) -> None:
    product = geometry.matrix_from_pose(a_b) @ geometry.matrix_from_pose(b_c)
    np.testing.assert_allclose(geometry.matrix_from_pose(geometry.pose_compose(a_b, b_c)), product, atol=1e-9)


@given(poses)
def test_a_pose_and_its_inverse_cancel(pose: np.ndarray) -> None:
    identity = geometry.pose_compose(geometry.pose_inverse(pose), pose)
    np.testing.assert_allclose(geometry.matrix_from_pose(identity), np.eye(4), atol=1e-9)


@given(poses, arrays(np.float64, (5, 3), elements=st.floats(-1.0, 1.0)), st.floats(0.3, 2.0))
def test_projecting_and_lifting_cancel(pose: np.ndarray, offsets: np.ndarray, fov: float) -> None:
    camera = geometry.Camera(128, 96, geometry.pinhole_intrinsics(128, 96, fov), geometry.matrix_from_pose(pose))
    points = camera.T_world_camera[:3, 3] + (offsets + np.array([0.0, 0.0, 2.0])) @ camera.T_world_camera[:3, :3].T
    uv, depth = camera.project(points)
    np.testing.assert_allclose(depth, offsets[:, 2] + 2.0, atol=1e-9)
    np.testing.assert_allclose(camera.lift(uv, depth), points, atol=1e-8)


def test_points_behind_the_camera_have_no_image() -> None:
    camera = geometry.Camera(10, 10, geometry.pinhole_intrinsics(10, 10, 1.0), np.eye(4))
    uv, depth = camera.project([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
    assert np.isnan(uv[0]).all()
    np.testing.assert_allclose(uv[1], [5.0, 5.0])
    assert depth.tolist() == [-1.0, 1.0]


def test_the_centre_of_a_pixel_is_half_a_pixel_in() -> None:
    camera = geometry.Camera(4, 4, geometry.pinhole_intrinsics(4, 4, 1.0), np.eye(4))
    cloud = camera.point_cloud(np.full((4, 4), 2.0))
    uv, _ = camera.project(cloud.reshape(-1, 3))
    np.testing.assert_allclose(uv.reshape(4, 4, 2)[1, 2], [2.5, 1.5], atol=1e-12)


def test_a_zero_quaternion_has_no_direction() -> None:
    assert np.isnan(geometry.quat_xyzw_normalised([0.0, 0.0, 0.0, 0.0])).all()
