"""tiny_vla with the weights that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the network needs transformers: pip install 'hamster-bench[openvla]'")

import gymnasium

import hamster_bench  # noqa: F401 - registers the environments
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.baselines.openvla.agents import CHECKPOINTS
from hamster_bench.baselines.openvla.checkpoint import load
from hamster_bench.errors import StoreError
from hamster_bench.scenario import Scenario

# Base seed of evaluations where none is given.
EVALUATION_SEED = 0


@pytest.fixture(scope="module")
def shipped() -> Path:
    return CHECKPOINTS.get("tiny")


def test_the_weights_say_where_they_come_from(shipped: Path) -> None:
    assert shipped.stat().st_size <= 15e6
    training = load(shipped).training
    assert training["step"] == training["settings"]["steps"]
    assert EVALUATION_SEED not in training["data"]["seeds"], "policies must not have seen what they are measured on"


def test_it_acts_by_what_it_sees_and_is_told() -> None:
    agent = make_agent("tiny_vla")

    def first_action(scene: str, instruction: str | None = None) -> np.ndarray:
        scenario = Scenario(task=scene)
        env = gymnasium.make(f"hamster_bench/{scene}-v0", action_mode="delta_pose")
        observation, info = env.reset(options={"scenario": scenario})
        env.close()
        agent.reset(EpisodeContext(scenario=scenario, instruction=instruction or info["instruction"], rng=scenario.rng("agent")))
        action = agent.act(observation)
        assert env.action_space.contains(action.astype(env.action_space.dtype))
        return action

    own = first_action("close_box")
    assert (own == first_action("close_box")).all()
    assert (own != first_action("slide_block_to_target")).any()
    assert (own != first_action("close_box", "slide the block to the target")).any()


def test_a_checkpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreError, match="nowhere"):
        make_agent("tiny_vla:nowhere.safetensors")
