"""The rope: the original's chain and marks, how it slides and bends, and success from both sides."""

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
from hamster_bench.envs.task import DetectedCondition
from hamster_bench.envs.tasks import TASKS, scene_xml

TASK = "straighten_rope"
TABLE_TOP = -0.002
PITCH = 0.0225
POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)
RECORDING = Path(__file__).resolve().parents[3].parent / "shared" / "parity" / "rlbench_demos" / f"{TASK}.npz"

CHAIN = ("tail", *(f"Cylinder{number}" for number in range(16, 0, -1)), "head")
# Position [m] and orientation in the task base, flags; all ride on the base.
WAYPOINTS = {
    "waypoint0": ((-0.047, 0.082, 0.000), (0.0, 1.0, 0.0, 0.0), "close_gripper()"),
    "waypoint1": ((-0.107, 0.179, 0.000), (-0.7071, 0.7071, 0.0, 0.0), "ignore_collisions; open_gripper()"),
    "waypoint2": ((-0.107, 0.179, 0.053), (-0.7071, 0.7071, 0.0, 0.0), "ignore_collisions"),
    "waypoint3": ((-0.149, -0.164, 0.060), (0.2164, 0.9763, 0.0, 0.0), ""),
    "waypoint4": ((-0.149, -0.164, 0.001), (0.2164, 0.9763, 0.0, 0.0), "close_gripper()"),
    "waypoint5": ((-0.131, -0.308, 0.001), (-0.6756, 0.7373, 0.0, 0.0), "open_gripper(); ignore_collisions"),
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


def _gaps(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """Distance [m] between the ends of neighbouring pieces that a joint holds together, (17,)."""
    ends = []
    for first, second in zip(CHAIN[:-1], CHAIN[1:], strict=True):
        a, b = data.body(first), data.body(second)
        below = a.xpos - PITCH / 2 * a.xmat.reshape(3, 3)[:, 2]
        above = b.xpos + PITCH / 2 * b.xmat.reshape(3, 3)[:, 2]
        ends.append(np.linalg.norm(below - above))
    return np.array(ends)


def test_the_chain_has_the_measures_of_the_original(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    for name in CHAIN:
        geom = model.geom(f"{name}_collision")
        # A capsule that fills the cylinder's diameter of 10 mm and length of 20 mm.
        assert int(geom.type[0]) == int(mujoco.mjtGeom.mjGEOM_CAPSULE)
        assert 2 * geom.size[0] == pytest.approx(0.01, abs=1e-9)
        assert 2 * (geom.size[0] + geom.size[1]) == pytest.approx(0.02, abs=1e-9)
        assert float(model.body(name).mass[0]) == pytest.approx(0.001571 if name == "tail" else 0.02513, rel=1e-3)
    joints = {model.joint(j).name: int(model.jnt_type[j]) for j in range(model.njnt)}
    balls = {name for name, kind in joints.items() if kind == int(mujoco.mjtJoint.mjJNT_BALL)}
    assert balls == {f"Joint{number}" for number in range(17)}
    assert len(joints) == 18
    for number in range(17):
        # Joint16 is at the tail, Joint0 at the head.
        first, second = CHAIN[16 - number], CHAIN[17 - number]
        anchor = data.joint(f"Joint{number}").xanchor
        for name, side in ((first, -1.0), (second, 1.0)):
            body = data.body(name)
            end = body.xpos + side * PITCH / 2 * body.xmat.reshape(3, 3)[:, 2]
            assert anchor == pytest.approx(end, abs=1e-5), (number, name)


def test_the_rope_lies_on_the_table_in_the_stored_bend(data: mujoco.MjData) -> None:
    stored = {"tail": (-0.047, 0.083), "Cylinder16": (-0.070, 0.081), "Cylinder1": (-0.125, -0.173), "head": (-0.147, -0.166)}
    for name, xy in stored.items():
        assert data.body(name).xpos[:2] == pytest.approx(xy, abs=POSITION_TOLERANCE), name
    for name in CHAIN:
        assert data.body(name).xpos[2] == pytest.approx(TABLE_TOP + 0.005, abs=1e-4)
        assert data.body(name).xmat[8] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.skipif(not RECORDING.exists(), reason="the recordings ../shared/parity are not here")
def test_the_bend_is_the_recorded_one(data: mujoco.MjData) -> None:
    with np.load(RECORDING, allow_pickle=False) as recording:
        episode = json.loads(bytes(recording["meta_json"]).decode())["episodes"][0]
        poses = dict(zip(episode["object_names"], recording[f"{episode['key']}.object_poses"].astype(float), strict=True))
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, poses[TASK][[6, 3, 4, 5]])
    for name in CHAIN:
        recorded = flat.reshape(3, 3).T @ (poses[name][:3] - poses[TASK][:3])
        # The original's joints give by up to 0.35 mm each.
        assert data.body(name).xpos == pytest.approx(recorded, abs=2.5e-3), name


def test_waypoints(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    sites = {model.site(i).name for i in range(model.nsite)}
    assert {name for name in sites if name.startswith("waypoint")} == set(WAYPOINTS)
    for name, (position, quat_xyzw, flags) in WAYPOINTS.items():
        site = data.site(name)
        assert site.xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name
        quat_wxyz = np.empty(4)
        mujoco.mju_mat2Quat(quat_wxyz, site.xmat)
        wanted = np.array(quat_xyzw) / np.linalg.norm(quat_xyzw)
        assert 2 * math.acos(min(1.0, abs(quat_wxyz[[1, 2, 3, 0]] @ wanted))) < ANGLE_TOLERANCE, name
        assert model.body(int(model.site(name).bodyid[0])).name == TASK, name
        assert _text(model, name) == flags, name


def test_marks_volumes_area_and_placement_box(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    for mark, volume, y in (("head_tail", "success_tail", 0.095), ("head_target", "success_head", -0.293)):
        assert data.body(mark).xpos == pytest.approx((-0.127, y, 0.0), abs=POSITION_TOLERANCE)
        sheet = model.geom(f"{mark}_visual")
        assert 2 * sheet.size[:2] == pytest.approx((0.1, 0.05), abs=1e-6)
        assert data.geom(f"{mark}_visual").xpos[2] - sheet.size[2] == pytest.approx(TABLE_TOP, abs=1e-6)
        # 6 cm along the rope, 10 cm across, from the table up to 1.8 cm.
        assert data.site(volume).xpos == pytest.approx((-0.127, y, 0.008), abs=POSITION_TOLERANCE)
        assert 2 * model.site(volume).size == pytest.approx((0.1, 0.06, 0.02), abs=1e-6)
    assert data.site("spawn_boundary0").xpos == pytest.approx((0.15, -0.125, 0.0), abs=POSITION_TOLERANCE)
    assert 2 * model.site("spawn_boundary0").size[:2] == pytest.approx((0.2, 0.5), abs=1e-6)
    assert model.numeric("placement_box").data == pytest.approx((-0.177, 0.25, -0.375, 0.125), abs=1e-3)


def test_task_description() -> None:
    task = TASKS.get(TASK)
    assert task.variation_count == 1
    assert task.graspable == ()
    assert task.success == (DetectedCondition("head", "success_head"), DetectedCondition("tail", "success_tail"))
    assert set(task.manipulated) == {"head_tail", "head_target", *CHAIN[1:-1]}
    assert task.receiver == ()
    assert task.base_rotation == (-3.14, 3.14)
    assert task.instructions(0) == (
        "straighten rope",
        "pull the rope straight",
        "grasping each end of the rope in turn, leave the rope straight on the table",
        "pull each end of the rope until is is straight",
        "tighten the rope",
        "pull the rope tight",
    )


def test_the_rope_lies_still_after_reset(environment: gymnasium.Env) -> None:
    observation, info = environment.reset(seed=2)
    assert not info["is_success"]
    simulation = environment.unwrapped.simulation
    bodies = [simulation.scene.body(name) for name in CHAIN]
    before = simulation.data.xpos[bodies].copy()
    assert min(c.dist for c in simulation.data.contact) > -1e-3
    for _ in range(10):
        environment.step(np.append(observation["joint_positions"], 1.0))
    assert np.abs(simulation.data.xpos[bodies] - before).max() < 5e-4


def test_a_rope_pulled_at_its_ends_gets_straight_without_coming_apart(environment: gymnasium.Env) -> None:
    """A pull at both ends that grows in two seconds to about twice what friction on the table can hold back."""
    environment.reset(seed=2)
    simulation = environment.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    along = data.xmat[simulation.scene.base].reshape(3, 3)[:, 1]
    head, tail = simulation.scene.body("head"), simulation.scene.body("tail")
    start = np.linalg.norm(data.xpos[head] - data.xpos[tail])
    bodies = [simulation.scene.body(name) for name in CHAIN]
    fastest = 0.0
    for pull in np.linspace(0.0, 4.0, 1000):
        before = data.xpos[bodies].copy()
        data.xfrc_applied[tail, :3], data.xfrc_applied[head, :3] = pull * along, -pull * along
        mujoco.mj_step(model, data)
        fastest = max(fastest, float(np.linalg.norm(data.xpos[bodies] - before, axis=1).max()) / model.opt.timestep)
    data.xfrc_applied[:] = 0.0
    length = np.linalg.norm(data.xpos[head] - data.xpos[tail])
    assert start < 0.30
    assert length == pytest.approx(17 * PITCH, abs=2e-3)
    assert _gaps(model, data).max() < 1e-6
    assert fastest < 1.5
    # It keeps lying on the table.
    heights = data.xpos[bodies, 2] - 0.75
    assert heights == pytest.approx(np.full(18, 0.005), abs=1e-3)


def test_a_rope_thrown_about_comes_to_rest(environment: gymnasium.Env) -> None:
    environment.reset(seed=2)
    simulation = environment.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    root = next(iter(simulation.scene.free.values()))
    data.qvel[root.qvel : root.qvel + 6] = [0.3, -0.2, 1.5, 6.0, -4.0, 3.0]
    for _ in range(1000):
        mujoco.mj_step(model, data)
        assert np.isfinite(data.qpos).all()
    assert _gaps(model, data).max() < 1e-6
    speeds = [np.abs(data.cvel[simulation.scene.body(name)]).max() for name in CHAIN]
    assert max(speeds) < 0.05


@pytest.mark.parametrize(
    ("head_shift", "tail_shift", "expected"),
    [(0.0, 0.0, True), (0.0405, 0.0, False), (0.0395, 0.0, True), (0.0, 0.0405, False), (0.0, 0.0395, True)],
)
def test_both_ends_must_reach_into_their_volumes(
    environment: gymnasium.Env, head_shift: float, tail_shift: float, expected: bool
) -> None:
    """Each end is put half a piece and half a volume beside the middle of its mark, a little more or a little less."""
    environment.reset(seed=2)
    simulation = environment.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    base = data.xmat[simulation.scene.base].reshape(3, 3)
    for name, volume, shift in (("head", "success_head", -head_shift), ("tail", "success_tail", tail_shift)):
        geom = model.geom(f"{name}_collision").id
        data.geom_xpos[geom] = data.site(volume).xpos + base @ [0.0, shift, 0.0]
        # The piece lies along y of the task base.
        data.geom_xmat[geom] = (base @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])).ravel()
    assert simulation.success() is expected


def test_the_rest_of_the_rope_does_not_count(environment: gymnasium.Env) -> None:
    """Pieces next to the tail lie in the tail's volume from the start; the tail itself does not."""
    environment.reset(seed=2)
    simulation = environment.unwrapped.simulation
    assert simulation.scene.solid["tail"] == (simulation.scene.model.geom("tail_collision").id,)
    assert simulation.scene.solid["head"] == (simulation.scene.model.geom("head_collision").id,)
