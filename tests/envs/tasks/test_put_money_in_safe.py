"""Putting money in the safe: its scene against an independent table of the original's measures, its layout, and when it counts."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition, NothingGrasped
from tests.envs.tasks.episodes import held, idle, moved, pose_in_base, solve, start
from tests.envs.tasks.recordings import needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene, stored_scene

NAME = "put_money_in_safe"
SHELVES = ("bottom", "middle", "top")
SHELF_DUMMIES = ((-0.079, -0.169, 0.041), (-0.080, -0.166, 0.186), (-0.080, -0.166, 0.341))
# The sensors' frames; each volume is the centimetre above.
DETECTORS = ((-0.052, -0.242, 0.019), (-0.053, -0.239, 0.164), (-0.053, -0.239, 0.319))

TOOL = (-0.5112, -0.7559, 0.2362, -0.3338)
WAYPOINTS = {
    "waypoint0": ("dollar_stack", (-0.1231, -0.0482, 0.5124), TOOL, "open_gripper()"),
    "waypoint1": ("dollar_stack", (-0.0798, -0.1665, 0.5157), TOOL, "close_gripper()"),
    "waypoint2": ("safe_body", (-0.1547, 0.0382, 0.5124), TOOL, "ignore_collisions"),
    "waypoint3": ("waypoint4", (-0.1218, -0.0538, 0.5055), TOOL, ""),
    "waypoint4": ("waypoint4", (-0.0779, -0.1718, 0.5097), TOOL, "open_gripper()"),
}


class TestScene:
    def test_money(self, scene: StoredScene) -> None:
        stack = scene.data.body("dollar_stack")
        assert stack.xpos == pytest.approx((-0.064, -0.209, 0.515), abs=POSITION_TOLERANCE)
        assert float(scene.model.body("dollar_stack").mass[0]) == pytest.approx(0.5)
        low, high = scene.solid_extent("dollar_stack")
        assert high == pytest.approx((0.0464, 0.068, 0.016), abs=2e-4)
        assert low == pytest.approx((-0.0464, -0.068, -0.016), abs=2e-4)
        seen = scene.vertices("dollar_stack") - stack.xpos
        assert seen.max(axis=0) == pytest.approx((0.0464, 0.068, 0.016), abs=2e-4)
        # The notes lie turned by 20 degrees in the stack's frame; the original's fingers stood 52.5 mm apart around them.
        solid = scene.model.geom("dollar_stack_collision")
        assert 2 * solid.size == pytest.approx((0.0532, 0.1254, 0.032), abs=1e-3)
        assert 2 * math.atan2(solid.quat[3], solid.quat[0]) == pytest.approx(math.radians(20.0), abs=1e-3)

    def test_safe(self, scene: StoredScene) -> None:
        assert scene.data.body("safe_body").xpos == pytest.approx((-0.048, -0.250, 0.246), abs=POSITION_TOLERANCE)
        low, high = scene.solid_extent("safe_body")
        assert high == pytest.approx((0.1179, 0.155, 0.2475), abs=2e-4)
        assert low == pytest.approx((-0.1179, -0.155, -0.2475), abs=2e-4)
        assert float(scene.model.body("safe_body").mass[0]) == pytest.approx(7.0)
        # Own x, away from the opening, points 69.9 degrees to the right of the task's x.
        assert scene.data.body("safe_body").xmat.reshape(3, 3)[:, 0] == pytest.approx((0.3437, -0.9391, 0.0), abs=1e-3)

    def test_door(self, scene: StoredScene) -> None:
        assert scene.data.body("safe_door").xpos == pytest.approx((0.180, -0.035, 0.246), abs=POSITION_TOLERANCE)
        low, high = scene.solid_extent("safe_door")
        assert high == pytest.approx((0.005, 0.1449, 0.2257), abs=2e-4)
        assert low == pytest.approx((-0.005, -0.1449, -0.2257), abs=2e-4)
        assert float(scene.model.body("safe_door").mass[0]) == pytest.approx(1.0)
        joint = scene.model.joint("safe_joint")
        assert int(joint.type[0]) == int(mujoco.mjtJoint.mjJNT_HINGE)
        assert not scene.model.jnt_limited[joint.id]
        assert scene.model.numeric("safe_joint").data[0] == 0.0
        assert scene.data.joint("safe_joint").xanchor[:2] == pytest.approx((0.047, -0.090), abs=POSITION_TOLERANCE)
        assert scene.data.joint("safe_joint").xaxis == pytest.approx((0, 0, 1), abs=1e-9)

    def test_the_door_closes_the_safe_without_touching_it(self) -> None:
        scene = stored_scene(NAME)
        scene.data.joint("safe_joint").qpos[0] = -math.pi
        mujoco.mj_forward(scene.model, scene.data)
        turn = scene.data.body("safe_body").xmat.reshape(3, 3)
        inside = turn.T @ (scene.data.body("safe_door").xpos - scene.data.body("safe_body").xpos)
        assert inside == pytest.approx((-0.113, 0.0, 0.0), abs=1e-3)
        door = scene.model.geom("safe_door_collision").id
        for geom in range(scene.model.ngeom):
            if scene.model.geom(geom).name.startswith("safe_body_"):
                distance = mujoco.mj_geomDistance(scene.model, scene.data, door, geom, 1.0, None)
                assert distance > -1e-4, scene.model.geom(geom).name

    def test_shelves_and_volumes(self, scene: StoredScene) -> None:
        for i, (dummy, detector) in enumerate(zip(SHELF_DUMMIES, DETECTORS, strict=True)):
            assert scene.data.body(f"dummy_shelf{i}").xpos == pytest.approx(dummy, abs=POSITION_TOLERANCE)
            site = scene.model.site(f"success_detector{i}")
            assert int(site.type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX)
            assert 2 * site.size == pytest.approx((0.2, 0.2, 0.01), abs=1e-6)
            centre = np.add(detector, (0.0, 0.0, 0.005))
            assert scene.data.site(f"success_detector{i}").xpos == pytest.approx(centre, abs=POSITION_TOLERANCE)
        floor = ("safe_body_bottom", "safe_body_shelf1", "safe_body_shelf2")
        for geom, detector in zip(floor, DETECTORS, strict=True):
            top = scene.data.geom(geom).xpos[2] + scene.model.geom(geom).size[2]
            assert detector[2] - 2e-3 < top < detector[2] + 1e-3

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        areas = {
            "dollar_stack_boundary": ((-0.048, -0.252, 0.494), (0.2231, 0.2827)),
            "spawn_boundary0": ((-0.025, 0.275, 0.0), (0.5, 0.2)),
        }
        scene.check_areas(areas, (-0.275, 0.318, -0.414, 0.375))


class TestTask:
    def test_description(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.variation_count == 3
        assert task.graspable == ("dollar_stack",)
        assert task.base_rotation == pytest.approx((0.0, math.pi / 2))
        for variation in range(3):
            detected = DetectedCondition("dollar_stack", f"success_detector{variation}")
            assert set(task.conditions(variation)) == {NothingGrasped(), detected}

    def test_instructions(self, scene: StoredScene) -> None:
        for variation, shelf in enumerate(SHELVES):
            assert scene.task.instructions(variation) == (
                f"put the money away in the safe on the {shelf} shelf",
                f"leave the money on the {shelf} shelf on the safe",
                f"place the stack of bank notes on the {shelf} shelf of the safe",
            )

    def test_money_lies_anywhere_on_the_safe_turned_by_up_to_a_right_angle(self, env: Any) -> None:
        places, turns = [], []
        for number in range(12):
            start(env, number % 3, number)
            position, turn = pose_in_base(env, "dollar_stack")
            safe, safe_turn = pose_in_base(env, "safe_body")
            assert position[2] == pytest.approx(0.246 + 0.2475 + 0.016, abs=POSITION_TOLERANCE)
            places.append(safe_turn.T @ (position - safe))
            turns.append(math.atan2(turn[1, 0], turn[0, 0]))
        assert (np.abs(np.array(places)[:, :2]) < (0.1179 - 0.0266, 0.155 - 0.0266)).all()
        assert np.ptp(np.array(places)[:, 0]) > 0.02
        assert np.ptp(np.array(places)[:, 1]) > 0.04
        assert min(turns) > -0.01
        assert max(turns) < math.pi / 2 + 0.01
        assert np.ptp(turns) > 0.6

    @pytest.mark.parametrize("variation", [0, 1, 2])
    def test_the_last_two_waypoints_are_at_the_named_shelf(self, env: Any, variation: int) -> None:
        start(env, variation)
        preview = env.unwrapped.oracle.preview()
        assert [w.name for w in preview] == [f"waypoint{i}" for i in range(5)]
        data, base = env.unwrapped.simulation.data, env.unwrapped.simulation.scene.base
        turn = data.xmat[base].reshape(3, 3)
        before, place = (turn.T @ (preview[i].poses[0, :3] - data.xpos[base]) for i in (3, 4))
        assert place == pytest.approx(SHELF_DUMMIES[variation], abs=POSITION_TOLERANCE)
        assert before - place == pytest.approx((-0.0439, 0.118, -0.0042), abs=POSITION_TOLERANCE)


class TestBehaviour:
    @pytest.mark.parametrize("variation", [0, 1, 2])
    def test_the_money_stays_on_the_named_shelf_and_the_door_open(self, env: Any, variation: int) -> None:
        assert solve(env, start(env, variation, 1))
        idle(env, 40)
        position, turn = pose_in_base(env, "dollar_stack")
        # Where the original's stack lay at the end; the shelves here are up to 3.5 mm lower.
        recorded = (0.0372, 0.1833, 0.3387)[variation]
        assert position == pytest.approx((-0.0637, -0.2087, recorded), abs=4.5e-3)
        assert turn[2, 2] > 0.999
        assert env.unwrapped.simulation.success()
        door = env.unwrapped.simulation.data.joint("safe_joint").qpos[0]
        assert door == pytest.approx(0.0, abs=0.02)

    @pytest.mark.parametrize("variation", [0, 1, 2])
    def test_only_the_named_shelf_counts(self, env: Any, variation: int) -> None:
        start(env, variation)
        for shelf, (x, y, z) in enumerate(DETECTORS):
            with moved(env, "dollar_stack", (x, y, z + 0.02)) as simulation:
                assert simulation.success() == (shelf == variation)

    def test_the_volume_ends_a_centimetre_above_the_sensor(self, env: Any) -> None:
        start(env, 1)
        x, y, z = DETECTORS[1]
        for height, inside in ((0.016 + 0.011, False), (0.016 + 0.009, True)):
            with moved(env, "dollar_stack", (x, y, z + height)) as simulation:
                assert simulation.success() == inside

    def test_held_money_does_not_count(self, env: Any) -> None:
        start(env, 2)
        x, y, z = DETECTORS[2]
        with moved(env, "dollar_stack", (x, y, z + 0.02)) as simulation:
            with held(env, "dollar_stack"):
                assert not simulation.success()
            assert simulation.success()

    def test_a_push_opens_or_closes_the_door_and_it_stays_there(self) -> None:
        scene = stored_scene(NAME)
        joint = scene.data.joint("safe_joint")
        for _ in range(200):
            joint.qfrc_applied[0] = -0.5
            mujoco.mj_step(scene.model, scene.data)
        joint.qfrc_applied[0] = 0.0
        for _ in range(2000):
            mujoco.mj_step(scene.model, scene.data)
        assert joint.qpos[0] < -0.1
        assert abs(joint.qvel[0]) < 1e-3


@needs_recordings
def test_the_scene_is_the_recorded_one(scene: StoredScene) -> None:
    recorded = recorded_scene(NAME)
    for carrier, names in (
        ("safe_body", ("safe_door", "dummy_shelf0", "dummy_shelf1", "dummy_shelf2", "waypoint2", "dollar_stack_boundary")),
        ("dollar_stack", ("waypoint0", "waypoint1")),
    ):
        body = scene.data.body(carrier)
        for name in names:
            is_site = name.startswith("waypoint") or name.endswith("boundary")
            here = scene.data.site(name).xpos if is_site else scene.data.body(name).xpos
            local = body.xmat.reshape(3, 3).T @ (here - body.xpos)
            assert local == pytest.approx(recorded.seen_from(carrier, name)[0], abs=POSITION_TOLERANCE), name
