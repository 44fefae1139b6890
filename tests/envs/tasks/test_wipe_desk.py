"""Wipe desk: its scene against an independent table of the original's measures, its spots, and how they go away."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.mujoco.layout import Layout
from hamster_bench.envs.mujoco.scene import load_scene
from hamster_bench.envs.task import EmptyCondition, Removal
from hamster_bench.envs.tasks import TASKS
from tests.envs.tasks.episodes import idle, in_world, put, start
from tests.envs.tasks.recordings import needs_recordings, recorded_path
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, StoredScene

NAME = "wipe_desk"
TASK = TASKS.get(NAME)
DIRT = tuple(f"dirt{i}" for i in range(50))
SPONGE = np.array([0.0468, 0.1750, 0.0144])

DOWN = (1.0, 0.0, 0.0, 0.0)
PATH_HEIGHT = 0.0162
PATH = (
    *((0.175, y) for y in (0.225, 0.125, 0.025, -0.150, -0.175)),
    *((0.125, y) for y in (-0.175, -0.075, 0.100, 0.125)),
    *((0.075, y) for y in (0.125, 0.025, -0.150, -0.175)),
    *((0.025, y) for y in (-0.175, -0.075, 0.100, 0.125)),
    *((-0.025, y) for y in (0.125, 0.025, -0.150, -0.175)),
    *((-0.075, y) for y in (-0.175, -0.075, 0.100, 0.225)),
)
# Carrier, position and orientation in the task base, flags.
WAYPOINTS = {
    "waypoint0": ("sponge", (0.0480, 0.1774, 0.0571), DOWN, ""),
    "waypoint1": ("sponge", (0.0480, 0.1774, 0.0141), DOWN, "close_gripper()"),
    "waypoint2": ("dirt_boundary", (0.1742, 0.2239, 0.0162), DOWN, "ignore_collisions"),
    **{f"waypoint3/{k}": ("dirt_boundary", (x, y, PATH_HEIGHT), DOWN, "path") for k, (x, y) in enumerate(PATH)},
    "waypoint4": ("dirt_boundary", (-0.0758, 0.2239, 0.0162), DOWN, "open_gripper(); ignore_collisions"),
}


class TestScene:
    def test_sponge(self, scene: StoredScene) -> None:
        model, data = scene.model, scene.data
        assert [model.joint(j).name for j in range(model.njnt)] == ["sponge"]
        assert int(model.jnt_type[0]) == int(mujoco.mjtJoint.mjJNT_FREE)
        assert data.body("sponge").xpos == pytest.approx(SPONGE, abs=POSITION_TOLERANCE)
        # Its own y axis lies along the base's -x.
        assert data.body("sponge").xmat.reshape(3, 3)[:, 1] == pytest.approx((-1.0, 0.0, 0.0), abs=1e-6)
        assert float(model.body("sponge").mass[0]) == pytest.approx(0.09311, rel=1e-4)
        assert 2 * model.geom("sponge_collision").size == pytest.approx((0.05792, 0.125, 0.03277), abs=2e-5)
        seen = scene.vertices("sponge_visual")
        assert np.ptp(seen, axis=0) == pytest.approx((0.1762, 0.0875, 0.0469), abs=2e-4)
        assert (seen.min(axis=0) + seen.max(axis=0)) / 2 == pytest.approx((0.0468, 0.1750, 0.0194), abs=POSITION_TOLERANCE)

    def test_the_waist_of_the_sponge_fits_between_the_open_fingers(self, scene: StoredScene) -> None:
        seen = scene.vertices("sponge_visual")
        # 9 mm is half the width of a fingertip; the gripper opens by 80 mm.
        waist = seen[np.abs(seen[:, 0] - WAYPOINTS["waypoint1"][1][0]) < 0.009]
        assert 0.0579 - 1e-3 < np.ptp(waist[:, 1]) < 0.075

    def test_the_sensor_is_a_truncated_pyramid(self, scene: StoredScene) -> None:
        model = scene.model
        corners = scene.vertices("sponge_sensor")
        assert len(corners) == 8
        assert not model.geom("sponge_sensor").contype
        assert not model.geom("sponge_sensor").conaffinity
        assert int(model.geom("sponge_sensor").group[0]) == 5
        foot, top = -0.0035, -0.0035 + 0.008
        lower, upper = corners[corners[:, 2] < 0.0], corners[corners[:, 2] > 0.0]
        assert lower[:, 2] == pytest.approx(np.full(4, foot), abs=2e-4)
        assert upper[:, 2] == pytest.approx(np.full(4, top), abs=2e-4)
        # 1.5 mm below the sponge's underside.
        assert SPONGE[2] - 0.03277 / 2 - lower[0, 2] == pytest.approx(0.0015, abs=1e-4)
        for face, size in ((lower, (0.1, 0.042)), (upper, (0.03, 0.03))):
            assert np.ptp(face[:, :2], axis=0) == pytest.approx(size, abs=1e-6)
            assert face[:, :2].mean(axis=0) == pytest.approx((0.0460, 0.1750), abs=POSITION_TOLERANCE)

    def test_spots(self, scene: StoredScene) -> None:
        model = scene.model
        for spot in DIRT:
            (geom,) = np.flatnonzero(model.geom_bodyid == model.body(spot).id)
            assert int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_BOX)
            assert 2 * model.geom_size[geom] == pytest.approx((0.005, 0.005, 0.001), abs=1e-9)
            assert model.geom_rgba[geom] == pytest.approx((0.58, 0.29, 0.0, 1.0), abs=1e-6)
            assert int(model.geom_contype[geom]) == int(model.geom_conaffinity[geom]) == 0
        assert DIRT[-1] == "dirt49"
        assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY.value, "dirt50") < 0

    def test_waypoints(self, scene: StoredScene) -> None:
        assert len(WAYPOINTS) == 4 + 25
        scene.check_waypoints(WAYPOINTS)

    @needs_recordings
    def test_the_recorded_path_runs_through_the_control_points(self, scene: StoredScene) -> None:
        data = scene.data
        samples = recorded_path(NAME, "waypoint3")
        points = np.array([data.site(f"waypoint3/{k}").xpos for k in range(25)])
        assert samples[0] == pytest.approx(points[0], abs=POSITION_TOLERANCE)
        assert samples[-1] == pytest.approx(points[-1], abs=POSITION_TOLERANCE)
        for sample in samples:
            ends = zip(points[:-1], points[1:], strict=True)
            assert min(_distance_to_line(sample, a, b) for a, b in ends) < 0.005

    def test_areas(self, scene: StoredScene) -> None:
        areas = {"dirt_boundary": ((0.05, -0.025, 0.0), (0.2986, 0.2986)), "spawn_boundary0": ((0.025, -0.325, 0.0), (0.5, 0.2))}
        scene.check_areas(areas, (-0.225, 0.275, -0.425, 0.219))


def _distance_to_line(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    share = np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
    return float(np.linalg.norm(a + share * (b - a) - point))


class TestTask:
    def test_description(self) -> None:
        assert TASK.variation_count == 1
        assert TASK.base_rotation == (-3.14, 3.14)
        assert TASK.graspable == ("sponge",)
        assert TASK.manipulated == ("sponge", "sponge_visual")
        assert TASK.success == (EmptyCondition(),)
        assert TASK.removal == Removal("sponge_sensor", DIRT)
        assert TASK.instructions(0) == (
            "wipe dirt off the desk",
            "use the sponge to clean up the desk",
            "remove the dirt from the desk",
            "grip the sponge and wipe it back and forth over any dirt you see",
            "clean up the mess",
            "wipe the dirt up",
        )

    def test_spots_lie_inside_the_area_none_over_another(self) -> None:
        scene = load_scene(TASK)
        places = []
        for seed in range(30):
            layout = Layout(scene, mujoco.MjData(scene.model))
            TASK.arrange(layout, 0, np.random.default_rng(seed))
            poses = np.array([layout.pose(spot) for spot in DIRT])
            assert poses[:, 2:] == pytest.approx(np.tile((0.001, 0.0, 0.0, 0.0, 1.0), (50, 1)), abs=1e-9)
            apart = np.abs(poses[:, None, :2] - poses[None, :, :2]).max(axis=2) + np.eye(50)
            assert apart.min() >= 0.005 - 1e-9
            places.append(poses[:, :2])
        spread = np.concatenate(places)
        assert np.abs(spread - (0.05, -0.025)).max() <= 0.1493 - 0.0025 + 1e-9
        assert spread.min(axis=0) == pytest.approx((0.05 - 0.1468, -0.025 - 0.1468), abs=2e-3)
        assert spread.max(axis=0) == pytest.approx((0.05 + 0.1468, -0.025 + 0.1468), abs=2e-3)


class Desk:
    """The sponge put here and there by hand."""

    def __init__(self, env: Any) -> None:
        start(env, episode=3)
        self.env = env
        self.model, self.data = env.unwrapped.simulation.scene.model, env.unwrapped.simulation.data

    def is_there(self, spot: str) -> bool:
        (geom,) = np.flatnonzero(self.model.geom_bodyid == self.model.body(spot).id)
        return bool(self.model.geom_rgba[geom, 3] > 0.0)

    def left(self) -> int:
        return sum(self.is_there(spot) for spot in DIRT)

    def put_sensor(self, spot: str, offset: tuple[float, float], above: float = 0.0) -> tuple[float, bool, bool]:
        """Puts the sponge, ``above`` [m] the table, so that its sensor is beside a spot, by an offset [m], for one control step.

        Returns:
            Reward, `terminated` and whether the desk counts as clean.
        """
        free = self.env.unwrapped.simulation.scene.free["sponge"]
        height = float(self.data.qpos[free.qpos + 2])
        gap = self.data.body(spot).xpos - in_world(self.env, (0.04598, 0.175, 0.0))
        turn = self.data.body(NAME).xmat.reshape(3, 3)
        put(self.env, "sponge", SPONGE + turn.T @ gap + (*offset, 0.0))
        self.data.qpos[free.qpos + 2] = height + above
        self.data.qvel[free.qvel : free.qvel + 6] = 0.0
        reward, terminated, info = idle(self.env, 1)
        return reward, terminated, bool(info["is_success"])


class TestWiping:
    # At the foot of a spot, 4 mm above that of the sensor, the pyramid is 65.2 mm long and 36.0 mm wide.
    @pytest.mark.parametrize(("axis", "reach"), [(0, 0.0326 + 0.0025), (1, 0.0180 + 0.0025)])
    @pytest.mark.parametrize("side", [1.0, -1.0])
    def test_a_spot_goes_as_soon_as_any_part_of_it_lies_in_the_sensor(
        self, env: Any, axis: int, reach: float, side: float
    ) -> None:
        desk = Desk(env)
        assert desk.left() == 50
        for distance, stays in ((reach + 0.0006, True), (reach - 0.0006, False)):
            offset = (side * distance, 0.0) if axis == 0 else (0.0, side * distance)
            desk.put_sensor("dirt7", offset)
            assert desk.is_there("dirt7") == stays

    def test_success_needs_every_spot_and_the_next_reset_brings_all_back(self, env: Any) -> None:
        desk = Desk(env)
        for count, spot in enumerate(DIRT):
            reward, terminated, clean = desk.put_sensor(spot, (0.0, 0.0))
            assert not desk.is_there(spot)
            assert clean == terminated == (desk.left() == 0)
            assert reward == float(terminated)
            if terminated:
                assert count > 10
                break
        assert clean
        assert Desk(env).left() == 50

    def test_a_sponge_held_high_cleans_nothing(self, env: Any) -> None:
        desk = Desk(env)
        desk.put_sensor("dirt7", (0.0, 0.0), above=0.05)
        assert desk.left() == 50
