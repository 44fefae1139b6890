"""The spatula and the cube: the original's measures, a blade that gets under the cube, and success from both sides."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.envs.task import DetectedCondition, GraspedCondition
from hamster_bench.envs.tasks import TASKS, scene_xml

TASK = "scoop_with_spatula"
SPATULA = "scoop_with_spatula_spatula"
TABLE_TOP = -0.002
POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)
RECORDING = Path(__file__).resolve().parents[3].parent / "shared" / "parity" / "rlbench_demos" / f"{TASK}.npz"

# Body that carries it, position [m] and orientation in the task base, flags.
WAYPOINTS = {
    "waypoint0": (SPATULA, (0.1302, 0.2094, 0.1078), (0.6644, 0.6644, -0.2421, 0.2421), "open_gripper()"),
    "waypoint1": (SPATULA, (0.1302, 0.2094, 0.0328), (0.6743, 0.6743, -0.2129, 0.2129), "ignore_collisions; close_gripper()"),
    "waypoint2": (TASK, (0.1302, 0.0093, 0.0330), (0.6830, 0.6830, -0.1830, 0.1830), "ignore_collisions"),
    "waypoint3": (TASK, (0.1302, 0.0093, 0.1580), (0.6744, 0.6744, -0.2126, 0.2126), "ignore_collisions"),
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


def _corners(model: mujoco.MjModel, geom: int) -> np.ndarray:
    """Points (n, 3) that span a box or mesh geom, in its body's frame."""
    mesh = int(model.geom_dataid[geom])
    if mesh >= 0:
        start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        points = model.mesh_vert[start : start + count]
    else:
        points = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T * model.geom_size[geom]
    turned = np.empty(9)
    mujoco.mju_quat2Mat(turned, model.geom_quat[geom])
    return np.asarray(points @ turned.reshape(3, 3).T + model.geom_pos[geom])


def test_objects_have_the_measures_of_the_original(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    assert data.body(SPATULA).xpos == pytest.approx((0.130, 0.134, 0.016), abs=POSITION_TOLERANCE)
    assert data.body("Cuboid").xpos == pytest.approx((0.125, -0.075, 0.008), abs=POSITION_TOLERANCE)
    assert 2 * model.geom("Cuboid_collision").size == pytest.approx((0.02, 0.02, 0.02), abs=1e-6)
    assert float(model.body("Cuboid").mass[0]) == pytest.approx(1.0, rel=1e-3)
    assert float(model.body(SPATULA).mass[0]) == pytest.approx(0.06866, rel=1e-3)


def test_the_spatula_fills_the_recorded_box(model: mujoco.MjModel) -> None:
    """Half extents [m] of the collision body in its own frame, as recorded; what is seen fills the same box."""
    solid = [g for g in range(model.ngeom) if model.geom_bodyid[g] == model.body(SPATULA).id and model.geom_contype[g]]
    for points in (np.concatenate([_corners(model, g) for g in solid]), _corners(model, model.geom("spatula_visual").id)):
        for half, low, high in zip((0.01478, 0.05964, 0.14402), points.min(axis=0), points.max(axis=0), strict=True):
            assert (low, high) == pytest.approx((-half, half), abs=3e-3)


@pytest.mark.skipif(not RECORDING.exists(), reason="the recordings ../shared/parity are not here")
def test_the_spatula_lies_as_recorded(data: mujoco.MjData) -> None:
    with np.load(RECORDING, allow_pickle=False) as recording:
        episode = json.loads(bytes(recording["meta_json"]).decode())["episodes"][0]
        poses = dict(zip(episode["object_names"], recording[f"{episode['key']}.object_poses"].astype(float), strict=True))
    base, spatula = np.empty(9), np.empty(9)
    mujoco.mju_quat2Mat(base, poses[TASK][[6, 3, 4, 5]])
    mujoco.mju_quat2Mat(spatula, poses[SPATULA][[6, 3, 4, 5]])
    base = base.reshape(3, 3)
    assert data.body(SPATULA).xpos == pytest.approx(base.T @ (poses[SPATULA][:3] - poses[TASK][:3]), abs=POSITION_TOLERANCE)
    turn = data.body(SPATULA).xmat.reshape(3, 3).T @ base.T @ spatula.reshape(3, 3)
    assert np.trace(turn) > 1 + 2 * math.cos(ANGLE_TOLERANCE)


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


def test_volume_areas_and_placement_box(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    assert data.site("success").xpos == pytest.approx((0.125, -0.1, 0.123 + 0.025), abs=POSITION_TOLERANCE)
    assert 2 * model.site("success").size == pytest.approx((0.2, 0.2, 0.05), abs=1e-6)
    assert data.site("spawn_boundary0").xpos == pytest.approx((0.0, -0.3, 0.0), abs=POSITION_TOLERANCE)
    assert data.site("spawn_boundary1").xpos == pytest.approx((-0.125, 0.175, 0.0), abs=POSITION_TOLERANCE)
    for name, along_x in (("spawn_boundary0", 1.0), ("spawn_boundary1", 0.0)):
        assert 2 * model.site(name).size[:2] == pytest.approx((0.5, 0.2), abs=1e-6)
        assert abs(data.site(name).xmat[0]) == pytest.approx(along_x, abs=1e-6)
    assert model.numeric("placement_box").data == pytest.approx((-0.25, 0.25, -0.4, 0.425), abs=1e-3)


def test_task_description() -> None:
    task = TASKS.get(TASK)
    assert task.variation_count == 1
    assert task.graspable == (SPATULA,)
    assert task.success == (DetectedCondition("Cuboid", "success"), GraspedCondition(SPATULA))
    assert (task.manipulated, task.receiver) == ((SPATULA, "spatula_visual"), ("Cuboid",))
    assert task.base_rotation == (-3.14, 3.14)
    assert task.instructions(0) == (
        "scoop up the cube and lift it with the spatula",
        "scoop up the block and lift it with the spatula",
        "use the spatula to scoop the cube and lift it",
        "use the spatula to scoop the block and lift it",
        "pick up the cube using the spatula",
        "pick up the block using the spatula",
    )


def test_everything_lies_still_after_reset(environment: gymnasium.Env) -> None:
    observation, _ = environment.reset(seed=3)
    simulation = environment.unwrapped.simulation
    bodies = [simulation.scene.body(name) for name in (SPATULA, "Cuboid")]
    before = simulation.data.xpos[bodies].copy()
    assert min(c.dist for c in simulation.data.contact) > -1e-3
    for _ in range(10):
        environment.step(np.append(observation["joint_positions"], 1.0))
    assert np.abs(simulation.data.xpos[bodies] - before).max() < 5e-4


def test_the_blade_gets_under_the_cube_and_lifts_it(environment: gymnasium.Env) -> None:
    """The spatula is moved along its way of 20 cm and up by hand, without the arm: what is tested is blade against cube."""
    environment.reset(seed=3)
    simulation = environment.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    spatula, cube = simulation.scene.free[SPATULA], simulation.scene.free["Cuboid"]
    base = simulation.scene.base
    toward_cube = -data.xmat[base].reshape(3, 3)[:, 1]
    pose = data.qpos[spatula.qpos : spatula.qpos + 7].copy()
    start = data.qpos[cube.qpos : cube.qpos + 3].copy()
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
    moved = data.qpos[cube.qpos : cube.qpos + 3] - start
    assert moved[2] == pytest.approx(0.1265, abs=4e-3)
    # Dragged along for a part of the way, not pushed ahead of the edge, which ends 0.135 m beyond where it met the cube.
    assert 0.02 < moved @ toward_cube < 0.128


@pytest.mark.parametrize(("held", "rise", "expected"), [(True, 0.0005, True), (True, -0.0005, False), (False, 0.0005, False)])
def test_success_needs_the_cube_in_the_volume_and_the_spatula_in_hand(
    environment: gymnasium.Env, held: bool, rise: float, expected: bool
) -> None:
    environment.reset(seed=3)
    simulation = environment.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    assert not simulation.success()
    data.eq_active[simulation.scene.welds[SPATULA]] = held
    cube = simulation.scene.free["Cuboid"]
    data.qpos[cube.qpos : cube.qpos + 3] = data.site("success").xpos
    # The cube's upper face against the volume's lower one.
    data.qpos[cube.qpos + 2] += -0.025 - 0.01 + rise
    data.qpos[cube.qpos + 3 : cube.qpos + 7] = [1.0, 0.0, 0.0, 0.0]
    mujoco.mj_kinematics(model, data)
    assert simulation.success() is expected
