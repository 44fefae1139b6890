"""Rotation bins beside scipy's Euler angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hamster_bench.baselines.rvt2.rotations import quat_xyzw_from_bins, rotation_bins
from hamster_bench.geometry import rotation_angle

ANGLES = st.floats(-180, 180)


@given(ANGLES, st.floats(-88.9, 88.9), ANGLES)
def test_bins_are_the_nearest_ones(roll, pitch, yaw):
    quat = Rotation.from_euler("xyz", [roll, pitch, yaw], degrees=True).as_quat()
    exact = (np.array([roll, pitch, yaw]) + 180) / 5
    apart = np.abs(rotation_bins(quat, 72) - exact) % 72
    assert (np.minimum(apart, 72 - apart) <= 0.5 + 1e-6).all()


@given(ANGLES, st.sampled_from([-90.0, 90.0]), st.floats(-0.99, 0.99), ANGLES)
def test_near_the_singular_pitch_no_rotation_is_lost(roll, pitch, off, yaw):
    quat = Rotation.from_euler("xyz", [roll, pitch + off, yaw], degrees=True).as_quat()
    bins = rotation_bins(quat, 72)
    assert bins[1] == (54 if pitch > 0 else 18)
    assert bins[2] == 36
    assert np.degrees(rotation_angle(quat, quat_xyzw_from_bins(bins, 72))) <= 2.5 + 1.0 + 1e-6


@pytest.mark.parametrize("bins", [36, 72])
def test_bins_come_back(bins):
    indices = np.stack(np.meshgrid(np.arange(bins), np.arange(bins // 4 + 1, 3 * bins // 4), [0, 5, bins - 1]), -1).reshape(-1, 3)
    assert np.array_equal(rotation_bins(quat_xyzw_from_bins(indices, bins), bins), indices)


def test_the_length_and_the_sign_of_a_quaternion_do_not_matter():
    quat = np.array([0.3, -0.2, 0.5, 0.7])
    assert np.array_equal(rotation_bins(-3 * quat, 72), rotation_bins(quat, 72))
    assert rotation_bins([[0, 0, 0, 1], [1, 0, 0, 0]], 72).tolist() == [[36, 36, 36], [0, 36, 36]]
