"""Episodes of an environment in action mode `joint_position`, and objects put by hand where a test wants them.

Poses are in the task base frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mujoco
import numpy as np

from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.errors import AgentStopped
from hamster_bench.scenario import Scenario


def start(env: Any, variation: int = 0, episode: int = 0) -> Scenario:
    """Starts an episode without any factor."""
    scenario = Scenario(task=env.unwrapped.task.name, variation=variation, episode=episode)
    _, info = env.reset(options={"scenario": scenario})
    assert not info["is_success"]
    return scenario


def solve(env: Any, scenario: Scenario) -> bool:
    """Lets the expert act in an episode that was just started; whether it succeeded."""
    agent: Any = make_agent("expert")
    agent.reset(EpisodeContext(scenario=scenario, instruction="", rng=scenario.rng("agent"), oracle=env.unwrapped.oracle))
    observation = env.unwrapped.simulation.proprioception()
    while True:
        try:
            observation, _, terminated, _, info = env.step(agent.act(observation))
        except AgentStopped:
            return False
        if terminated:
            return bool(info["is_success"])


def idle(env: Any, steps: int) -> tuple[float, bool, dict[str, Any]]:
    """Holds the arm still, the gripper as it was commanded last; reward, `terminated` and info of the last step."""
    controller = env.unwrapped.simulation.controller
    for _ in range(steps):
        _, reward, terminated, _, info = env.step(np.append(controller.joints, controller.opening))
    return float(reward), bool(terminated), info


def pose_in_base(env: Any, body: str) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) and rotation matrix (3, 3) of a body now."""
    simulation = env.unwrapped.simulation
    data, base = simulation.data, simulation.scene.base
    turn = data.xmat[base].reshape(3, 3)
    number = simulation.scene.body(body)
    return turn.T @ (data.xpos[number] - data.xpos[base]), turn.T @ data.xmat[number].reshape(3, 3)


def in_world(env: Any, position_base: Any) -> np.ndarray:
    """World position (3,) of a point."""
    simulation = env.unwrapped.simulation
    data, base = simulation.data, simulation.scene.base
    return np.asarray(data.xpos[base] + data.xmat[base].reshape(3, 3) @ np.asarray(position_base, dtype=float))


def put(env: Any, body: str, position_base: Any, *, along_base: bool = False) -> None:
    """Puts a free body at a place, its orientation kept, or its axes along those of the base."""
    simulation = env.unwrapped.simulation
    address = simulation.scene.free[body].qpos
    simulation.data.qpos[address : address + 3] = in_world(env, position_base)
    if along_base:
        simulation.data.qpos[address + 3 : address + 7] = simulation.data.xquat[simulation.scene.base]
    mujoco.mj_kinematics(simulation.scene.model, simulation.data)


@contextmanager
def moved(env: Any, body: str, position_base: Any, *, along_base: bool = False) -> Iterator[Any]:
    """The simulation with a free body put at a place for as long as the block lasts; see `put`."""
    simulation = env.unwrapped.simulation
    before = simulation.data.qpos.copy()
    put(env, body, position_base, along_base=along_base)
    yield simulation
    simulation.data.qpos[:] = before
    mujoco.mj_kinematics(simulation.scene.model, simulation.data)


@contextmanager
def held(env: Any, body: str) -> Iterator[None]:
    """A graspable body attached to the gripper wherever it is, for as long as the block lasts."""
    simulation = env.unwrapped.simulation
    weld = simulation.scene.welds[body]
    simulation.data.eq_active[weld] = 1
    yield
    simulation.data.eq_active[weld] = 0


def assert_stays_at_rest(env: Any, bodies: tuple[str, ...], within: float) -> None:
    """Nothing overlaps after a reset, and in half a second no body moves by more than ``within`` [m]."""
    data = env.unwrapped.simulation.data
    numbers = [env.unwrapped.simulation.scene.body(name) for name in bodies]
    before = data.xpos[numbers].copy()
    assert min((contact.dist for contact in data.contact), default=0.0) > -1e-3
    idle(env, 10)
    assert np.linalg.norm(data.xpos[numbers] - before, axis=1).max() < within
