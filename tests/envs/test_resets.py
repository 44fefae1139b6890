"""Many resets of every task: none fails, nothing stirs, nothing is solved."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import hamster_bench  # noqa: F401
from hamster_bench.envs.tasks import TASKS
from hamster_bench.scenario import Scenario

SCENARIOS = 200


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS.names())
def test_two_hundred_scenarios_start_at_rest_and_unsolved(task: str) -> None:
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0", cameras=(), action_mode="joint_position").unwrapped
    count = TASKS.get(task).variation_count
    data = env.simulation.data
    moved, pressed = 0.0, 0.0
    for episode in range(SCENARIOS):
        _, info = env.reset(options={"scenario": Scenario(task=task, variation=episode % count, episode=episode, seed=3)})
        assert not info["is_success"]
        before = data.xpos.copy()
        if data.ncon:
            pressed = max(pressed, -float(data.contact.dist.min()))
        for _ in range(10):
            env.simulation.controller.step(env.simulation.controller.joints, 1.0)
        moved = max(moved, float(np.linalg.norm(data.xpos - before, axis=1).max()))
        assert not env.simulation.success()
    env.close()
    assert moved < 2e-3
    assert pressed < 1e-3
