"""Placing the wine: its scene against an independent table of the original's measures, its slots, and when it counts as placed."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition, NothingGrasped, Step
from tests.envs.tasks.episodes import held, idle, moved, pose_in_base, solve, start
from tests.envs.tasks.recordings import needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, TABLE_TOP, StoredScene

NAME = "place_wine_at_rack_location"
LOCATIONS = ("middle", "left", "right")
SLOT_X = {"middle": 0.051, "left": 0.170, "right": -0.065}

SIDEWAYS = (0.7071, 0.0, 0.7071, 0.0)
TILTED = (0.701, -0.7011, -0.0923, -0.0923)
DOWN = (0.7071, -0.7071, 0.0, 0.0)
OPEN = "open_gripper(); ignore_collisions"
WAYPOINTS = {
    "waypoint0": ("wine_bottle", (0.049, -0.2842, 0.2216), SIDEWAYS, "open_gripper()"),
    "waypoint1": ("wine_bottle", (0.099, -0.2842, 0.2216), SIDEWAYS, "close_gripper()"),
    "waypoint2": ("wine_bottle", (0.099, -0.2842, 0.2466), SIDEWAYS, "ignore_collisions"),
    "waypoint3": ("success_middle", (0.052, -0.0503, 0.174), TILTED, "ignore_collisions"),
    "waypoint4": ("success_middle", (0.052, 0.1497, 0.174), DOWN, OPEN),
    "waypoint5": ("success_left", (0.171, -0.0503, 0.174), TILTED, "ignore_collisions"),
    "waypoint6": ("success_left", (0.171, 0.1497, 0.174), DOWN, OPEN),
    "waypoint7": ("success_right", (-0.064, -0.0503, 0.174), TILTED, "ignore_collisions"),
    "waypoint8": ("success_right", (-0.064, 0.1497, 0.174), DOWN, OPEN),
}


class TestScene:
    def test_bottle(self, scene: StoredScene) -> None:
        assert [scene.model.joint(j).name for j in range(scene.model.njnt)] == ["wine_bottle"]
        assert scene.data.body("wine_bottle").xpos == pytest.approx((0.099, -0.284, 0.122), abs=POSITION_TOLERANCE)
        assert float(scene.model.body("wine_bottle").mass[0]) == pytest.approx(0.5427, rel=1e-3)
        low, high = scene.solid_extent("wine_bottle")
        assert high == pytest.approx((0.0299, 0.0299, 0.1232), abs=1e-4)
        assert low == pytest.approx((-0.0299, -0.0299, -0.1232), abs=1e-4)
        # The original's visible bottle is 0.0594 m wide and 0.2491 m high.
        glass, foil = scene.vertices("wine_bottle_visual"), scene.vertices("wine_bottle_capsule")
        assert np.ptp(glass[:, :2], axis=0) == pytest.approx((0.0594, 0.0594), abs=1e-4)
        assert foil[:, 2].max() - glass[:, 2].min() == pytest.approx(0.2491, abs=2e-4)
        assert glass[:, 2].min() == pytest.approx(TABLE_TOP, abs=1e-6)
        # Its own z axis points down, as the original's.
        assert scene.data.body("wine_bottle").xmat.reshape(3, 3)[:, 2] == pytest.approx((0, 0, -1), abs=1e-9)

    def test_rack(self, scene: StoredScene) -> None:
        for name, height in (("rack_bottom", 0.034), ("rack_top", 0.105)):
            assert scene.data.body(name).xpos == pytest.approx((0.050, 0.275, height), abs=POSITION_TOLERANCE)
            low, high = scene.solid_extent(name)
            # Own x points up, own z along x of the task base.
            assert high == pytest.approx((0.0266, 0.121, 0.1645), abs=2e-4)
            assert low == pytest.approx((-0.0266, -0.121, -0.1645), abs=2e-4)
            assert float(scene.model.body(name).mass[0]) == pytest.approx(0.58246, rel=1e-3)
        seen = np.concatenate([scene.vertices("rack_bottom_visual"), scene.vertices("rack_top_visual")])
        assert seen.min(axis=0) == pytest.approx((-0.1162, 0.1482, TABLE_TOP), abs=POSITION_TOLERANCE)
        assert seen.max(axis=0) == pytest.approx((0.2235, 0.4018, 0.1451), abs=POSITION_TOLERANCE)

    def test_volumes(self, scene: StoredScene) -> None:
        for location, x in SLOT_X.items():
            name = f"success_{location}"
            assert scene.data.body(name).xpos == pytest.approx((x, 0.375, 0.113), abs=POSITION_TOLERANCE)
            site = scene.model.site(name)
            assert int(site.type[0]) == int(mujoco.mjtGeom.mjGEOM_CYLINDER)
            assert (site.size[0], 2 * site.size[1]) == pytest.approx((0.02, 0.2), abs=1e-6)
            assert scene.data.site(name).xpos == pytest.approx((x, 0.275, 0.113), abs=POSITION_TOLERANCE)
            assert scene.data.site(name).xmat.reshape(3, 3)[:, 2] == pytest.approx((0, -1, 0), abs=1e-6)

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        scene.check_areas({"spawn_boundary0": ((0.0, -0.05, 0.0), (0.5, 0.3))}, (-0.25, 0.25, -0.319, 0.402))


class TestTask:
    def test_description(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.variation_count == 3
        assert task.graspable == ("wine_bottle",)
        assert task.base_rotation == pytest.approx((-math.pi / 4, math.pi / 4))
        for variation, location in enumerate(LOCATIONS):
            assert set(task.conditions(variation)) == {NothingGrasped(), DetectedCondition("wine_bottle", f"success_{location}")}

    def test_instructions(self, scene: StoredScene) -> None:
        assert scene.task.instructions(0) == (
            "stack the wine bottle to the middle of the rack",
            "slide the bottle onto the middle part of the rack",
            "put the wine on the middle",
            "leave the wine on the middle section of the shelf",
            "grasp the bottle and put it away on the middle",
        )
        for variation, location in enumerate(LOCATIONS):
            assert all(location in phrase for phrase in scene.task.instructions(variation))

    @pytest.mark.parametrize(("variation", "waypoints"), [(0, (0, 1, 2, 3, 4)), (1, (0, 1, 2, 5, 6)), (2, (0, 1, 2, 7, 8))])
    def test_five_waypoints_are_executed(self, env: Any, variation: int, waypoints: tuple[int, ...]) -> None:
        assert env.unwrapped.task.solution is not None
        assert env.unwrapped.task.solution(None, variation) == tuple(Step(f"waypoint{i}") for i in waypoints)
        start(env, variation)
        assert [w.name for w in env.unwrapped.oracle.preview()] == [f"waypoint{i}" for i in waypoints]


class TestBehaviour:
    @pytest.mark.parametrize("variation", [0, 1, 2])
    def test_the_bottle_comes_to_rest_in_the_named_slot(self, env: Any, variation: int) -> None:
        assert solve(env, start(env, variation, 1))
        idle(env, 40)
        position, turn = pose_in_base(env, "wine_bottle")
        # Where the original's bottle came to rest: in the slot, level, its foot (own z) towards the back.
        assert position == pytest.approx((SLOT_X[LOCATIONS[variation]], 0.250, 0.1275), abs=6e-3)
        assert turn[:, 2] == pytest.approx((0.0, 1.0, 0.0), abs=0.03)
        before = position
        idle(env, 10)
        assert pose_in_base(env, "wine_bottle")[0] == pytest.approx(before, abs=5e-4)
        assert env.unwrapped.simulation.success()

    @pytest.mark.parametrize("variation", [0, 1, 2])
    def test_only_the_named_slot_counts(self, env: Any, variation: int) -> None:
        start(env, variation)
        for location in LOCATIONS:
            # Upright, its middle in the volume.
            with moved(env, "wine_bottle", (SLOT_X[location], 0.28, 0.113)) as simulation:
                assert simulation.success() == (location == LOCATIONS[variation])

    def test_the_volume_begins_where_the_original_says(self, env: Any) -> None:
        start(env, 0)
        # An upright bottle, 0.0299 m in radius, before the volume's end at y = 0.175 and beside its radius of 0.02.
        for dy, inside in ((-0.0309, False), (-0.0289, True)):
            with moved(env, "wine_bottle", (0.0512, 0.175 + dy, 0.113)) as simulation:
                assert simulation.success() == inside
        for dx, inside in ((0.0509, False), (0.0489, True)):
            with moved(env, "wine_bottle", (0.0512 + dx, 0.275, 0.113)) as simulation:
                assert simulation.success() == inside

    def test_a_held_bottle_does_not_count(self, env: Any) -> None:
        start(env, 0)
        with moved(env, "wine_bottle", (0.0512, 0.28, 0.113)) as simulation:
            with held(env, "wine_bottle"):
                assert not simulation.success()
            assert simulation.success()


@needs_recordings
def test_the_scene_is_the_recorded_one(scene: StoredScene) -> None:
    recorded = recorded_scene(NAME)
    for name in ("wine_bottle", "rack_bottom", "rack_top", "success_middle", "success_left", "success_right"):
        position, turn = recorded.seen_from(NAME, name)
        assert scene.data.body(name).xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name
        assert np.trace(scene.data.body(name).xmat.reshape(3, 3).T @ turn) > 3 - 1e-3, name
