"""Block and target against an independent table of the original's measures, how the block slides, and both sides of success."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition
from tests.envs.tasks.episodes import assert_stays_at_rest, idle, moved, put, solve, start
from tests.envs.tasks.recordings import needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import TABLE_TOP, StoredScene, scene_on_table

NAME = "slide_block_to_target"
EDGE = 0.05625

BODIES = {"block": (0.025, -0.025, 0.027), "target": (0.025, 0.150, 0.001)}
WAYPOINTS = {
    "waypoint0": ("block", (0.0285, -0.1271, 0.027), (-0.7071, 0.7071, 0.0, 0.0), "close_gripper(0.5)"),
    "waypoint1": ("block", (0.0285, 0.1450, 0.008), (0.7071, -0.7071, 0.0, 0.0), "ignore_collisions"),
}


class TestScene:
    def test_block(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses({"block": 0.356})
        scene.check_boxes({"block_collision": (EDGE, EDGE, EDGE)})
        assert scene.free_bodies() == {"block"}
        assert np.ptp(scene.corners("block_visual"), axis=0) == pytest.approx((EDGE, EDGE, EDGE), abs=2e-5)

    def test_the_visible_target_covers_the_footprint_of_the_volume_and_lies_on_the_table(self, scene: StoredScene) -> None:
        scene.check_volumes({"success": ("target", (0.025, 0.150, 0.0135), (0.1, 0.1, 0.025))})
        sheet = scene.model.geom("target_visual")
        assert 2 * sheet.size[:2] == pytest.approx((0.1, 0.1), abs=1e-6)
        assert scene.data.geom("target_visual").xpos[:2] == pytest.approx((0.025, 0.150), abs=1e-6)
        assert TABLE_TOP < scene.data.geom("target_visual").xpos[2] + sheet.size[2] <= 0.001

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_areas(self, scene: StoredScene) -> None:
        scene.check_areas({"spawn_boundary0": ((-0.025, -0.275, 0.0), (0.5, 0.3))}, (-0.275, 0.225, -0.425, 0.2))

    @needs_recordings
    def test_waypoints_and_target_are_the_recorded_ones(self, scene: StoredScene) -> None:
        recorded = recorded_scene(NAME)
        for name in WAYPOINTS:
            position, turn = recorded.seen_from("block", name)
            assert scene.data.site(name).xpos - scene.data.body("block").xpos == pytest.approx(position, abs=1.5e-3), name
            assert np.trace(scene.data.site(name).xmat.reshape(3, 3).T @ turn) > 3 - 1e-3, name
        assert scene.data.body("target").xpos == pytest.approx(recorded.seen_from(NAME, "target")[0], abs=1.5e-3)

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert task.success == (DetectedCondition("block", "success"),)
        assert (task.variation_count, task.graspable, task.manipulated) == (1, (), ("block",))
        assert task.base_rotation == (-3.14, 3.14)
        assert task.instructions(0) == (
            "slide the block to target",
            "slide the block onto the target",
            "push the block until it is sitting on top of the target",
            "slide the block towards the green target",
            "cover the target with the block by pushing the block in its direction",
        )


class TestBehaviour:
    def test_a_block_pushed_at_half_its_height_slides_without_tipping(self) -> None:
        scene = scene_on_table(NAME)
        block = scene.data.body("block")
        for _ in range(100):
            mujoco.mj_step(scene.model, scene.data)
        before = float(block.xpos[1])
        weight = float(scene.model.body("block").mass[0]) * 9.81
        # Twice what friction can hold back, at the middle of the block.
        block.xfrc_applied[1] = 2 * 0.6 * weight
        for _ in range(100):
            mujoco.mj_step(scene.model, scene.data)
        assert float(block.xpos[1]) > before + 0.02
        assert block.xmat[8] > math.cos(math.radians(1.0))

    def test_the_block_stays_at_rest_after_a_reset(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, ("block",), 2e-3)

    @pytest.mark.parametrize(
        ("offset", "inside"),
        [
            ((0.05 + EDGE / 2 + 5e-4, 0.0, 0.0), False),
            ((0.05 + EDGE / 2 - 5e-4, 0.0, 0.0), True),
            ((0.0, -0.05 - EDGE / 2 - 5e-4, 0.0), False),
            ((0.0, -0.05 - EDGE / 2 + 5e-4, 0.0), True),
            # The volume is 25 mm high.
            ((0.0, 0.0, 0.0125 + EDGE / 2 + 5e-4), False),
            ((0.0, 0.0, 0.0125 + EDGE / 2 - 5e-4), True),
        ],
    )
    def test_the_block_counts_as_soon_as_any_part_of_it_is_in_the_volume(
        self, env: Any, offset: tuple[float, ...], inside: bool
    ) -> None:
        start(env)
        with moved(env, "block", np.add((0.025, 0.150, 0.0135), offset), along_base=True) as simulation:
            assert simulation.success() is inside

    @pytest.mark.parametrize(("gap", "inside"), [(2e-3, False), (-2e-3, True)])
    def test_a_step_is_rewarded_and_ends_the_episode_once_the_block_is_there(self, env: Any, gap: float, inside: bool) -> None:
        start(env)
        put(env, "block", (0.025, 0.150 - 0.05 - EDGE / 2 - gap, TABLE_TOP + EDGE / 2), along_base=True)
        reward, terminated, info = idle(env, 1)
        assert (reward, terminated, info["is_success"]) == (float(inside), inside, inside)

    def test_the_expert_slides_it_there(self, env: Any) -> None:
        assert solve(env, start(env, episode=1))
