"""The rope: the original's chain and marks, how it slides and bends, and success from both sides."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import DetectedCondition
from tests.envs.tasks.episodes import assert_stays_at_rest, start
from tests.envs.tasks.recordings import needs_recordings, recorded_scene
from tests.envs.tasks.stored_scene import POSITION_TOLERANCE, TABLE_TOP, StoredScene

NAME = "straighten_rope"
PITCH = 0.0225

CHAIN = ("tail", *(f"Cylinder{number}" for number in range(16, 0, -1)), "head")
# Carrier, position [m] and orientation in the task base, flags.
WAYPOINTS = {
    "waypoint0": (NAME, (-0.047, 0.082, 0.000), (0.0, 1.0, 0.0, 0.0), "close_gripper()"),
    "waypoint1": (NAME, (-0.107, 0.179, 0.000), (-0.7071, 0.7071, 0.0, 0.0), "ignore_collisions; open_gripper()"),
    "waypoint2": (NAME, (-0.107, 0.179, 0.053), (-0.7071, 0.7071, 0.0, 0.0), "ignore_collisions"),
    "waypoint3": (NAME, (-0.149, -0.164, 0.060), (0.2164, 0.9763, 0.0, 0.0), ""),
    "waypoint4": (NAME, (-0.149, -0.164, 0.001), (0.2164, 0.9763, 0.0, 0.0), "close_gripper()"),
    "waypoint5": (NAME, (-0.131, -0.308, 0.001), (-0.6756, 0.7373, 0.0, 0.0), "open_gripper(); ignore_collisions"),
}


def _gaps(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """Distance [m] between the ends of neighbouring pieces that a joint holds together, (17,)."""
    ends = []
    for first, second in zip(CHAIN[:-1], CHAIN[1:], strict=True):
        a, b = data.body(first), data.body(second)
        below = a.xpos - PITCH / 2 * a.xmat.reshape(3, 3)[:, 2]
        above = b.xpos + PITCH / 2 * b.xmat.reshape(3, 3)[:, 2]
        ends.append(np.linalg.norm(below - above))
    return np.array(ends)


def test_the_chain_has_the_measures_of_the_original(scene: StoredScene) -> None:
    model, data = scene.model, scene.data
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


def test_the_rope_lies_on_the_table_in_the_stored_bend(scene: StoredScene) -> None:
    data = scene.data
    stored = {"tail": (-0.047, 0.083), "Cylinder16": (-0.070, 0.081), "Cylinder1": (-0.125, -0.173), "head": (-0.147, -0.166)}
    for name, xy in stored.items():
        assert data.body(name).xpos[:2] == pytest.approx(xy, abs=POSITION_TOLERANCE), name
    for name in CHAIN:
        assert data.body(name).xpos[2] == pytest.approx(TABLE_TOP + 0.005, abs=1e-4)
        assert data.body(name).xmat[8] == pytest.approx(0.0, abs=1e-4)


@needs_recordings
def test_the_bend_is_the_recorded_one(scene: StoredScene) -> None:
    recorded = recorded_scene(NAME)
    for name in CHAIN:
        # The original's joints give by up to 0.35 mm each.
        assert scene.data.body(name).xpos == pytest.approx(recorded.seen_from(NAME, name)[0], abs=2.5e-3), name


def test_waypoints(scene: StoredScene) -> None:
    scene.check_waypoints(WAYPOINTS)


def test_marks_volumes_and_areas(scene: StoredScene) -> None:
    model, data = scene.model, scene.data
    for mark, volume, y in (("head_tail", "success_tail", 0.095), ("head_target", "success_head", -0.293)):
        assert data.body(mark).xpos == pytest.approx((-0.127, y, 0.0), abs=POSITION_TOLERANCE)
        sheet = model.geom(f"{mark}_visual")
        assert 2 * sheet.size[:2] == pytest.approx((0.1, 0.05), abs=1e-6)
        assert data.geom(f"{mark}_visual").xpos[2] - sheet.size[2] == pytest.approx(TABLE_TOP, abs=1e-6)
        # 6 cm along the rope, 10 cm across, from the table up to 1.8 cm.
        scene.check_volumes({volume: (NAME, (-0.127, y, 0.008), (0.1, 0.06, 0.02))})
    scene.check_areas({"spawn_boundary0": ((0.15, -0.125, 0.0), (0.2, 0.5))}, (-0.177, 0.25, -0.375, 0.125))


def test_task(scene: StoredScene) -> None:
    task = scene.task
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


def test_the_rope_lies_still_after_a_reset(env: Any) -> None:
    start(env)
    assert_stays_at_rest(env, CHAIN, 1e-3)


def test_a_rope_pulled_at_its_ends_gets_straight_without_coming_apart(env: Any) -> None:
    """A pull at both ends that grows in two seconds to about twice what friction on the table can hold back."""
    start(env)
    simulation = env.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    along = data.xmat[simulation.scene.base].reshape(3, 3)[:, 1]
    head, tail = simulation.scene.body("head"), simulation.scene.body("tail")
    distance = np.linalg.norm(data.xpos[head] - data.xpos[tail])
    bodies = [simulation.scene.body(name) for name in CHAIN]
    fastest = 0.0
    for pull in np.linspace(0.0, 4.0, 1000):
        before = data.xpos[bodies].copy()
        data.xfrc_applied[tail, :3], data.xfrc_applied[head, :3] = pull * along, -pull * along
        mujoco.mj_step(model, data)
        fastest = max(fastest, float(np.linalg.norm(data.xpos[bodies] - before, axis=1).max()) / model.opt.timestep)
    data.xfrc_applied[:] = 0.0
    length = np.linalg.norm(data.xpos[head] - data.xpos[tail])
    assert distance < 0.30
    assert length == pytest.approx(17 * PITCH, abs=2e-3)
    assert _gaps(model, data).max() < 1e-6
    assert fastest < 1.5
    # It keeps lying on the table.
    heights = data.xpos[bodies, 2] - 0.75
    assert heights == pytest.approx(np.full(18, 0.005), abs=1e-3)


def test_a_rope_thrown_about_comes_to_rest(env: Any) -> None:
    start(env)
    simulation = env.unwrapped.simulation
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
def test_both_ends_must_reach_into_their_volumes(env: Any, head_shift: float, tail_shift: float, expected: bool) -> None:
    """Each end is put half a piece and half a volume beside the middle of its mark, a little more or a little less."""
    start(env)
    simulation = env.unwrapped.simulation
    model, data = simulation.scene.model, simulation.data
    base = data.xmat[simulation.scene.base].reshape(3, 3)
    for name, volume, shift in (("head", "success_head", -head_shift), ("tail", "success_tail", tail_shift)):
        geom = model.geom(f"{name}_collision").id
        data.geom_xpos[geom] = data.site(volume).xpos + base @ [0.0, shift, 0.0]
        # The piece lies along y of the task base.
        data.geom_xmat[geom] = (base @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])).ravel()
    assert simulation.success() is expected


def test_the_rest_of_the_rope_does_not_count(env: Any) -> None:
    """Pieces next to the tail lie in the tail's volume from the start; the tail itself does not."""
    start(env)
    simulation = env.unwrapped.simulation
    assert simulation.scene.solid["tail"] == (simulation.scene.model.geom("tail_collision").id,)
    assert simulation.scene.solid["head"] == (simulation.scene.model.geom("head_collision").id,)
