"""The box against an independent table of the original's measures, its lid, and just short of and just past closed."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import JointCondition
from tests.envs.tasks.episodes import idle, solve, start
from tests.envs.tasks.recordings import needs_recordings, recorded_path, recorded_scene
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene, scene_on_table, stored_scene

NAME = "close_box"
STORED_ANGLE = 2.3649

BODIES = {"box_base": (-0.025, 0.1, 0.0727), "box_lid": (-0.025, -0.140, 0.210)}
MASSES = {"box_base": 1.8875, "box_lid": 0.938}
# The lid's own x axis lies along y of the base.
BOXES = {"box_lid_collision": (0.268, 0.35, 0.01)}
PATH = "path; ignore_collisions"
AWAY = "open_gripper(); ignore_collisions"
WAYPOINTS = {
    "waypoint0": ("box_base", (-0.0251, -0.3225, 0.3248), (0.8804, 0.0, 0.0, -0.4743), ""),
    "waypoint1": ("box_base", (-0.0251, -0.2397, 0.2730), (0.8804, 0.0, 0.0, -0.4743), "close_gripper()"),
    "waypoint2/0": ("box_base", (-0.0251, -0.2397, 0.2730), (0.8804, 0.0, 0.0, -0.4743), PATH),
    "waypoint2/1": ("box_base", (-0.0251, -0.2161, 0.3089), (0.9002, 0.0, 0.0, -0.4354), PATH),
    "waypoint2/2": ("box_base", (-0.0251, -0.1866, 0.3401), (0.9347, 0.0, 0.0, -0.3553), PATH),
    "waypoint2/3": ("box_base", (-0.0251, -0.1521, 0.3657), (0.9622, 0.0, 0.0, -0.2725), PATH),
    "waypoint2/4": ("box_base", (-0.0251, -0.1138, 0.3849), (0.9822, 0.0, 0.0, -0.1876), PATH),
    "waypoint2/5": ("box_base", (-0.0251, -0.0726, 0.3972), (0.9949, 0.0, 0.0, -0.1013), PATH),
    "waypoint2/6": ("box_base", (-0.0251, -0.0300, 0.4022), (0.9999, 0.0, 0.0, -0.0142), PATH),
    "waypoint2/7": ("box_base", (-0.0251, 0.0129, 0.3996), (0.9973, 0.0, 0.0, 0.0730), PATH),
    "waypoint2/8": ("box_base", (-0.0251, 0.0546, 0.3897), (0.9872, 0.0, 0.0, 0.1597), PATH),
    "waypoint2/9": ("box_base", (-0.0251, 0.0940, 0.3727), (0.9793, 0.0, 0.0, 0.2026), PATH),
    "waypoint3": ("box_base", (-0.0251, 0.0940, 0.3727), (0.9793, 0.0, 0.0, 0.2026), AWAY),
    "waypoint4": ("box_base", (-0.0251, 0.1500, 0.4247), (0.9793, 0.0, 0.0, 0.2026), AWAY),
}


class TestScene:
    def test_box(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses(MASSES)
        scene.check_boxes(BOXES)
        assert not scene.free_bodies()
        low, high = scene.solid_extent("box_base")
        # The box's own x axis points up.
        assert high - low == pytest.approx((0.1506, 0.26, 0.36), abs=5e-4)

    def test_hinge(self, scene: StoredScene) -> None:
        joint = scene.model.joint("box_joint")
        assert joint.range == pytest.approx((-0.2531, STORED_ANGLE), abs=1e-4)
        assert scene.model.numeric("box_joint").data[0] == pytest.approx(STORED_ANGLE, abs=1e-4)
        assert float(scene.model.qpos0[joint.qposadr[0]]) == 0.0
        assert scene.data.joint("box_joint").xanchor == pytest.approx((-0.025, -0.023, 0.149), abs=POSITION_TOLERANCE)
        assert scene.data.joint("box_joint").xaxis == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)

    @pytest.mark.parametrize(("angle", "centre"), [(0.0, (-0.025, 0.103, 0.187)), (-0.2531, None)])
    def test_the_lid_lies_on_the_box_at_its_lower_limit(self, angle: float, centre: tuple[float, ...] | None) -> None:
        scene = stored_scene(NAME)
        scene.data.joint("box_joint").qpos[0] = angle
        mujoco.mj_forward(scene.model, scene.data)
        lid = scene.data.body("box_lid")
        if centre is None:
            assert math.acos(lid.xmat.reshape(3, 3)[2, 2]) < math.radians(1.0)
        else:
            assert lid.xpos == pytest.approx(centre, abs=POSITION_TOLERANCE)

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        scene.check_areas({"spawn_boundary0": ((0.0, -0.225, 0.0), (0.5, 0.3))}, (-0.25, 0.25, -0.375, 0.23))

    @needs_recordings
    def test_objects_and_waypoints_are_the_recorded_ones(self, scene: StoredScene) -> None:
        recorded = recorded_scene(NAME)
        for name in ("waypoint0", "waypoint1", "waypoint3", "waypoint4"):
            position, turn = recorded.seen_from("box_base", name)
            base = scene.data.body("box_base")
            axes = base.xmat.reshape(3, 3).T
            assert axes @ (scene.data.site(name).xpos - base.xpos) == pytest.approx(position, abs=1.5e-3), name
            assert np.trace((axes @ scene.data.site(name).xmat.reshape(3, 3)).T @ turn) > 3 - 1e-3, name
        position, turn = recorded.seen_from(NAME, "box_base")
        assert scene.data.body("box_base").xpos == pytest.approx(position, abs=1.5e-3)

    @needs_recordings
    def test_the_recorded_path_runs_through_the_control_points(self, scene: StoredScene) -> None:
        path = recorded_path(NAME, "waypoint2")
        points = np.array([scene.data.site(f"waypoint2/{i}").xpos for i in range(10)])
        assert path[0] == pytest.approx(points[0], abs=POSITION_TOLERANCE)
        assert path[-1] == pytest.approx(points[-1], abs=POSITION_TOLERANCE)
        for point in points:
            assert np.linalg.norm(path - point, axis=1).min() < 0.006

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.success == (JointCondition("box_joint", 2.6),)
        assert (task.variation_count, task.graspable, task.manipulated) == (1, (), ("box_base", "box_lid"))
        assert task.base_rotation == pytest.approx((-math.pi / 8, math.pi / 8))
        assert task.instructions(0) == ("close box", "close the lid on the box", "shut the box", "shut the box lid")


class TestBehaviour:
    def test_the_open_lid_stays_open(self) -> None:
        scene = scene_on_table(NAME)
        for _ in range(1000):
            mujoco.mj_step(scene.model, scene.data)
        assert float(scene.data.joint("box_joint").qpos[0]) == pytest.approx(STORED_ANGLE, abs=2e-3)

    def test_the_lid_falls_shut_from_past_the_vertical_and_counts_as_closed(self) -> None:
        scene = scene_on_table(NAME)
        lid = scene.data.joint("box_joint")
        lid.qpos[0] = 0.9
        speeds = []
        for _ in range(1000):
            mujoco.mj_step(scene.model, scene.data)
            speeds.append(abs(float(lid.qvel[0])))
        assert STORED_ANGLE - float(lid.qpos[0]) > 2.6
        assert max(speeds) < 4.5

    @pytest.mark.parametrize(("travelled", "closed"), [(2.595, False), (2.605, True)])
    def test_closed_begins_at_2_6_radians_from_where_it_stood(self, env: Any, travelled: float, closed: bool) -> None:
        start(env)
        env.unwrapped.simulation.data.joint("box_joint").qpos[0] = STORED_ANGLE - travelled
        assert env.unwrapped.simulation.success() is closed

    def test_the_expert_closes_it_and_it_stays_closed(self, env: Any) -> None:
        assert solve(env, start(env, episode=1))
        idle(env, 20)
        assert env.unwrapped.simulation.success()
