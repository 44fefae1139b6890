"""The stick, the cube and the square: the original's measures, a lean that holds, and success from both sides."""

from __future__ import annotations

import math
from collections.abc import Iterator

import gymnasium
import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.task import DetectedCondition
from hamster_bench.envs.tasks import TASKS, scene_xml
from hamster_bench.scenario import Scenario

TASK = "reach_and_drag"
TABLE_TOP = -0.002
POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)

# Body that carries it, position [m] and orientation in the task base, flags.
WAYPOINTS = {
    "waypoint0": ("stick", (0.0949, -0.1588, 0.1780), (0.5736, -0.8192, 0.0, 0.0), "open_gripper()"),
    "waypoint1": ("stick", (0.0949, -0.1588, 0.1020), (-0.5736, 0.8192, 0.0, 0.0), "close_gripper()"),
    "waypoint2": ("stick", (0.0949, -0.1588, 0.1779), (0.5736, -0.8192, 0.0, 0.0), "ignore_collisions"),
    "waypoint3": (TASK, (0.1770, -0.3538, 0.2400), (-0.7034, 0.7108, 0.0, 0.0), ""),
    "waypoint4": (TASK, (0.1770, -0.3528, 0.2400), (-0.6760, 0.6831, -0.1945, -0.1965), ""),
    "waypoint5": (TASK, (-0.0790, -0.3511, 0.2399), (-0.6760, 0.6831, -0.1945, -0.1965), ""),
}


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(scene_xml(TASKS.get(TASK)))


@pytest.fixture(scope="module")
def data(model: mujoco.MjModel) -> mujoco.MjData:
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return data


@pytest.fixture(scope="module")
def environment() -> Iterator[gymnasium.Env]:
    env = gymnasium.make(f"hamster_bench/{TASK}-v0", cameras=(), action_mode="joint_position")
    yield env
    env.close()


def _text(model: mujoco.MjModel, name: str) -> str:
    number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT.value, name)
    if number < 0:
        return ""
    start, size = int(model.text_adr[number]), int(model.text_size[number])
    return bytes(model.text_data[start : start + size]).split(b"\0")[0].decode()


def test_objects_have_the_measures_of_the_original(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    assert data.body("stick").xpos == pytest.approx((0.145, -0.021, 0.058), abs=POSITION_TOLERANCE)
    assert data.body("cube").xpos == pytest.approx((0.106, -0.150, 0.038), abs=POSITION_TOLERANCE)
    assert data.body("target0").xpos == pytest.approx((-0.137, -0.154, -0.001), abs=POSITION_TOLERANCE)
    assert 2 * model.geom("stick_collision").size == pytest.approx((0.0128, 0.0128, 0.36), abs=1e-6)
    assert 2 * model.geom("cube_collision").size == pytest.approx((0.08, 0.08, 0.08), abs=1e-6)
    assert 2 * model.geom("target0_visual").size[:2] == pytest.approx((0.13, 0.13), abs=1e-6)
    assert float(model.body("stick").mass[0]) == pytest.approx(0.05898, rel=1e-3)
    assert float(model.body("cube").mass[0]) == pytest.approx(0.512, rel=1e-3)
    # A cube rests on one of its faces, turned by -80 degrees.
    assert data.body("cube").xmat[8] == pytest.approx(1.0, abs=1e-6)
    assert math.degrees(math.atan2(data.body("cube").xmat[3], data.body("cube").xmat[0])) == pytest.approx(-80.0, abs=0.1)


def test_what_is_seen_has_the_size_of_what_collides(model: mujoco.MjModel) -> None:
    for name in ("stick", "cube"):
        seen = model.geom(f"{name}_visual")
        start, count = int(model.mesh_vertadr[seen.dataid[0]]), int(model.mesh_vertnum[seen.dataid[0]])
        turned = np.empty(9)
        mujoco.mju_quat2Mat(turned, seen.quat)
        vertices = model.mesh_vert[start : start + count] @ turned.reshape(3, 3).T + seen.pos
        half = model.geom(f"{name}_collision").size
        assert vertices.max(axis=0) == pytest.approx(half, abs=1e-5)
        assert vertices.min(axis=0) == pytest.approx(-half, abs=1e-5)


def test_the_square_lies_on_the_table(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    middle, half = data.geom("target0_visual").xpos[2], model.geom("target0_visual").size[2]
    assert middle - half == pytest.approx(TABLE_TOP, abs=1e-4)
    assert middle + half == pytest.approx(-0.0011, abs=2e-4)
    assert not model.geom("target0_visual").contype[0]


def test_waypoints(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    sites = {model.site(i).name for i in range(model.nsite)}
    assert {name for name in sites if name.startswith("waypoint")} == set(WAYPOINTS)
    for name, (body, position, quat_xyzw, flags) in WAYPOINTS.items():
        site = data.site(name)
        assert site.xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name
        quat_wxyz = np.empty(4)
        mujoco.mju_mat2Quat(quat_wxyz, site.xmat)
        wanted = np.array(quat_xyzw) / np.linalg.norm(quat_xyzw)
        assert 2 * math.acos(min(1.0, abs(quat_wxyz[[1, 2, 3, 0]] @ wanted))) < ANGLE_TOLERANCE, name
        assert model.body(int(model.site(name).bodyid[0])).name == body, name
        assert _text(model, name) == flags, name


def test_volume_area_and_placement_box(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    volume = model.site("success0")
    assert data.site("success0").xpos == pytest.approx((-0.137, -0.154, 0.0), abs=POSITION_TOLERANCE)
    assert 2 * volume.size == pytest.approx((0.1, 0.1, 0.01), abs=1e-6)
    assert data.site("spawn_boundary0").xpos == pytest.approx((0.0, 0.3, 0.0), abs=POSITION_TOLERANCE)
    assert 2 * model.site("spawn_boundary0").size[:2] == pytest.approx((0.5, 0.25), abs=1e-6)
    assert model.numeric("placement_box").data == pytest.approx((-0.25, 0.25, -0.219, 0.425), abs=1e-3)


def test_task_description() -> None:
    task = TASKS.get(TASK)
    assert task.variation_count == 20
    assert task.graspable == ("stick",)
    assert task.success == (DetectedCondition("cube", "success0"),)
    assert (task.manipulated, task.receiver) == (("stick",), ("cube",))
    assert task.base_rotation == (-3.14, 3.14)
    assert task.instructions(11) == (
        "use the stick to drag the cube onto the orange target",
        "pick up the stick and use it to push or pull the cube onto the orange target",
        "drag the block towards the orange square on the table top",
        "grasping the stick by one end, pick it up and use the its other end to move the block onto the orange target",
    )


def test_the_square_has_the_colour_of_the_variation(environment: gymnasium.Env) -> None:
    for variation in (0, 3, 19):
        environment.reset(options={"scenario": Scenario(task=TASK, variation=variation)})
        model = environment.unwrapped.simulation.scene.model
        assert model.geom("target0_visual").rgba[:3] == pytest.approx(COLORS[variation][1], abs=1e-6)


def test_the_stick_leans_on_the_cube_and_stays(environment: gymnasium.Env) -> None:
    observation, _ = environment.reset(seed=5)
    simulation = environment.unwrapped.simulation
    bodies = [simulation.scene.body(name) for name in ("stick", "cube")]
    before = simulation.data.xpos[bodies].copy()
    deepest = min((c.dist for c in simulation.data.contact), default=0.0)
    assert deepest > -1e-3
    for _ in range(10):
        environment.step(np.append(observation["joint_positions"], 1.0))
    assert np.abs(simulation.data.xpos[bodies] - before).max() < 2e-3
    pairs = {frozenset(simulation.scene.model.geom(g).name for g in c.geom) for c in simulation.data.contact}
    assert {"stick_collision", "cube_collision"} in pairs
    # One end on the table, the other above the cube's upper face.
    slope = math.degrees(math.asin(abs(simulation.data.xmat[bodies[0]][8])))
    assert 13.0 < slope < 19.0


@pytest.mark.parametrize(("offset", "expected"), [(-0.002, True), (0.002, False)])
def test_the_cube_counts_when_it_reaches_over_the_edge_of_the_volume(
    environment: gymnasium.Env, offset: float, expected: bool
) -> None:
    observation, info = environment.reset(seed=5)
    assert not info["is_success"]
    simulation = environment.unwrapped.simulation
    data, free = simulation.data, simulation.scene.free["cube"]
    volume = data.site("success0")
    axes = volume.xmat.reshape(3, 3)
    # Half a volume and half a cube beside the middle of the square, turned like it.
    data.qpos[free.qpos : free.qpos + 3] = volume.xpos + axes @ [0.05 + 0.04 + offset, 0.0, 0.038]
    mujoco.mju_mat2Quat(data.qpos[free.qpos + 3 : free.qpos + 7], volume.xmat)
    # The stick out of the way.
    stick = simulation.scene.free["stick"]
    data.qpos[stick.qpos : stick.qpos + 3] = volume.xpos + axes @ [0.0, 0.4, 0.1]
    mujoco.mj_forward(simulation.scene.model, data)
    _, reward, terminated, _, info = environment.step(np.append(observation["joint_positions"], 1.0))
    assert info["is_success"] is expected
    assert terminated is expected
    assert reward == float(expected)
