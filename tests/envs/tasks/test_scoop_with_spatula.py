"""The spatula and the cube: the original's measures, a blade that gets under the cube, and success from both sides."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition, GraspedCondition
from tests.envs.tasks.episodes import assert_stays_at_rest, held, moved, start
from tests.envs.tasks.recordings import needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene

NAME = "scoop_with_spatula"
SPATULA = "scoop_with_spatula_spatula"
BODIES = {SPATULA: (0.130, 0.134, 0.016), "Cuboid": (0.125, -0.075, 0.008)}
# Body that carries it, position [m] and orientation in the task base, flags.
WAYPOINTS = {
    "waypoint0": (SPATULA, (0.1302, 0.2094, 0.1078), (0.6644, 0.6644, -0.2421, 0.2421), "open_gripper()"),
    "waypoint1": (SPATULA, (0.1302, 0.2094, 0.0328), (0.6743, 0.6743, -0.2129, 0.2129), "ignore_collisions; close_gripper()"),
    "waypoint2": (NAME, (0.1302, 0.0093, 0.0330), (0.6830, 0.6830, -0.1830, 0.1830), "ignore_collisions"),
    "waypoint3": (NAME, (0.1302, 0.0093, 0.1580), (0.6744, 0.6744, -0.2126, 0.2126), "ignore_collisions"),
}


class TestScene:
    def test_objects_have_the_measures_of_the_original(self, scene: StoredScene) -> None:
        scene.check_bodies(BODIES)
        scene.check_masses({"Cuboid": 1.0, SPATULA: 0.06866})
        scene.check_boxes({"Cuboid_collision": (0.02, 0.02, 0.02)})
        assert scene.free_bodies() == set(BODIES)

    def test_the_spatula_fills_the_recorded_box(self, scene: StoredScene) -> None:
        half = np.array([0.01478, 0.05964, 0.14402])
        assert np.array(scene.solid_extent(SPATULA)) == pytest.approx(np.array([-half, half]), abs=3e-3)
        seen = scene.corners("spatula_visual")
        assert np.array([seen.min(axis=0), seen.max(axis=0)]) == pytest.approx(np.array([-half, half]), abs=3e-3)

    @needs_recordings
    def test_the_spatula_lies_as_recorded(self, scene: StoredScene) -> None:
        position, turn = recorded_scene(NAME).seen_from(NAME, SPATULA)
        assert scene.data.body(SPATULA).xpos == pytest.approx(position, abs=POSITION_TOLERANCE)
        assert np.trace(scene.data.body(SPATULA).xmat.reshape(3, 3).T @ turn) > 3 - 3e-4

    def test_waypoints(self, scene: StoredScene) -> None:
        scene.check_waypoints(WAYPOINTS)

    def test_volume_and_areas(self, scene: StoredScene) -> None:
        scene.check_volumes({"success": (NAME, (0.125, -0.1, 0.148), (0.2, 0.2, 0.05))})
        areas = {"spawn_boundary0": ((0.0, -0.3, 0.0), (0.5, 0.2)), "spawn_boundary1": ((-0.125, 0.175, 0.0), (0.5, 0.2))}
        scene.check_areas(areas, (-0.25, 0.25, -0.4, 0.425))
        for name, along_x in (("spawn_boundary0", 1.0), ("spawn_boundary1", 0.0)):
            assert abs(scene.data.site(name).xmat[0]) == pytest.approx(along_x, abs=1e-6)

    def test_task(self, scene: StoredScene) -> None:
        task = scene.task
        assert (task.variation_count, task.graspable, task.base_rotation) == (1, (SPATULA,), (-3.14, 3.14))
        assert task.success == (DetectedCondition("Cuboid", "success"), GraspedCondition(SPATULA))
        assert (task.manipulated, task.receiver) == ((SPATULA, "spatula_visual"), ("Cuboid",))
        assert task.instructions(0) == (
            "scoop up the cube and lift it with the spatula",
            "scoop up the block and lift it with the spatula",
            "use the spatula to scoop the cube and lift it",
            "use the spatula to scoop the block and lift it",
            "pick up the cube using the spatula",
            "pick up the block using the spatula",
        )


class TestBehaviour:
    def test_everything_lies_still_after_a_reset(self, env: Any) -> None:
        start(env)
        assert_stays_at_rest(env, tuple(BODIES), 1e-3)

    def test_the_blade_gets_under_the_cube_and_lifts_it(self, env: Any) -> None:
        """The spatula is moved along its way of 20 cm and up by hand, without the arm: what is tested is blade against cube."""
        start(env)
        simulation = env.unwrapped.simulation
        model, data = simulation.scene.model, simulation.data
        spatula, cube = simulation.scene.free[SPATULA], simulation.scene.free["Cuboid"]
        base = simulation.scene.base
        toward_cube = -data.xmat[base].reshape(3, 3)[:, 1]
        pose = data.qpos[spatula.qpos : spatula.qpos + 7].copy()
        before = data.qpos[cube.qpos : cube.qpos + 3].copy()
        duration = 0.65
        for k in range(round(2 * duration / model.opt.timestep)):
            t = min(k * model.opt.timestep / duration, 2.0)
            slid, lifted = min(t, 1.0), max(t - 1.0, 0.0)
            share = slid * slid * (3 - 2 * slid)
            data.qpos[spatula.qpos : spatula.qpos + 3] = pose[:3] + 0.2 * share * toward_cube + [0.0, 0.0, 0.125 * lifted]
            data.qpos[spatula.qpos + 3 : spatula.qpos + 7] = pose[3:]
            data.qvel[spatula.qvel : spatula.qvel + 3] = 0.2 * 6 * slid * (1 - slid) / duration * toward_cube
            data.qvel[spatula.qvel + 2] += 0.125 / duration if lifted else 0.0
            data.qvel[spatula.qvel + 3 : spatula.qvel + 6] = 0.0
            mujoco.mj_step(model, data)
        travelled = data.qpos[cube.qpos : cube.qpos + 3] - before
        assert travelled[2] == pytest.approx(0.1265, abs=4e-3)
        # Dragged along for a part of the way, not pushed ahead of the edge, which ends 0.135 m beyond where it met the cube.
        assert 0.02 < travelled @ toward_cube < 0.128

    # Lower and upper face, and two sides, of the volume against those of the cube.
    @pytest.mark.parametrize(
        ("offset", "inside"),
        [
            ((0.0, 0.0, -0.025 - 0.01 - 5e-4), False),
            ((0.0, 0.0, -0.025 - 0.01 + 5e-4), True),
            ((0.0, 0.0, 0.025 + 0.01 + 5e-4), False),
            ((0.0, 0.0, 0.025 + 0.01 - 5e-4), True),
            ((0.1 + 0.01 + 5e-4, 0.0, 0.0), False),
            ((0.1 + 0.01 - 5e-4, 0.0, 0.0), True),
            ((0.0, 0.1 + 0.01 + 5e-4, 0.0), False),
            ((0.0, 0.1 + 0.01 - 5e-4, 0.0), True),
        ],
    )
    def test_success_needs_the_cube_in_the_volume_and_the_spatula_in_hand(
        self, env: Any, offset: tuple[float, ...], inside: bool
    ) -> None:
        start(env)
        with moved(env, "Cuboid", np.add((0.125, -0.1, 0.148), offset), along_base=True) as simulation:
            assert not simulation.success()
            with held(env, SPATULA):
                assert simulation.success() is inside
