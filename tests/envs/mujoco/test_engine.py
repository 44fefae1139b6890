"""The engine's parts: gripping, planning, placing, and that nothing depends on the host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

import hamster_bench  # noqa: F401
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.envs.contract import JOINT_LOWER, JOINT_UPPER
from hamster_bench.envs.mujoco.kinematics import START_JOINTS, make_arm
from hamster_bench.envs.mujoco.layout import PLANE_CENTRE, PLANE_HALF_SIZE, draw_base_pose
from hamster_bench.envs.mujoco.planning import line_through, make_self_collision_checker, plan_to_pose, retime
from hamster_bench.envs.mujoco.scene import load_scene
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import PlanningError
from hamster_bench.geometry import quat_xyzw_from_axis_angle, quat_xyzw_multiply, rotation_angle
from hamster_bench.scenario import Scenario

DOWN = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def arm() -> Any:
    return make_arm()


@pytest.fixture(scope="module")
def ring_env() -> Iterator[Any]:
    env = gymnasium.make("hamster_bench/insert_onto_square_peg-v0", cameras=(), action_mode="keypose")
    yield env.unwrapped
    env.close()


def free(joints: np.ndarray) -> bool:
    """Nothing is in the way."""
    return False


def table_top_poses(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    poses = []
    for _ in range(count):
        turn = quat_xyzw_from_axis_angle((0.0, 0.0, 1.0), rng.uniform(-np.pi, np.pi))
        position = rng.uniform([0.1, -0.35, 0.77], [0.45, 0.35, 1.1])
        poses.append(np.concatenate([position, quat_xyzw_multiply(turn, DOWN)]))
    return poses


def test_inverse_kinematics_reaches_the_table_top(arm: Any) -> None:
    reached = 0
    for pose in table_top_poses(60):
        for joints in arm.solutions(pose, START_JOINTS, wanted=3):
            reached += 1
            got = arm.tip_pose(joints)
            np.testing.assert_allclose(got[:3], pose[:3], atol=2e-4)
            assert rotation_angle(got[3:], pose[3:]) < 2e-3
            assert (joints >= JOINT_LOWER).all()
            assert (joints <= JOINT_UPPER).all()
    assert reached > 150


def test_what_is_out_of_reach_has_no_solution(arm: Any) -> None:
    assert not arm.reachable(np.array([0.77, 0.65, 1.75, *DOWN]))
    with pytest.raises(PlanningError) as error:
        plan_to_pose(arm, START_JOINTS, np.array([0.77, 0.65, 1.75, *DOWN]), free, np.random.default_rng(0))
    assert error.value.reason == "ik_unreachable"


def test_a_straight_line_is_straight(arm: Any) -> None:
    start = plan_to_pose(arm, START_JOINTS, np.array([0.3, -0.1, 0.9, *DOWN]), free, np.random.default_rng(0))[-1]
    target = np.array([0.35, 0.2, 0.8, *DOWN])
    path = line_through(arm, start, target[None])
    assert path is not None
    targets = retime(arm, path)
    tips = arm.tip_positions(targets)
    direction = (target[:3] - [0.3, -0.1, 0.9]) / np.linalg.norm(target[:3] - [0.3, -0.1, 0.9])
    off = (tips - [0.3, -0.1, 0.9]) - np.outer((tips - [0.3, -0.1, 0.9]) @ direction, direction)
    assert np.linalg.norm(off, axis=1).max() < 2e-3
    speeds = np.diff(np.vstack([start, targets]), axis=0) * 20.0
    assert np.abs(speeds).max() < 1.05


def test_a_wall_is_gone_round_or_the_motion_refused(ring_env: Any) -> None:
    ring_env.reset(seed=1)
    simulation = ring_env.simulation
    pillar = simulation.data.xpos[simulation.scene.body("pillar1")]
    inside = np.array([*pillar, *DOWN])
    with pytest.raises(PlanningError) as error:
        simulation.plan_to(inside, ignore_collisions=False)
    assert error.value.reason == "path_not_found"
    assert len(simulation.plan_to(inside, ignore_collisions=True)) > 0


def grasp_ring(env: Any, episode: int) -> dict[str, Any]:
    env.reset(options={"scenario": Scenario(task="insert_onto_square_peg", episode=episode)})
    observation: dict[str, Any] = {}
    for index in range(3):
        waypoint = env.oracle.waypoint(index)
        opening = 1.0 if index == 0 else 0.0
        observation, *_, info = env.step(np.concatenate([waypoint.poses[0], [opening, 1.0]]))
        assert info["failure"] is None
    return observation


def test_closing_on_a_graspable_object_attaches_it_and_opening_releases_it(ring_env: Any) -> None:
    observation = grasp_ring(ring_env, 0)
    simulation = ring_env.simulation
    ring = simulation.scene.body("square_ring")
    assert simulation.grasping.grasped() == ("square_ring",)
    assert simulation.data.xpos[ring][2] > 0.9
    assert observation["gripper_open"] == [0.0]
    action = np.concatenate([observation["gripper_pose"], [1.0, 1.0]])
    ring_env.step(action)
    assert simulation.grasping.grasped() == ()
    assert simulation.data.xpos[ring][2] < 0.85


def test_closing_on_nothing_attaches_nothing(ring_env: Any) -> None:
    ring_env.reset(seed=0)
    ring_env.step(np.array([0.3, 0.0, 1.1, *DOWN, 0.0, 1.0]))
    assert ring_env.simulation.grasping.grasped() == ()


def test_friction_alone_can_hold_too() -> None:
    env: Any = gymnasium.make("hamster_bench/insert_onto_square_peg-v0", cameras=(), grasp="friction").unwrapped
    grasp_ring(env, 0)
    simulation = env.simulation
    assert not simulation.data.eq_active[simulation.scene.welds["square_ring"]]
    assert simulation.grasping.grasped() == ("square_ring",)
    assert simulation.data.xpos[simulation.scene.body("square_ring")][2] > 0.9
    env.close()


@pytest.mark.parametrize("task", TASKS.names())
def test_task_bases_are_placed_by_rlbenchs_rule(task: str) -> None:
    scene = load_scene(TASKS.get(task))
    rng = np.random.default_rng(0)
    poses = [pose for _ in range(3000) if (pose := draw_base_pose(scene, rng)) is not None]
    assert len(poses) > 20
    min_x, max_x, min_y, max_y = scene.placement_box
    corners = np.array([[min_x, min_y], [min_x, max_y], [max_x, min_y], [max_x, max_y]])
    for pose in poses:
        yaw = 2.0 * np.arctan2(pose[5], pose[6])
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        world = corners @ turn.T + pose[:2]
        assert (np.abs(world - PLANE_CENTRE[:2]) <= PLANE_HALF_SIZE + 1e-9).all()
        assert pose[2] == 0.752


_EPISODES = """
import sys, hashlib, numpy as np, gymnasium, hamster_bench
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.errors import AgentStopped
from hamster_bench.scenario import Scenario
for task in sys.argv[1].split(","):
    env = gymnasium.make(f"hamster_bench/{task}-v0", cameras=(), action_mode="joint_position")
    agent = make_agent("expert")
    for episode in range(int(sys.argv[2])):
        scenario = Scenario(task=task, episode=episode)
        observation, info = env.reset(options={"scenario": scenario})
        start = env.unwrapped.state().tobytes()
        agent.reset(EpisodeContext(scenario=scenario, instruction="", rng=scenario.rng("agent"), oracle=env.unwrapped.oracle))
        done = False
        while not done:
            try:
                observation, _, done, _, info = env.step(agent.act(observation))
            except AgentStopped:
                break
        end = env.unwrapped.state().tobytes()
        print(scenario.id, hashlib.sha256(start).hexdigest(), hashlib.sha256(end).hexdigest(), info["is_success"])
    env.close()
"""
_BUSY = "while True: pass"


def test_twenty_episodes_are_bit_equal_in_two_processes_one_of_them_on_a_busy_machine() -> None:
    arguments = [sys.executable, "-c", _EPISODES, "slide_block_to_target,close_box,insert_onto_square_peg,stack_cups", "5"]
    quiet = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    load = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(3)]
    try:
        busy = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert len(quiet.splitlines()) == 20
    assert quiet == busy


def test_the_expert_moves_objects_without_throwing_them() -> None:
    env: Any = gymnasium.make("hamster_bench/stack_cups-v0", cameras=(), action_mode="joint_position").unwrapped
    scenario = Scenario(task="stack_cups", variation=4, episode=11)
    observation, info = env.reset(options={"scenario": scenario})
    agent = make_agent("expert")
    agent.reset(EpisodeContext(scenario=scenario, instruction="", rng=scenario.rng("agent"), oracle=env.oracle))
    fastest = 0.0
    success = False
    while not success:
        observation, _, success, _, info = env.step(agent.act(observation))
        for free in env.simulation.scene.free.values():
            fastest = max(fastest, float(np.linalg.norm(env.simulation.data.qvel[free.qvel : free.qvel + 3])))
    assert info["is_success"]
    assert fastest < 2.0
    env.close()


def test_an_arm_folded_into_itself_is_a_collision_even_where_the_scene_is_ignored(arm: Any) -> None:
    collides = make_self_collision_checker().at(START_JOINTS)
    assert not collides(START_JOINTS)
    folded = START_JOINTS.copy()
    folded[[1, 3]] = 0.0, -3.07
    assert collides(folded)
    with pytest.raises(PlanningError) as error:
        plan_to_pose(arm, START_JOINTS, arm.tip_pose(START_JOINTS + 0.3), lambda joints: True, np.random.default_rng(0))
    assert error.value.reason == "path_not_found"
