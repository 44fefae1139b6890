"""The stick, the cube and the square: the original's measures, a lean that holds, and success from both sides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.task import DetectedCondition
from tests.envs.tasks.episodes import assert_stays_at_rest, idle, moved, pose_in_base, put, solve, start
from tests.envs.tasks.stored_scene import TABLE_TOP, StoredScene

NAME = "reach_and_drag"
BODIES = {"stick": (0.145, -0.021, 0.058), "cube": (0.106, -0.150, 0.038), "target0": (-0.137, -0.154, -0.001)}
# Body that carries it, position [m] and orientation in the task base, flags.
WAYPOINTS = {
    "waypoint0": ("stick", (0.0949, -0.1588, 0.1780), (0.5736, -0.8192, 0.0, 0.0), "open_gripper()"),
    "waypoint1": ("stick", (0.0949, -0.1588, 0.1020), (-0.5736, 0.8192, 0.0, 0.0), "close_gripper()"),
    "waypoint2": ("stick", (0.0949, -0.1588, 0.1779), (0.5736, -0.8192, 0.0, 0.0), "ignore_collisions"),
    "waypoint3": (NAME, (0.1770, -0.3538, 0.2400), (-0.7034, 0.7108, 0.0, 0.0), ""),
    "waypoint4": (NAME, (0.1770, -0.3528, 0.2400), (-0.6760, 0.6831, -0.1945, -0.1965), ""),
    "waypoint5": (NAME, (-0.0790, -0.3511, 0.2399), (-0.6760, 0.6831, -0.1945, -0.1965), ""),
}


class TestScene:
    def test_objects_have_the_measures_of_the_original(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses({"stick": 0.05898, "cube": 0.512})
        scene.check_boxes({"stick_collision": (0.0128, 0.0128, 0.36), "cube_collision": (0.08, 0.08, 0.08)})
        assert scene.free_bodies() == {"stick", "cube"}
        # A cube rests on one of its faces, turned by -80 degrees.
        turn = scene.data.body("cube").xmat.reshape(3, 3)
        assert turn[2, 2] == pytest.approx(1.0, abs=1e-6)
        assert math.degrees(math.atan2(turn[1, 0], turn[0, 0])) == pytest.approx(-80.0, abs=0.1)

    def test_what_is_seen_has_the_size_of_what_collides(self, scene: StoredScene) -> None:
        for name in ("stick", "cube"):
            seen = scene.corners(f"{name}_visual")
            assert np.array([seen.min(axis=0), seen.max(axis=0)]) == pytest.approx(np.array(scene.solid_extent(name)), abs=1e-5)

    def test_the_square_lies_on_the_table(self, scene: StoredScene) -> None:
        sheet = scene.model.geom("target0_visual")
        middle = scene.data.geom("target0_visual").xpos[2]
        assert 2 * sheet.size[:2] == pytest.approx((0.13, 0.13), abs=1e-6)
        assert middle - sheet.size[2] == pytest.approx(TABLE_TOP, abs=1e-4)
        assert middle + sheet.size[2] == pytest.approx(-0.0011, abs=2e-4)

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_volume_and_areas(self, scene: StoredScene) -> None:
        scene.check_volumes({"success0": ("target0", (-0.137, -0.154, 0.0), (0.1, 0.1, 0.01))})
        scene.check_areas({"spawn_boundary0": ((0.0, 0.3, 0.0), (0.5, 0.25))}, (-0.25, 0.25, -0.219, 0.425))

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert (task.variation_count, task.graspable, task.base_rotation) == (20, ("stick",), (-3.14, 3.14))
        assert task.success == (DetectedCondition("cube", "success0"),)
        assert (task.manipulated, task.receiver) == (("stick",), ("cube",))
        assert task.instructions(11) == (
            "use the stick to drag the cube onto the orange target",
            "pick up the stick and use it to push or pull the cube onto the orange target",
            "drag the block towards the orange square on the table top",
            "grasping the stick by one end, pick it up and use the its other end to move the block onto the orange target",
        )


class TestBehaviour:
    def test_the_square_has_the_colour_of_the_variation(self, env: Any) -> None:
        for variation in (0, 3, 19):
            start(env, variation)
            model = env.unwrapped.simulation.scene.model
            assert model.geom("target0_visual").rgba[:3] == pytest.approx(COLORS[variation][1], abs=1e-6)

    def test_the_stick_leans_on_the_cube_and_stays(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, ("stick", "cube"), 2e-3)
        simulation = env.unwrapped.simulation
        pairs = {frozenset(simulation.scene.model.geom(g).name for g in c.geom) for c in simulation.data.contact}
        assert {"stick_collision", "cube_collision"} in pairs
        # One end on the table, the other above the cube's upper face.
        assert 13.0 < math.degrees(math.asin(abs(pose_in_base(env, "stick")[1][2, 2]))) < 19.0

    @pytest.mark.parametrize(
        ("offset", "inside"),
        [
            ((0.05 + 0.04 + 5e-4, 0.0, 0.038), False),
            ((0.05 + 0.04 - 5e-4, 0.0, 0.038), True),
            ((0.0, -0.05 - 0.04 - 5e-4, 0.038), False),
            ((0.0, -0.05 - 0.04 + 5e-4, 0.038), True),
            # The volume is 10 mm high.
            ((0.0, 0.0, 0.005 + 0.04 + 5e-4), False),
            ((0.0, 0.0, 0.005 + 0.04 - 5e-4), True),
        ],
    )
    def test_the_cube_counts_when_it_reaches_over_the_edge_of_the_volume(
        self, env: Any, offset: tuple[float, ...], inside: bool
    ) -> None:
        start(env)
        with moved(env, "cube", np.add((-0.1366, -0.1538, -0.0001), offset), along_base=True) as simulation:
            assert simulation.success() is inside

    @pytest.mark.parametrize(("gap", "inside"), [(2e-3, False), (-2e-3, True)])
    def test_a_step_is_rewarded_and_ends_the_episode_once_the_cube_is_there(self, env: Any, gap: float, inside: bool) -> None:
        start(env)
        put(env, "stick", (-0.137, 0.25, 0.1))
        put(env, "cube", (-0.137 + 0.05 + 0.04 + gap, -0.154, 0.038), along_base=True)
        reward, terminated, info = idle(env, 1)
        assert (reward, terminated, info["is_success"]) == (float(inside), inside, inside)

    def test_the_expert_drags_it_there(self, env: Any) -> None:
        assert solve(env, start(env, episode=1))
