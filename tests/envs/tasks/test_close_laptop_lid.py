"""The laptop against an independent table of the original's measures, at rest, and just short of and just past closed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.envs.task import JointCondition
from hamster_bench.envs.tasks import TASKS, scene_xml
from hamster_bench.scenario import Scenario

TASK = "close_laptop_lid"
POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)

# Positions [m] in the task base frame.
BODIES = {"base": (-0.029, -0.093, 0.106), "lid": (-0.027, 0.061, 0.236), "laptop_holder": (-0.014, -0.074, 0.049)}
MASSES = {"base": 1.351, "lid": 0.0833, "laptop_holder": 12.0}
BOXES = {
    "base_collision": (0.34725, 0.253, 0.01538),
    "lid_collision": (0.34, 0.245, 0.001),
    "laptop_holder_collision": (0.4, 0.3, 0.1),
}
# Position and orientation (xyzw) in the task base frame.
WAYPOINTS = {
    "waypoint0": ((-0.039, 0.089, 0.352), (0.0, -0.9974, 0.0723, 0.0001)),
    "waypoint1/0": ((-0.039, 0.089, 0.352), (0.0, -0.9974, 0.0723, 0.0001)),
    "waypoint1/1": ((-0.039, 0.047, 0.3581), (0.0, -0.9996, 0.0288, 0.0001)),
    "waypoint1/2": ((-0.039, 0.0046, 0.3569), (0.0, -0.9983, -0.0585, 0.0)),
    "waypoint1/3": ((-0.039, -0.037, 0.3482), (0.0, -0.9894, -0.1453, 0.0001)),
    "waypoint1/4": ((-0.039, -0.0764, 0.3325), (0.0, -0.973, -0.231, 0.0001)),
    "waypoint1/5": ((-0.039, -0.1126, 0.3102), (0.0, -0.9491, -0.3149, -0.0001)),
    "waypoint1/6": ((-0.039, -0.1442, 0.282), (0.0, -0.9181, -0.3964, 0.0)),
    "waypoint1/7": ((-0.039, -0.1706, 0.2487), (0.0, -0.88, -0.4749, 0.0)),
    "waypoint1/8": ((-0.039, -0.1907, 0.2113), (0.0, -0.8353, -0.5498, 0.0)),
    "waypoint1/9": ((-0.039, -0.204, 0.171), (0.0001, -0.7842, -0.6205, 0.0001)),
    "waypoint1/10": ((-0.039, -0.2101, 0.129), (0.0, -0.7375, -0.6753, 0.0)),
    "waypoint2": ((-0.039, -0.2101, 0.129), (0.0, -0.7375, -0.6753, 0.0)),
    "waypoint3": ((-0.039, -0.2601, 0.129), (0.0, 0.7375, 0.6753, 0.0)),
}
FLAGS = {
    "waypoint0": "close_gripper()",
    "waypoint1": "path; ignore_collisions",
    "waypoint2": "open_gripper(0.1); ignore_collisions",
    "waypoint3": "ignore_collisions",
}


@pytest.fixture(scope="module")
def scene() -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get(TASK)))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


@pytest.fixture(scope="module")
def env() -> Iterator[Any]:
    made = gymnasium.make(f"hamster_bench/{TASK}-v0", cameras=(), action_mode="joint_position")
    yield made
    made.close()


class TestScene:
    def test_bodies_masses_and_sizes(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = scene
        for name, position in BODIES.items():
            assert data.body(name).xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name
        for name, mass in MASSES.items():
            assert float(model.body(name).mass[0]) == pytest.approx(mass, rel=1e-3), name
        for name, extents in BOXES.items():
            assert int(model.geom(name).type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX)
            assert 2 * model.geom(name).size == pytest.approx(extents, abs=1e-5), name

    def test_block_and_laptop_are_free(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, _ = scene
        free = [model.joint(j).name for j in range(model.njnt) if int(model.jnt_type[j]) == int(mujoco.mjtJoint.mjJNT_FREE)]
        assert sorted(free) == ["base", "laptop_holder"]
        assert model.body(model.body("lid").parentid[0]).name == "base"

    def test_hinge(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = scene
        assert model.joint("joint").range == pytest.approx((0.0, 1.8326), abs=1e-4)
        assert model.numeric("joint").data[0] == 0.0
        assert data.joint("joint").xanchor == pytest.approx((-0.030, 0.033, 0.115), abs=POSITION_TOLERANCE)
        assert data.joint("joint").xaxis == pytest.approx((1.0, 0.0, 0.0), abs=1e-4)
        assert float(model.joint("joint").frictionloss[0]) > 0.0

    def test_waypoints(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = scene
        names = {model.site(i).name for i in range(model.nsite)}
        assert {name for name in names if name.startswith("waypoint")} == set(WAYPOINTS)
        for name, (position, quat_xyzw) in WAYPOINTS.items():
            site = model.site(name)
            assert model.body(site.bodyid[0]).name == "base", name
            assert data.site_xpos[site.id] == pytest.approx(position, abs=POSITION_TOLERANCE), name
            quat_wxyz = np.empty(4)
            mujoco.mju_mat2Quat(quat_wxyz, data.site_xmat[site.id])
            cosine = abs(quat_wxyz[[1, 2, 3, 0]] @ np.array(quat_xyzw)) / np.linalg.norm(quat_xyzw)
            assert 2.0 * math.acos(min(1.0, float(cosine))) < ANGLE_TOLERANCE, name

    def test_flags(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, _ = scene
        found = {}
        for i in range(model.ntext):
            start = int(model.text_adr[i])
            raw = bytes(model.text_data[start : start + int(model.text_size[i])])
            found[mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_TEXT.value, i)] = raw.split(b"\0")[0].decode()
        assert found == FLAGS

    def test_areas(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = scene
        area = model.site("spawn_boundary0")
        assert data.site_xpos[area.id] == pytest.approx((0.0, 0.275, 0.0), abs=POSITION_TOLERANCE)
        assert 2 * area.size[:2] == pytest.approx((0.6, 0.3), abs=1e-6)
        assert model.numeric("placement_box").data == pytest.approx((-0.3, 0.3, -0.224, 0.425), abs=1e-3)

    def test_colour_targets_can_be_painted(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, _ = scene
        for name in ("base_visual", "lid_visual", "laptop_holder"):
            geom = model.geom(name)
            assert int(geom.group[0]) == 2
            assert int(geom.contype[0]) == int(geom.conaffinity[0]) == 0

    def test_task(self) -> None:
        task = TASKS.get(TASK)
        assert task.success == (JointCondition("joint", 1.79),)
        assert task.instructions(0) == ("close laptop lid", "close the laptop", "shut the laptop lid")
        assert (task.variation_count, task.graspable, task.base_rotation) == (1, (), (-3.14, 3.14))
        assert task.manipulated == ("base_visual", "lid_visual", "laptop_holder", "base")


class TestBehaviour:
    def test_the_open_laptop_stands_still(self, env: Any) -> None:
        observation, info = env.reset(options={"scenario": Scenario(task=TASK)})
        assert not info["is_success"]
        data = env.unwrapped.simulation.data
        before = data.xpos.copy()
        assert not [c for c in data.contact if c.dist < -1e-3]
        for _ in range(10):
            env.step(np.append(observation["joint_positions"], 1.0))
        moved = [np.linalg.norm(data.body(name).xpos - before[data.body(name).id]) for name in BODIES]
        assert max(moved) < 2e-3

    def test_the_screen_falls_shut_from_near_the_keys_and_rests_on_them_closed(self, env: Any) -> None:
        observation, _ = env.reset(options={"scenario": Scenario(task=TASK)})
        data = env.unwrapped.simulation.data
        data.joint("joint").qpos[0] = 1.4
        for _ in range(20):
            _, _, closed, _, _ = env.step(np.append(observation["joint_positions"], 1.0))
        assert closed
        assert float(data.joint("joint").qpos[0]) == pytest.approx(1.80, abs=6e-3)

    def test_the_screen_stays_where_it_is_left_near_the_vertical(self, env: Any) -> None:
        observation, _ = env.reset(options={"scenario": Scenario(task=TASK)})
        joint = env.unwrapped.simulation.data.joint("joint")
        joint.qpos[0] = 0.4
        for _ in range(20):
            env.step(np.append(observation["joint_positions"], 1.0))
        assert float(joint.qpos[0]) == pytest.approx(0.4, abs=0.02)

    @pytest.mark.parametrize(("angle", "closed"), [(1.785, False), (1.795, True)])
    def test_closed_begins_at_1_79_radians(self, env: Any, angle: float, closed: bool) -> None:
        env.reset(options={"scenario": Scenario(task=TASK)})
        env.unwrapped.simulation.data.joint("joint").qpos[0] = angle
        assert env.unwrapped.simulation.success() is closed

    def test_the_expert_closes_it_without_shoving_it_about(self, env: Any) -> None:
        scenario = Scenario(task=TASK, episode=1)
        observation, info = env.reset(options={"scenario": scenario})
        data = env.unwrapped.simulation.data
        before = {name: data.body(name).xpos.copy() for name in ("base", "laptop_holder")}
        expert = make_agent("expert")
        expert.reset(
            EpisodeContext(
                scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=env.unwrapped.oracle
            )
        )
        for _ in range(250):
            observation, _, done, _, _ = env.step(expert.act(observation))
            if done:
                break
        assert done
        assert np.linalg.norm(data.body("base").xpos - before["base"]) < 5e-3
        assert np.linalg.norm(data.body("laptop_holder").xpos - before["laptop_holder"]) < 1e-3

    def test_a_gripper_that_leaves_without_opening_slides_off_the_screen(self, env: Any) -> None:
        scenario = Scenario(task=TASK, episode=1)
        env.reset(options={"scenario": scenario})
        oracle = env.unwrapped.oracle
        data = env.unwrapped.simulation.data
        before = data.body("base").xpos.copy()
        opening = 1.0
        for index in range(4):
            for target in oracle.plan(oracle.waypoint(index)):
                env.step(np.append(target, opening))
                arm = target
            opening = 0.0
            for _ in range(8):
                _, _, closed, _, _ = env.step(np.append(arm, opening))
        assert closed
        assert np.linalg.norm(data.body("base").xpos - before) < 0.01
