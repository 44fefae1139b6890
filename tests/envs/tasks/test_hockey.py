"""Stick, ball and goal against an independent table of the original's measures, at rest, and on either side of a goal scored."""

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
from hamster_bench.envs.task import DetectedCondition, GraspedCondition
from hamster_bench.envs.tasks import TASKS, scene_xml
from hamster_bench.scenario import Scenario

TASK = "hockey"
POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)
FRONT_OF_VOLUME = -0.1156

# Positions [m] in the task base frame, at the stored layout.
BODIES = {"hockey_goal": (0.003, -0.161, 0.059), "hockey_stick": (-0.001, -0.096, 0.083), "hockey_ball": (-0.008, 0.188, 0.014)}
MASSES = {"hockey_stick": 0.005502, "hockey_ball": 0.1}
# Carrying body, position and orientation (xyzw) in the task base frame.
WAYPOINTS = {
    "waypoint0": ("hockey_stick", (-0.0643, -0.1581, 0.207), (-0.0102, 0.9763, 0.2164, 0.0022)),
    "waypoint1": ("hockey_stick", (-0.0643, -0.1455, 0.1801), (-0.0102, 0.9763, 0.2164, 0.0022)),
    "waypoint2": ("hockey_stick", (-0.0643, -0.0496, 0.2217), (0.0105, -0.9999, 0.0, 0.0)),
    "waypoint3": ("hockey_goal", (0.117, 0.2276, 0.2532), (-0.9999, -0.0105, 0.0, 0.0)),
    "waypoint4/0": ("hockey_goal", (0.118, 0.2588, 0.2144), (-0.9659, -0.0101, 0.0027, 0.2588)),
    "waypoint4/1": ("hockey_goal", (0.1166, 0.2276, 0.2033), (0.9999, 0.0105, 0.0, 0.0)),
    "waypoint4/2": ("hockey_goal", (0.1172, 0.2038, 0.2045), (0.9961, 0.0105, 0.0009, 0.0872)),
    "waypoint4/3": ("hockey_goal", (0.1175, 0.1831, 0.2095), (0.9848, 0.0099, -0.0005, 0.1737)),
}
FLAGS = {
    "waypoint0": "open_gripper()",
    "waypoint1": "close_gripper()",
    "waypoint2": "ignore_collisions",
    "waypoint4": "path; ignore_collisions",
}
INSTRUCTIONS = (
    "hit the ball into the net",
    "use the stick to push the hockey ball into the goal",
    "pick up the hockey stick, then swing at the ball in the direction of the net",
    "score a hockey goal",
    "grasping one end of the hockey stick, swing it such that the other end collides with the ball such that the ball goes into the goal",
)


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


def _extent(model: mujoco.MjModel, geoms: list[str]) -> np.ndarray:
    """Lowest and highest coordinates (2, 3) of box geoms in the frame of their body."""
    corners = []
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    for name in geoms:
        geom = model.geom(name)
        turned = np.empty(9)
        mujoco.mju_quat2Mat(turned, geom.quat)
        corners.append((signs * geom.size) @ turned.reshape(3, 3).T + geom.pos)
    points = np.concatenate(corners)
    return np.array([points.min(axis=0), points.max(axis=0)])


class TestScene:
    def test_bodies_and_masses(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = scene
        for name, position in BODIES.items():
            assert data.body(name).xpos == pytest.approx(position, abs=POSITION_TOLERANCE + 1e-9), name
        for name, mass in MASSES.items():
            assert float(model.body(name).mass[0]) == pytest.approx(mass, rel=1e-3), name

    def test_stick_and_ball_are_free_and_the_goal_is_fixed(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, _ = scene
        assert sorted(model.joint(j).name for j in range(model.njnt)) == ["hockey_ball", "hockey_stick"]
        assert model.body(model.body("hockey_goal").parentid[0]).name == TASK

    def test_ball(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, _ = scene
        ball = model.geom("hockey_ball")
        assert int(ball.type[0]) == int(mujoco.mjtGeom.mjGEOM_SPHERE)
        assert 2 * float(ball.size[0]) == pytest.approx(0.028, abs=1e-6)

    def test_the_stick_fills_its_recorded_box(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, _ = scene
        recorded = np.array([[-0.00244, -0.02757, -0.13089], [0.00244, 0.02757, 0.13089]])
        assert _extent(model, ["hockey_stick_shaft", "hockey_stick_blade"]) == pytest.approx(recorded, abs=1.5e-3)
        geom = model.geom("hockey_stick")
        mesh = int(model.geom_dataid[geom.id])
        start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        turned = np.empty(9)
        mujoco.mju_quat2Mat(turned, geom.quat)
        seen = model.mesh_vert[start : start + count] @ turned.reshape(3, 3).T + geom.pos
        assert np.array([seen.min(axis=0), seen.max(axis=0)]) == pytest.approx(recorded, abs=4e-3)

    def test_the_goal_has_seven_solid_parts_inside_the_originals_outline(
        self, scene: tuple[mujoco.MjModel, mujoco.MjData]
    ) -> None:
        model, data = scene
        goal = model.body("hockey_goal").id
        solid = [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) == goal and int(model.geom_contype[g])]
        assert len(solid) == 7
        for geom in solid:
            half = np.abs(data.geom_xmat[geom].reshape(3, 3)) @ model.geom_aabb[geom, 3:]
            low, high = data.geom_xpos[geom] - half, data.geom_xpos[geom] + half
            assert (low > np.array([-0.0984, -0.2211, -0.0031]) - 2e-3).all()
            assert (high < np.array([0.1105, -0.1005, 0.1209]) + 2e-3).all()

    def test_waypoints(self, scene: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
        model, data = scene
        names = {model.site(i).name for i in range(model.nsite)}
        assert {name for name in names if name.startswith("waypoint")} == set(WAYPOINTS)
        for name, (body, position, quat_xyzw) in WAYPOINTS.items():
            site = model.site(name)
            assert model.body(site.bodyid[0]).name == body, name
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
        assert data.site_xpos[area.id] == pytest.approx((0.0, 0.35, 0.0), abs=POSITION_TOLERANCE)
        assert 2 * area.size[:2] == pytest.approx((0.4, 0.2), abs=1e-6)
        assert model.numeric("placement_box").data == pytest.approx((-0.2, 0.2, -0.221, 0.45), abs=1e-3)

    def test_task(self) -> None:
        task = TASKS.get(TASK)
        assert task.success == (DetectedCondition("hockey_ball", "success"), GraspedCondition("hockey_stick"))
        assert task.instructions(0) == INSTRUCTIONS
        assert (task.variation_count, task.graspable, task.base_rotation) == (1, ("hockey_stick",), (-3.14, 3.14))
        assert (task.manipulated, task.receiver) == (("hockey_stick",), ("hockey_ball",))


def _in_base(env: Any, point_base: tuple[float, float, float]) -> np.ndarray:
    """World position of a point given in the task base frame."""
    base = env.unwrapped.simulation.data.body(TASK)
    return np.asarray(base.xpos + base.xmat.reshape(3, 3) @ np.array(point_base))


def _put_ball(env: Any, point_base: tuple[float, float, float]) -> None:
    simulation = env.unwrapped.simulation
    simulation.data.joint("hockey_ball").qpos[:3] = _in_base(env, point_base)
    mujoco.mj_kinematics(simulation.scene.model, simulation.data)


def _run_expert(env: Any, scenario: Scenario, steps: int = 300) -> bool:
    observation, info = env.reset(options={"scenario": scenario})
    expert = make_agent("expert")
    expert.reset(
        EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=env.unwrapped.oracle)
    )
    for _ in range(steps):
        observation, _, done, _, _ = env.step(expert.act(observation))
        if done:
            return True
    return False


class TestBehaviour:
    def test_the_volume_fills_the_mouth_of_the_goal(self, env: Any) -> None:
        env.reset(options={"scenario": Scenario(task=TASK)})
        simulation = env.unwrapped.simulation
        data = simulation.data
        volume = simulation.scene.volumes["success"]
        base = data.body(TASK)
        centre = base.xmat.reshape(3, 3).T @ (data.geom_xpos[volume] - base.xpos)
        assert centre == pytest.approx((0.0054, -0.1436, 0.0568), abs=POSITION_TOLERANCE)
        axes = base.xmat.reshape(3, 3).T @ data.geom_xmat[volume].reshape(3, 3)
        full = 2 * np.abs(axes) @ simulation.scene.model.geom_size[volume]
        # Turned by 1.2 degrees about z, so the box is a little wider along the axes of the base.
        assert full == pytest.approx((0.168, 0.056, 0.112), abs=4e-3)
        assert 2 * np.sort(simulation.scene.model.geom_size[volume]) == pytest.approx((0.056, 0.112, 0.168), abs=1e-6)

    def test_everything_stands_still_after_the_reset(self, env: Any) -> None:
        observation, info = env.reset(options={"scenario": Scenario(task=TASK)})
        assert not info["is_success"]
        data = env.unwrapped.simulation.data
        before = data.xpos.copy()
        assert not [c for c in data.contact if c.dist < -1e-3]
        for _ in range(10):
            env.step(np.append(observation["joint_positions"], 1.0))
        assert max(np.linalg.norm(data.body(name).xpos - before[data.body(name).id]) for name in BODIES) < 2e-3

    def test_the_stick_leans_on_the_crossbar_as_in_the_recordings(self, env: Any) -> None:
        env.reset(options={"scenario": Scenario(task=TASK)})
        data = env.unwrapped.simulation.data
        assert data.body("hockey_stick").xpos == pytest.approx(_in_base(env, (-0.0015, -0.0958, 0.0814)), abs=1e-3)
        touching = {frozenset(env.unwrapped.simulation.scene.model.geom(int(g)).name for g in c.geom) for c in data.contact}
        assert frozenset({"hockey_stick_shaft", "hockey_goal_bar"}) in touching
        assert frozenset({"hockey_stick_blade", "diningTable"}) in touching

    def test_a_ball_in_the_goal_counts_only_while_the_stick_is_held(self, env: Any) -> None:
        simulation = env.unwrapped.simulation
        env.reset(options={"scenario": Scenario(task=TASK)})
        _put_ball(env, (0.0, -0.14, 0.012))
        assert not simulation.success()

        assert _run_expert(env, Scenario(task=TASK))
        assert simulation.grasping.grasped() == ("hockey_stick",)
        radius = 0.014
        _put_ball(env, (0.0, FRONT_OF_VOLUME + radius + 1.5e-3, 0.012))
        assert not simulation.success()
        _put_ball(env, (0.0, FRONT_OF_VOLUME + radius - 1.5e-3, 0.012))
        assert simulation.success()
        simulation.grasping.open()
        assert not simulation.success()

    @pytest.mark.parametrize("episode", [3, 142])
    def test_the_swing_scores(self, env: Any, episode: int) -> None:
        assert _run_expert(env, Scenario(task=TASK, episode=episode))

    def test_the_ball_does_not_roll_through_the_net(self, env: Any) -> None:
        observation, _ = env.reset(options={"scenario": Scenario(task=TASK)})
        data = env.unwrapped.simulation.data
        _put_ball(env, (0.0, -0.10, 0.012))
        data.joint("hockey_ball").qvel[:3] = data.body(TASK).xmat.reshape(3, 3) @ np.array([0.1, -1.0, 0.0])
        for _ in range(20):
            env.step(np.append(observation["joint_positions"], 1.0))
        base = data.body(TASK)
        x, y, _ = base.xmat.reshape(3, 3).T @ (data.body("hockey_ball").xpos - base.xpos)
        assert -0.081 < x < 0.094
        assert -0.205 < y < -0.10
