"""The registered agents and the weights that come with the package."""

import hashlib
import importlib.util
import shutil

import gymnasium
import pytest

torch = pytest.importorskip("torch", reason="the agents need PyTorch: pip install 'hamster-bench[torch]'")

import hamster_bench  # noqa: E402, F401 - registers the environments
from hamster_bench.agent import Agent, EpisodeContext, make_agent  # noqa: E402
from hamster_bench.baselines.diffuser_actor.agents import CHECKPOINTS  # noqa: E402
from hamster_bench.baselines.diffuser_actor.checkpoint import load  # noqa: E402
from hamster_bench.envs.wrappers import PathOverlay  # noqa: E402
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, StoreError, UnknownNameError  # noqa: E402
from hamster_bench.evaluation.fingerprint import agent_fingerprint, checkpoint_fingerprint  # noqa: E402
from hamster_bench.scenario import Scenario  # noqa: E402

SHIPPED = {"3d_da": "small_vanilla", "hamster_3d_da": "small_path"}
# Base seed of evaluations where none is given.
EVALUATION_SEED = 0


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED.items())
def test_they_play_with_the_weights_of_the_package(name, checkpoint):
    agent = make_agent(name)
    assert isinstance(agent, Agent)
    assert agent.action_mode == "keypose"
    assert agent.needs.path == ("overlay" if name.startswith("hamster") else "none")
    assert not agent.needs.privileged
    file = CHECKPOINTS.get(checkpoint)
    assert checkpoint_fingerprint(agent) == hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    assert agent_fingerprint(agent) != agent_fingerprint(make_agent("random"))


@pytest.mark.parametrize("checkpoint", SHIPPED.values())
def test_shipped_weights_say_where_they_come_from(checkpoint):
    file = CHECKPOINTS.get(checkpoint)
    assert file.stat().st_size <= 15e6
    training = load(file).training
    assert training["step"] == training["settings"]["steps"]
    assert sum(training["data"]["by_task"].values()) == training["data"]["demonstrations"]
    assert EVALUATION_SEED not in training["data"]["seeds"], "policies must not have seen what they are measured on"
    assert {"fingerprint", "keyframe_rule"} < set(training["data"])
    assert {"git_commit", "versions", "config"} < set(training)
    path = training["learning"]["path"]
    assert path is None if checkpoint == "small_vanilla" else (path["source"], path["noise"]) == ("oracle", 0.01)


def test_checkpoints_are_given_by_name_or_file(tmp_path):
    copy = tmp_path / "mine.safetensors"
    shutil.copy(CHECKPOINTS.get("small_vanilla"), copy)
    by_file = make_agent(f"3d_da:{copy}")
    by_name = make_agent("3d_da:checkpoint=small_vanilla,sampler=ddim,steps=5")
    assert by_file.checkpoint_fingerprint == by_name.checkpoint_fingerprint
    for text, error, said in (
        ("3d_da:nowhere.safetensors", StoreError, "small_vanilla"),
        ("3d_da:small_path", InvalidOptionError, "hamster_3d_da:checkpoint=small_path"),
        ("hamster_3d_da:small_vanilla", InvalidOptionError, "without a path"),
        ("3d_da:steps=1000", InvalidOptionError, "between 1 and"),
        ("3d_da:sampler=dpm", UnknownNameError, "ddim"),
        ("3d_da:weights=x", UnknownNameError, "checkpoint"),
    ):
        with pytest.raises(error, match=said):
            make_agent(text)
    copy.write_bytes(copy.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"mine\.safetensors"):
        make_agent(f"3d_da:{copy}")


def test_without_pytorch_they_say_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    for name in SHIPPED:
        with pytest.raises(MissingDependencyError, match=r"pip install 'hamster-bench\[torch\]'"):
            make_agent(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_they_have_learned(name):
    agent = make_agent(name)
    env = gymnasium.make("hamster_bench/close_box-v0", action_mode="keypose", cameras=("front",), image_size=128)
    if agent.needs.path == "overlay":
        env = PathOverlay(env, planner="oracle")
    solved = 0
    for episode in range(5):
        scenario = Scenario(task="close_box", episode=episode, seed=EVALUATION_SEED)
        observation, info = env.reset(options={"scenario": scenario})
        agent.reset(EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent")))
        for _ in range(10):
            observation, _, terminated, _, info = env.step(agent.act(observation))
            if terminated or info["failure"]:
                break
        solved += info["is_success"]
    env.close()
    assert solved >= 3


def test_other_weights_are_another_agent():
    """Otherwise records of both could end up in one directory under one name."""
    agent = make_agent("3d_da")
    before = agent_fingerprint(agent)
    agent.checkpoint_fingerprint = "0" * 12
    assert agent_fingerprint(agent) != before
