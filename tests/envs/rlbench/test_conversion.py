"""Between the original's conventions and this project's."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import hamster_bench
from hamster_bench.envs.rlbench.conversion import (
    camera_from_original,
    depth_from_png,
    depth_in_metres,
    joints_from_original,
    joints_to_original,
    segmentation_from_original,
)
from hamster_bench.envs.rlbench.waypoints import gripper_command

assert hamster_bench
# As the original states its front camera at 128 pixels.
INTRINSICS = np.array([[-175.8385604, 0.0, 64.0], [0.0, -175.8385604, 64.0], [0.0, 0.0, 1.0]])
EXTRINSICS = np.array(
    [[0.0, -0.422618, -0.906308, 1.35], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.906308, -0.422618, 1.58], [0.0, 0.0, 0.0, 1.0]]
)


def test_the_front_camera_is_that_of_the_embedded_engine() -> None:
    env = gymnasium.make("hamster_bench/close_box-v0", cameras=())
    env.reset(seed=0)
    native = env.unwrapped.camera("front")  # type: ignore[attr-defined]
    env.close()
    converted = camera_from_original(INTRINSICS, EXTRINSICS, 128, 128)
    np.testing.assert_allclose(converted.intrinsics, native.intrinsics, atol=1e-2)
    np.testing.assert_allclose(converted.T_world_camera, native.T_world_camera, atol=1e-4)
    # Left of the robot is right in its image, and above is above.
    uv, depth = converted.project([[0.3, 0.2, 1.0], [0.3, 0.0, 1.3]])
    assert uv[0, 0] > 64
    assert uv[1, 1] < uv[0, 1]
    assert (depth > 0).all()


def test_joint_angles_there_and_back() -> None:
    start = np.array([0.0, 0.1752, 0.0, -0.8731, 0.0, 1.2216, 0.7854])
    np.testing.assert_allclose(joints_from_original(start)[3], -0.8042)
    np.testing.assert_allclose(joints_to_original(joints_from_original(np.tile(start, (3, 1)))), np.tile(start, (3, 1)))


def test_depth_pictures() -> None:
    codes = np.array([[[0, 0, 0], [255, 255, 255], [128, 0, 0]]], np.uint8)
    np.testing.assert_allclose(depth_from_png(codes), [[0.0, 1.0, 0.5]], atol=1e-6)
    np.testing.assert_allclose(depth_in_metres(depth_from_png(codes), 0.01, 4.5), [[0.01, 4.5, 2.255]], atol=1e-5)


def test_masks_of_handles() -> None:
    np.testing.assert_array_equal(segmentation_from_original([[0.0, 41.9999, 2.0**24 - 1]]), [[1, 43, 0]])


@pytest.mark.parametrize(
    ("flags", "opening"),
    [
        ("", None),
        ("ignore_collisions", None),
        ("open_gripper()", 1.0),
        ("close_gripper()", 0.0),
        ("close_gripper(0.4);ignore_collisions;", 0.4),
        ("open_gripper(); close_gripper()", 1.0),
    ],
)
def test_gripper_flags(flags: str, opening: float | None) -> None:
    assert gripper_command(flags) == opening
