"""Stages of the tasks: what they are, and that they are reached as episodes go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.envs.stages import share_reached, task_stages
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import AgentStopped, SimulatorFaultError
from hamster_bench.scenario import Scenario


def playing(task: str, agent_name: str, scenario: Scenario, steps: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The environment and its info after the reset and after every action."""
    agent = make_agent(agent_name)
    env = gymnasium.make(f"hamster_bench/{task}-v0", cameras=(), action_mode=agent.action_mode, disable_env_checker=True)
    observation, info = env.reset(options={"scenario": scenario})
    yield env, info
    oracle = env.unwrapped.oracle  # type: ignore[attr-defined]
    agent.reset(EpisodeContext(scenario=scenario, instruction="", rng=scenario.rng("agent"), oracle=oracle))
    for _ in range(steps):
        try:
            observation, _, terminated, _, info = env.step(agent.act(observation))
        except AgentStopped:
            break
        yield env, info
        if terminated:
            break
    env.close()


def test_stages_follow_from_the_conditions() -> None:
    names = {name: [stage.name for stage in task_stages(TASKS.get(name), 0)] for name in TASKS.names()}
    assert names["close_box"] == ["half box_joint", "box_joint moved"]
    assert names["stack_cups"] == ["grasp cup1", "cup1 in place", "grasp cup3", "cup3 in place", "success"]
    assert names["reach_and_drag"] == ["grasp stick", "half cube", "cube in place"]
    assert names["insert_onto_square_peg"] == ["grasp square_ring", "square_ring in place"]
    assert names["hockey"] == ["grasp hockey_stick", "half hockey_ball", "hockey_ball in place", "success"]
    assert names["wipe_desk"] == ["grasp sponge", "half removed", "all removed"]
    assert names["meat_on_grill"][0] == "grasp chicken"
    assert task_stages(TASKS.get("meat_on_grill"), 1)[0].name == "grasp steak"


@pytest.mark.parametrize("task", TASKS.names())
def test_last_stage_is_success_and_includes_all_others(task: str) -> None:
    for variation in range(TASKS.get(task).variation_count):
        stages = task_stages(TASKS.get(task), variation)
        assert set(stages[-1].conditions) == set(TASKS.get(task).conditions(variation))
        assert stages[-1].includes == tuple(range(len(stages) - 1))
        assert len({stage.name for stage in stages}) == len(stages) > 1


def test_share_leaves_out_what_the_reset_had_reached() -> None:
    assert share_reached([True, False, False], [True, False, False]) == 0.0
    assert share_reached([True, False, False], [True, True, False]) == 0.5
    assert share_reached([False], [True]) == 1.0


@pytest.mark.parametrize("task", TASKS.names())
def test_expert_goes_through_the_stages_to_the_last(task: str) -> None:
    seen: list[float] = []
    before: tuple[bool, ...] = ()
    for env, info in playing(task, "expert", Scenario(task=task), 1000):
        seen.append(info["stage"])
        assert all(now >= then for now, then in zip(info["stages"], before, strict=False)), "a stage once reached stays reached"
        before = info["stages"]
        assert (info["stage"] == 1.0) == info["stages"][-1] == info["is_success"]
        positions, states = env.unwrapped.gripper_track()
        assert len(positions) == len(states) == len(seen)
        np.testing.assert_allclose(positions[-1], env.unwrapped.simulation.proprioception()["gripper_pose"][:3])
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert len(set(seen)) > 2, "there are stages between nothing and all"
    assert seen == sorted(seen)


def test_wandering_agent_gets_credit_for_what_it_does_and_no_more() -> None:
    for _, info in playing("slide_block_to_target", "random", Scenario(task="slide_block_to_target"), 25):
        if info["stage"] > 0.0:
            break
    assert info["stage"] == 0.5
    assert info["stages"] == (True, False)
    assert not info["is_success"]


def test_track_is_that_of_the_episode_whatever_the_oracle_tries_out() -> None:
    scenario = Scenario(task="close_box")
    plain = [env.unwrapped.gripper_track()[0] for env, _ in playing("close_box", "expert", scenario, 5)][-1]
    for number, (env, _) in enumerate(playing("close_box", "expert", scenario, 5)):
        if number == 2:
            with env.unwrapped.oracle.trial() as trial:
                for _ in range(3):
                    trial.step(np.array([*env.unwrapped.simulation.controller.joints, 0.0]))
        tried = env.unwrapped.gripper_track()[0]
    np.testing.assert_array_equal(tried, plain)
    assert len(plain) == 6


def test_physics_that_breaks_down_is_no_episode() -> None:
    env = gymnasium.make("hamster_bench/close_box-v0", cameras=(), action_mode="joint_position", disable_env_checker=True)
    env.reset(options={"scenario": Scenario(task="close_box")})
    simulation: Any = env.unwrapped.simulation  # type: ignore[attr-defined]
    hold = np.array([*simulation.controller.joints, 1.0])
    env.step(hold)
    simulation.data.qvel[0] = np.nan
    with pytest.raises(SimulatorFaultError, match="velocities"):
        env.step(hold)
    with pytest.raises(SimulatorFaultError):
        env.step(hold)
    env.reset(options={"scenario": Scenario(task="close_box")})
    env.step(hold)
    assert simulation.data.warning[int(mujoco.mjtWarning.mjWARN_BADQVEL)].number == 0
    env.close()
