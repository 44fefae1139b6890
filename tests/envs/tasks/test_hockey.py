"""Stick, ball and goal against an independent table of the original's measures, at rest, and on either side of a goal scored."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition, GraspedCondition
from tests.envs.tasks.episodes import assert_stays_at_rest, idle, in_world, pose_in_base, put, solve, start
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene

NAME = "hockey"
RADIUS = 0.014
FRONT_OF_VOLUME = -0.1156

# Positions [m] in the task base frame, at the stored layout.
BODIES = {"hockey_goal": (0.003, -0.161, 0.059), "hockey_stick": (-0.001, -0.096, 0.083), "hockey_ball": (-0.008, 0.188, 0.014)}
MASSES = {"hockey_stick": 0.005502, "hockey_ball": 0.1}
PATH = "path; ignore_collisions"
# Carrier, position and orientation (xyzw) in the task base frame, flags.
WAYPOINTS = {
    "waypoint0": ("hockey_stick", (-0.0643, -0.1581, 0.207), (-0.0102, 0.9763, 0.2164, 0.0022), "open_gripper()"),
    "waypoint1": ("hockey_stick", (-0.0643, -0.1455, 0.1801), (-0.0102, 0.9763, 0.2164, 0.0022), "close_gripper()"),
    "waypoint2": ("hockey_stick", (-0.0643, -0.0496, 0.2217), (0.0105, -0.9999, 0.0, 0.0), "ignore_collisions"),
    "waypoint3": ("hockey_goal", (0.117, 0.2276, 0.2532), (-0.9999, -0.0105, 0.0, 0.0), ""),
    "waypoint4/0": ("hockey_goal", (0.118, 0.2588, 0.2144), (-0.9659, -0.0101, 0.0027, 0.2588), PATH),
    "waypoint4/1": ("hockey_goal", (0.1166, 0.2276, 0.2033), (0.9999, 0.0105, 0.0, 0.0), PATH),
    "waypoint4/2": ("hockey_goal", (0.1172, 0.2038, 0.2045), (0.9961, 0.0105, 0.0009, 0.0872), PATH),
    "waypoint4/3": ("hockey_goal", (0.1175, 0.1831, 0.2095), (0.9848, 0.0099, -0.0005, 0.1737), PATH),
}
INSTRUCTIONS = (
    "hit the ball into the net",
    "use the stick to push the hockey ball into the goal",
    "pick up the hockey stick, then swing at the ball in the direction of the net",
    "score a hockey goal",
    "grasping one end of the hockey stick, swing it such that the other end collides with the ball such that the ball goes into the goal",
)


class TestScene:
    def test_bodies_and_masses(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses(MASSES)

    def test_stick_and_ball_are_free_and_the_goal_is_fixed(self, scene: StoredScene) -> None:
        assert scene.free_bodies() == {"hockey_ball", "hockey_stick"}
        assert scene.model.body(scene.model.body("hockey_goal").parentid[0]).name == NAME

    def test_ball(self, scene: StoredScene) -> None:
        ball = scene.model.geom("hockey_ball")
        assert int(ball.type[0]) == int(mujoco.mjtGeom.mjGEOM_SPHERE)
        assert float(ball.size[0]) == pytest.approx(RADIUS, abs=1e-6)

    def test_the_stick_fills_its_recorded_box(self, scene: StoredScene) -> None:
        recorded = np.array([[-0.00244, -0.02757, -0.13089], [0.00244, 0.02757, 0.13089]])
        assert np.array(scene.solid_extent("hockey_stick")) == pytest.approx(recorded, abs=1.5e-3)
        seen = scene.corners("hockey_stick")
        assert np.array([seen.min(axis=0), seen.max(axis=0)]) == pytest.approx(recorded, abs=4e-3)

    def test_the_goal_has_seven_solid_parts_inside_the_originals_outline(self, scene: StoredScene) -> None:
        solid = scene.solid_geoms("hockey_goal")
        assert len(solid) == 7
        for geom in solid:
            half = np.abs(scene.data.geom_xmat[geom].reshape(3, 3)) @ scene.model.geom_aabb[geom, 3:]
            low, high = scene.data.geom_xpos[geom] - half, scene.data.geom_xpos[geom] + half
            assert (low > np.array([-0.0984, -0.2211, -0.0031]) - 2e-3).all()
            assert (high < np.array([0.1105, -0.1005, 0.1209]) + 2e-3).all()

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        scene.check_areas({"spawn_boundary0": ((0.0, 0.35, 0.0), (0.4, 0.2))}, (-0.2, 0.2, -0.221, 0.45))

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.success == (DetectedCondition("hockey_ball", "success"), GraspedCondition("hockey_stick"))
        assert task.instructions(0) == INSTRUCTIONS
        assert (task.variation_count, task.graspable, task.base_rotation) == (1, ("hockey_stick",), (-3.14, 3.14))
        assert (task.manipulated, task.receiver) == (("hockey_stick",), ("hockey_ball",))


class TestBehaviour:
    def test_the_volume_fills_the_mouth_of_the_goal(self, env: Any) -> None:
        start(env)
        simulation = env.unwrapped.simulation
        data = simulation.data
        volume = simulation.scene.volumes["success"]
        base = data.body(NAME)
        centre = base.xmat.reshape(3, 3).T @ (data.geom_xpos[volume] - base.xpos)
        assert centre == pytest.approx((0.0054, -0.1436, 0.0568), abs=POSITION_TOLERANCE)
        axes = base.xmat.reshape(3, 3).T @ data.geom_xmat[volume].reshape(3, 3)
        full = 2 * np.abs(axes) @ simulation.scene.model.geom_size[volume]
        # Turned by 1.2 degrees about z, so the box is a little wider along the axes of the base.
        assert full == pytest.approx((0.168, 0.056, 0.112), abs=4e-3)
        assert 2 * np.sort(simulation.scene.model.geom_size[volume]) == pytest.approx((0.056, 0.112, 0.168), abs=1e-6)

    def test_everything_stands_still_after_the_reset(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, tuple(BODIES), 2e-3)

    def test_the_stick_leans_on_the_crossbar_as_in_the_recordings(self, env: Any) -> None:
        start(env)
        data = env.unwrapped.simulation.data
        assert data.body("hockey_stick").xpos == pytest.approx(in_world(env, (-0.0015, -0.0958, 0.0814)), abs=1e-3)
        touching = {frozenset(env.unwrapped.simulation.scene.model.geom(int(g)).name for g in c.geom) for c in data.contact}
        assert frozenset({"hockey_stick_shaft", "hockey_goal_bar"}) in touching
        assert frozenset({"hockey_stick_blade", "diningTable"}) in touching

    def test_a_ball_in_the_goal_counts_only_while_the_stick_is_held(self, env: Any) -> None:
        simulation = env.unwrapped.simulation
        start(env)
        put(env, "hockey_ball", (0.0, -0.14, 0.012))
        assert not simulation.success()

        assert solve(env, start(env))
        assert simulation.grasping.grasped() == ("hockey_stick",)
        for gap, inside in ((1.5e-3, False), (-1.5e-3, True)):
            put(env, "hockey_ball", (0.0, FRONT_OF_VOLUME + RADIUS + gap, 0.012))
            assert simulation.success() is inside
        simulation.grasping.open()
        assert not simulation.success()

    @pytest.mark.parametrize("episode", [3, 142])
    def test_the_swing_scores(self, env: Any, episode: int) -> None:
        assert solve(env, start(env, episode=episode))

    def test_the_ball_does_not_roll_through_the_net(self, env: Any) -> None:
        start(env)
        data = env.unwrapped.simulation.data
        put(env, "hockey_ball", (0.0, -0.10, 0.012))
        data.joint("hockey_ball").qvel[:3] = data.body(NAME).xmat.reshape(3, 3) @ np.array([0.1, -1.0, 0.0])
        idle(env, 20)
        x, y, _ = pose_in_base(env, "hockey_ball")[0]
        assert -0.081 < x < 0.094
        assert -0.205 < y < -0.10
