"""Meat on the grill: what the original says of it, this project's own scene, and when it counts as done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition, NothingGrasped
from tests.envs.tasks.episodes import held, idle, moved, pose_in_base, solve, start
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, TABLE_TOP, StoredScene

NAME = "meat_on_grill"
MEATS = ("chicken", "steak")
MEAT_X = {"chicken": -0.075, "steak": 0.075}
MEAT_Y = -0.125
GRILL_Y = 0.165
GRATE_TOP = 0.116

DOWN = (1.0, 0.0, 0.0, 0.0)
WAYPOINTS = {
    "waypoint0": ("waypoint1", (MEAT_X["chicken"], MEAT_Y, 0.112), DOWN, "open_gripper()"),
    "waypoint1": ("waypoint1", (MEAT_X["chicken"], MEAT_Y, 0.012), DOWN, "close_gripper()"),
    "waypoint2": ("waypoint1", (MEAT_X["chicken"], MEAT_Y, 0.200), DOWN, "ignore_collisions"),
    "waypoint3": ("grill", (0.0, GRILL_Y, 0.216), DOWN, ""),
    "waypoint4": ("grill", (0.0, GRILL_Y, 0.136), DOWN, "open_gripper(); ignore_collisions"),
}


class TestScene:
    def test_meat_lies_on_the_table(self, scene: StoredScene) -> None:
        assert sorted(scene.model.joint(j).name for j in range(scene.model.njnt)) == sorted(MEATS)
        for name, mass in (("chicken", 0.12), ("steak", 0.2)):
            body = scene.data.body(name)
            assert body.xpos[:2] == pytest.approx((MEAT_X[name], MEAT_Y), abs=1e-6)
            assert float(scene.model.body(name).mass[0]) == pytest.approx(mass)
            low, high = scene.solid_extent(name)
            assert body.xpos[2] + low[2] == pytest.approx(TABLE_TOP, abs=1e-6)
            # It fits between the fingers, which open by 80 mm along y of the task, with 10 mm to spare on both sides.
            assert high[1] - low[1] <= 0.06
            seen = scene.vertices(f"{name}_visual")
            assert seen[:, 2].min() == pytest.approx(TABLE_TOP, abs=POSITION_TOLERANCE)
            # What is seen is little larger than what collides.
            assert (np.ptp(seen, axis=0) < high - low + 0.01).all()

    def test_grill(self, scene: StoredScene) -> None:
        assert scene.data.body("grill").xpos == pytest.approx((0.0, GRILL_Y, 0.0), abs=1e-6)
        low, high = scene.solid_extent("grill")
        assert (low[2], high[2]) == pytest.approx((TABLE_TOP, GRATE_TOP), abs=1e-6)
        seen = np.concatenate([scene.vertices("grill_visual"), scene.vertices("grill_grate")])
        assert seen[:, 2].max() == pytest.approx(GRATE_TOP, abs=POSITION_TOLERANCE)
        assert seen[:, 2].min() == pytest.approx(TABLE_TOP, abs=3e-3)
        assert np.ptp(seen[:, :2], axis=0) == pytest.approx((0.30, 0.25), abs=0.01)

    def test_volume_covers_the_grate(self, scene: StoredScene) -> None:
        site = scene.model.site("success")
        assert 2 * site.size == pytest.approx((0.26, 0.21, 0.02), abs=1e-6)
        assert scene.data.site("success").xpos == pytest.approx((0.0, GRILL_Y, GRATE_TOP + 0.01), abs=1e-6)

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_everything_lies_in_the_placement_box(self, scene: StoredScene) -> None:
        min_x, max_x, min_y, max_y = scene.model.numeric("placement_box").data
        corners = [scene.vertices(scene.model.geom(g).name) for g in range(scene.model.ngeom) if scene.model.geom_dataid[g] >= 0]
        spawn = scene.data.site("spawn_boundary0").xpos + scene.model.site("spawn_boundary0").size * np.array([[1], [-1]])
        points = np.concatenate([*corners, spawn])
        assert (points[:, :2] >= np.array([min_x, min_y]) - POSITION_TOLERANCE).all()
        assert (points[:, :2] <= np.array([max_x, max_y]) + POSITION_TOLERANCE).all()
        # Distractors keep away from the meat and the fingers around it.
        assert spawn[:, 1].max() <= MEAT_Y - 0.06


class TestTask:
    def test_description(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.variation_count == 2
        assert task.graspable == MEATS
        assert task.base_rotation == (-3.14, 3.14)
        for variation, meat in enumerate(MEATS):
            assert set(task.conditions(variation)) == {NothingGrasped(), DetectedCondition(meat, "success")}

    def test_instructions(self, scene: StoredScene) -> None:
        for variation, meat in enumerate(MEATS):
            assert scene.task.instructions(variation) == (
                f"put the {meat} on the grill",
                f"pick up the {meat} and place it on the grill",
                f"grill the {meat}",
            )

    @pytest.mark.parametrize("variation", [0, 1])
    def test_the_grasp_is_at_the_named_meat_at_its_own_height(self, env: Any, variation: int) -> None:
        start(env, variation)
        data, base = env.unwrapped.simulation.data, env.unwrapped.simulation.scene.base
        preview = env.unwrapped.oracle.preview()
        places = [data.xmat[base].reshape(3, 3).T @ (w.poses[0, :3] - data.xpos[base]) for w in preview]
        for place, height in zip(places[:3], (0.112, 0.012, 0.200), strict=True):
            assert place == pytest.approx((MEAT_X[MEATS[variation]], MEAT_Y, height), abs=1e-6)


class TestBehaviour:
    @pytest.mark.parametrize("variation", [0, 1])
    def test_the_named_meat_comes_to_rest_on_the_grate(self, scene: StoredScene, env: Any, variation: int) -> None:
        assert solve(env, start(env, variation, 1))
        idle(env, 20)
        low, _ = scene.solid_extent(MEATS[variation])
        position, turn = pose_in_base(env, MEATS[variation])
        assert position == pytest.approx((0.0, GRILL_Y, GRATE_TOP - low[2]), abs=3e-3)
        assert turn[2, 2] > 0.999
        other = MEATS[1 - variation]
        assert pose_in_base(env, other)[0][:2] == pytest.approx((MEAT_X[other], MEAT_Y), abs=POSITION_TOLERANCE)
        assert env.unwrapped.simulation.success()

    @pytest.mark.parametrize("variation", [0, 1])
    def test_only_the_named_meat_counts(self, env: Any, variation: int) -> None:
        start(env, variation)
        for meat in MEATS:
            with moved(env, meat, (0.05, GRILL_Y - 0.05, GRATE_TOP + 0.02)) as simulation:
                assert simulation.success() == (meat == MEATS[variation])

    def test_meat_beside_or_above_the_grate_does_not_count(self, env: Any) -> None:
        start(env, 1)
        # The steak is 24 mm thick and up to 58 mm wide; the volume is 20 mm high and reaches 105 mm from the middle of the grill.
        for place, inside in (
            ((0.0, GRILL_Y, GRATE_TOP + 0.02 + 0.012 + 0.001), False),
            ((0.0, GRILL_Y, GRATE_TOP + 0.02 + 0.012 - 0.001), True),
            ((0.0, GRILL_Y - 0.105 - 0.029 - 0.001, GRATE_TOP + 0.012), False),
            ((0.0, GRILL_Y - 0.105 - 0.029 + 0.001, GRATE_TOP + 0.012), True),
        ):
            with moved(env, "steak", place) as simulation:
                assert simulation.success() == inside, place

    def test_held_meat_does_not_count(self, env: Any) -> None:
        start(env, 0)
        with moved(env, "chicken", (0.0, GRILL_Y, GRATE_TOP + 0.02)) as simulation:
            with held(env, "chicken"):
                assert not simulation.success()
            assert simulation.success()

    def test_meat_pushed_over_the_table_slides_and_does_not_roll(self, env: Any) -> None:
        start(env, 0)
        simulation = env.unwrapped.simulation
        for meat in MEATS:
            free = simulation.scene.free[meat]
            simulation.data.qvel[free.qvel : free.qvel + 3] = pose_in_base(env, meat)[1] @ (0.0, 0.3, 0.0)
        idle(env, 20)
        for meat in MEATS:
            assert pose_in_base(env, meat)[1][2, 2] > 0.999, meat
