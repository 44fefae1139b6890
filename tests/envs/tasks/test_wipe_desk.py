"""Wipe desk: its scene against an independent table of the original's measures, its spots, and how they go away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.envs.mujoco.layout import Layout
from hamster_bench.envs.mujoco.scene import load_scene
from hamster_bench.envs.task import EmptyCondition, Removal
from hamster_bench.envs.tasks import TASKS, scene_xml
from hamster_bench.scenario import Scenario

RECORDING = Path(__file__).resolve().parents[3].parent / "shared" / "parity" / "rlbench_demos" / "wipe_desk.npz"
needs_recording = pytest.mark.skipif(not RECORDING.exists(), reason="the original's recordings are not at hand")

TASK = TASKS.get("wipe_desk")
DIRT = tuple(f"dirt{i}" for i in range(50))
POSITION_TOLERANCE = 1e-3
SPONGE = np.array([0.0468, 0.1750, 0.0144])

# Carrier, position in the task base, flags; all point straight down, turned by half a turn about x.
WAYPOINTS = {
    "waypoint0": ("sponge", (0.0480, 0.1774, 0.0571), ""),
    "waypoint1": ("sponge", (0.0480, 0.1774, 0.0141), "close_gripper()"),
    "waypoint2": ("dirt_boundary", (0.1742, 0.2239, 0.0162), "ignore_collisions"),
    "waypoint4": ("dirt_boundary", (-0.0758, 0.2239, 0.0162), "open_gripper(); ignore_collisions"),
}
WAYPOINT_QUAT_XYZW = (1.0, 0.0, 0.0, 0.0)
PATH_HEIGHT = 0.0162
PATH = (
    *((0.175, y) for y in (0.225, 0.125, 0.025, -0.150, -0.175)),
    *((0.125, y) for y in (-0.175, -0.075, 0.100, 0.125)),
    *((0.075, y) for y in (0.125, 0.025, -0.150, -0.175)),
    *((0.025, y) for y in (-0.175, -0.075, 0.100, 0.125)),
    *((-0.025, y) for y in (0.125, 0.025, -0.150, -0.175)),
    *((-0.075, y) for y in (-0.175, -0.075, 0.100, 0.225)),
)


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(scene_xml(TASK))


@pytest.fixture(scope="module")
def data(model: mujoco.MjModel) -> mujoco.MjData:
    stored = mujoco.MjData(model)
    mujoco.mj_forward(model, stored)
    return stored


@pytest.fixture(scope="module")
def env() -> Iterator[gymnasium.Env[Any, Any]]:
    made = gymnasium.make("hamster_bench/wipe_desk-v0", cameras=(), action_mode="joint_position")
    yield made
    made.close()


def vertices(model: mujoco.MjModel, data: mujoco.MjData, geom: str) -> np.ndarray:
    """Vertices (n, 3) of a mesh geom in the task base."""
    number = model.geom(geom).id
    mesh = int(model.geom_dataid[number])
    start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    in_geom = model.mesh_vert[start : start + count]
    return np.asarray(in_geom @ data.geom_xmat[number].reshape(3, 3).T + data.geom_xpos[number])


def text(model: mujoco.MjModel, name: str) -> str:
    number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT.value, name)
    if number < 0:
        return ""
    start = int(model.text_adr[number])
    return bytes(model.text_data[start : start + int(model.text_size[number])]).rstrip(b"\0").decode()


class TestScene:
    def test_sponge(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        assert [model.joint(j).name for j in range(model.njnt)] == ["sponge"]
        assert int(model.jnt_type[0]) == int(mujoco.mjtJoint.mjJNT_FREE)
        assert data.body("sponge").xpos == pytest.approx(SPONGE, abs=POSITION_TOLERANCE)
        # Its own y axis lies along the base's -x.
        assert data.body("sponge").xmat.reshape(3, 3)[:, 1] == pytest.approx((-1.0, 0.0, 0.0), abs=1e-6)
        assert float(model.body("sponge").mass[0]) == pytest.approx(0.09311, rel=1e-4)
        assert 2 * model.geom("sponge_collision").size == pytest.approx((0.05792, 0.125, 0.03277), abs=2e-5)
        seen = vertices(model, data, "sponge_visual")
        assert np.ptp(seen, axis=0) == pytest.approx((0.1762, 0.0875, 0.0469), abs=2e-4)
        assert (seen.min(axis=0) + seen.max(axis=0)) / 2 == pytest.approx((0.0468, 0.1750, 0.0194), abs=POSITION_TOLERANCE)

    def test_the_waist_of_the_sponge_fits_between_the_open_fingers(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        seen = vertices(model, data, "sponge_visual")
        # 9 mm is half the width of a fingertip; the gripper opens by 80 mm.
        waist = seen[np.abs(seen[:, 0] - WAYPOINTS["waypoint1"][1][0]) < 0.009]
        assert 0.0579 - 1e-3 < np.ptp(waist[:, 1]) < 0.075

    def test_the_sensor_is_a_truncated_pyramid(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        corners = vertices(model, data, "sponge_sensor")
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

    def test_spots(self, model: mujoco.MjModel) -> None:
        for spot in DIRT:
            (geom,) = np.flatnonzero(model.geom_bodyid == model.body(spot).id)
            assert int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_BOX)
            assert 2 * model.geom_size[geom] == pytest.approx((0.005, 0.005, 0.001), abs=1e-9)
            assert model.geom_rgba[geom] == pytest.approx((0.58, 0.29, 0.0, 1.0), abs=1e-6)
            assert int(model.geom_contype[geom]) == int(model.geom_conaffinity[geom]) == 0
        assert DIRT[-1] == "dirt49"
        assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY.value, "dirt50") < 0

    def test_waypoints(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        path = {f"waypoint3/{k}": ("dirt_boundary", (x, y, PATH_HEIGHT), "path") for k, (x, y) in enumerate(PATH)}
        assert len(path) == 25
        names = {model.site(i).name for i in range(model.nsite)}
        assert {name for name in names if name.startswith("waypoint")} == {*WAYPOINTS, *path}
        for name, (body, position, flags) in {**WAYPOINTS, **path}.items():
            site = model.site(name)
            assert model.body(int(site.bodyid[0])).name == body
            assert data.site_xpos[site.id] == pytest.approx(position, abs=POSITION_TOLERANCE), name
            quat_wxyz = np.empty(4)
            mujoco.mju_mat2Quat(quat_wxyz, data.site_xmat[site.id])
            assert abs(quat_wxyz[[1, 2, 3, 0]] @ WAYPOINT_QUAT_XYZW) > np.cos(np.deg2rad(0.5)), name
            assert text(model, name.split("/")[0]) == flags, name

    @needs_recording
    def test_the_recorded_path_runs_through_the_control_points(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        with np.load(RECORDING, allow_pickle=False) as recording:
            samples = recording["path.waypoint3"].astype(float)[:, :3]
        points = np.array([data.site(f"waypoint3/{k}").xpos for k in range(25)])
        assert samples[0] == pytest.approx(points[0], abs=POSITION_TOLERANCE)
        assert samples[-1] == pytest.approx(points[-1], abs=POSITION_TOLERANCE)
        for sample in samples:
            ends = zip(points[:-1], points[1:], strict=True)
            assert min(_distance_to_line(sample, a, b) for a, b in ends) < 0.005

    def test_areas_and_placement_box(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        areas = {"dirt_boundary": ((0.05, -0.025, 0.0), (0.2986, 0.2986)), "spawn_boundary0": ((0.025, -0.325, 0.0), (0.5, 0.2))}
        for name, (centre, extents) in areas.items():
            site = model.site(name)
            assert data.site_xpos[site.id] == pytest.approx(centre, abs=POSITION_TOLERANCE)
            assert 2 * site.size[:2] == pytest.approx(extents, abs=1e-6)
        assert model.numeric("placement_box").data == pytest.approx((-0.225, 0.275, -0.425, 0.219), abs=1e-3)


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

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self.env = env
        self.observation, self.info = env.reset(options={"scenario": Scenario(task="wipe_desk", episode=3)})
        self.simulation = env.unwrapped.simulation  # type: ignore[attr-defined]
        self.model, self.data = self.simulation.scene.model, self.simulation.data
        self.hold = np.append(self.observation["joint_positions"], 1.0)

    def is_there(self, spot: str) -> bool:
        (geom,) = np.flatnonzero(self.model.geom_bodyid == self.model.body(spot).id)
        return bool(self.model.geom_rgba[geom, 3] > 0.0)

    def left(self) -> int:
        return sum(self.is_there(spot) for spot in DIRT)

    def put_sensor(self, spot: str, offset: tuple[float, float]) -> tuple[float, bool]:
        """Puts the resting sponge so that its sensor is beside a spot, by an offset [m] in the task base, for one control step."""
        turn = self.data.body("wipe_desk").xmat.reshape(3, 3)
        sponge = self.data.body("wipe_desk").xpos + turn @ SPONGE
        sensor = self.data.body("wipe_desk").xpos + turn @ np.array([0.04598, 0.175, 0.0])
        gap = self.data.body(spot).xpos + turn @ np.array([*offset, 0.0]) - sensor
        free = self.simulation.scene.free["sponge"]
        self.data.qpos[free.qpos : free.qpos + 2] = (sponge + gap)[:2]
        self.data.qvel[free.qvel : free.qvel + 6] = 0.0
        _, reward, terminated, _, self.info = self.env.step(self.hold)
        return float(reward), bool(terminated)


class TestWiping:
    # At the foot of a spot, 4 mm above that of the sensor, the pyramid is 65.2 mm long and 36.0 mm wide.
    @pytest.mark.parametrize(("axis", "reach"), [(0, 0.0326 + 0.0025), (1, 0.0180 + 0.0025)])
    @pytest.mark.parametrize("side", [1.0, -1.0])
    def test_a_spot_goes_as_soon_as_any_part_of_it_lies_in_the_sensor(
        self, env: gymnasium.Env[Any, Any], axis: int, reach: float, side: float
    ) -> None:
        desk = Desk(env)
        assert desk.left() == 50
        for distance, stays in ((reach + 0.0006, True), (reach - 0.0006, False)):
            offset = (side * distance, 0.0) if axis == 0 else (0.0, side * distance)
            desk.put_sensor("dirt7", offset)
            assert desk.is_there("dirt7") == stays

    def test_success_needs_every_spot_and_the_next_reset_brings_all_back(self, env: gymnasium.Env[Any, Any]) -> None:
        desk = Desk(env)
        for count, spot in enumerate(DIRT):
            assert not desk.info["is_success"]
            reward, terminated = desk.put_sensor(spot, (0.0, 0.0))
            assert not desk.is_there(spot)
            assert terminated == (desk.left() == 0)
            assert reward == float(terminated)
            if terminated:
                assert count > 10
                break
        assert desk.info["is_success"]
        assert Desk(env).left() == 50

    def test_a_sponge_held_high_cleans_nothing(self, env: gymnasium.Env[Any, Any]) -> None:
        desk = Desk(env)
        free = desk.simulation.scene.free["sponge"]
        desk.data.qpos[free.qpos + 2] += 0.05
        desk.put_sensor("dirt7", (0.0, 0.0))
        assert desk.left() == 50
