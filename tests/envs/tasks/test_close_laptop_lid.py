"""The laptop against an independent table of the original's measures, at rest, and just short of and just past closed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.task import JointCondition
from tests.envs.tasks.episodes import assert_stays_at_rest, idle, solve, start
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene

NAME = "close_laptop_lid"

# Positions [m] in the task base frame.
BODIES = {"base": (-0.029, -0.093, 0.106), "lid": (-0.027, 0.061, 0.236), "laptop_holder": (-0.014, -0.074, 0.049)}
MASSES = {"base": 1.351, "lid": 0.0833, "laptop_holder": 12.0}
BOXES = {
    "base_collision": (0.34725, 0.253, 0.01538),
    "lid_collision": (0.34, 0.245, 0.001),
    "laptop_holder_collision": (0.4, 0.3, 0.1),
}
PATH = "path; ignore_collisions"
# Carrier, position and orientation (xyzw) in the task base frame, flags.
WAYPOINTS = {
    "waypoint0": ("base", (-0.039, 0.089, 0.352), (0.0, -0.9974, 0.0723, 0.0001), "close_gripper()"),
    "waypoint1/0": ("base", (-0.039, 0.089, 0.352), (0.0, -0.9974, 0.0723, 0.0001), PATH),
    "waypoint1/1": ("base", (-0.039, 0.047, 0.3581), (0.0, -0.9996, 0.0288, 0.0001), PATH),
    "waypoint1/2": ("base", (-0.039, 0.0046, 0.3569), (0.0, -0.9983, -0.0585, 0.0), PATH),
    "waypoint1/3": ("base", (-0.039, -0.037, 0.3482), (0.0, -0.9894, -0.1453, 0.0001), PATH),
    "waypoint1/4": ("base", (-0.039, -0.0764, 0.3325), (0.0, -0.973, -0.231, 0.0001), PATH),
    "waypoint1/5": ("base", (-0.039, -0.1126, 0.3102), (0.0, -0.9491, -0.3149, -0.0001), PATH),
    "waypoint1/6": ("base", (-0.039, -0.1442, 0.282), (0.0, -0.9181, -0.3964, 0.0), PATH),
    "waypoint1/7": ("base", (-0.039, -0.1706, 0.2487), (0.0, -0.88, -0.4749, 0.0), PATH),
    "waypoint1/8": ("base", (-0.039, -0.1907, 0.2113), (0.0, -0.8353, -0.5498, 0.0), PATH),
    "waypoint1/9": ("base", (-0.039, -0.204, 0.171), (0.0001, -0.7842, -0.6205, 0.0001), PATH),
    "waypoint1/10": ("base", (-0.039, -0.2101, 0.129), (0.0, -0.7375, -0.6753, 0.0), PATH),
    "waypoint2": ("base", (-0.039, -0.2101, 0.129), (0.0, -0.7375, -0.6753, 0.0), "open_gripper(0.1); ignore_collisions"),
    "waypoint3": ("base", (-0.039, -0.2601, 0.129), (0.0, 0.7375, 0.6753, 0.0), "ignore_collisions"),
}


class TestScene:
    def test_bodies_masses_and_sizes(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses(MASSES)
        scene.check_boxes(BOXES)

    def test_block_and_laptop_are_free(self, scene: StoredScene) -> None:
        assert scene.free_bodies() == {"base", "laptop_holder"}
        assert scene.model.body(scene.model.body("lid").parentid[0]).name == "base"

    def test_hinge(self, scene: StoredScene) -> None:
        joint = scene.model.joint("joint")
        assert joint.range == pytest.approx((0.0, 1.8326), abs=1e-4)
        assert scene.model.numeric("joint").data[0] == 0.0
        assert scene.data.joint("joint").xanchor == pytest.approx((-0.030, 0.033, 0.115), abs=POSITION_TOLERANCE)
        assert scene.data.joint("joint").xaxis == pytest.approx((1.0, 0.0, 0.0), abs=1e-4)
        assert float(joint.frictionloss[0]) > 0.0

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        scene.check_areas({"spawn_boundary0": ((0.0, 0.275, 0.0), (0.6, 0.3))}, (-0.3, 0.3, -0.224, 0.425))

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.success == (JointCondition("joint", 1.79),)
        assert task.instructions(0) == ("close laptop lid", "close the laptop", "shut the laptop lid")
        assert (task.variation_count, task.graspable, task.base_rotation) == (1, (), (-3.14, 3.14))
        assert task.manipulated == ("base_visual", "lid_visual", "laptop_holder", "base")


class TestBehaviour:
    def test_the_open_laptop_stands_still(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, tuple(BODIES), 2e-3)

    def test_the_screen_falls_shut_from_near_the_keys_and_rests_on_them_closed(self, env: Any) -> None:
        start(env)
        joint = env.unwrapped.simulation.data.joint("joint")
        joint.qpos[0] = 1.4
        _, closed, _ = idle(env, 20)
        assert closed
        assert float(joint.qpos[0]) == pytest.approx(1.80, abs=6e-3)

    def test_the_screen_stays_where_it_is_left_near_the_vertical(self, env: Any) -> None:
        start(env)
        joint = env.unwrapped.simulation.data.joint("joint")
        joint.qpos[0] = 0.4
        idle(env, 20)
        assert float(joint.qpos[0]) == pytest.approx(0.4, abs=0.02)

    @pytest.mark.parametrize(("angle", "closed"), [(1.785, False), (1.795, True)])
    def test_closed_begins_at_1_79_radians(self, env: Any, angle: float, closed: bool) -> None:
        start(env)
        env.unwrapped.simulation.data.joint("joint").qpos[0] = angle
        assert env.unwrapped.simulation.success() is closed

    def test_the_expert_closes_it_without_shoving_it_about(self, env: Any) -> None:
        scenario = start(env, episode=1)
        data = env.unwrapped.simulation.data
        before = {name: data.body(name).xpos.copy() for name in ("base", "laptop_holder")}
        assert solve(env, scenario)
        assert np.linalg.norm(data.body("base").xpos - before["base"]) < 5e-3
        assert np.linalg.norm(data.body("laptop_holder").xpos - before["laptop_holder"]) < 1e-3

    def test_a_gripper_that_leaves_without_opening_slides_off_the_screen(self, env: Any) -> None:
        start(env, episode=1)
        oracle = env.unwrapped.oracle
        data = env.unwrapped.simulation.data
        before = data.body("base").xpos.copy()
        opening = 1.0
        for index in range(4):
            for target in oracle.plan(oracle.waypoint(index)):
                env.step(np.append(target, opening))
                arm = target
            opening = 0.0
            for _ in range(8):
                _, _, closed, _, _ = env.step(np.append(arm, opening))
        assert closed
        assert np.linalg.norm(data.body("base").xpos - before) < 0.01
