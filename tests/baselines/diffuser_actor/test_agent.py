"""The agent: what it asks of an environment, what it remembers, what it gives."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the agent needs PyTorch: pip install 'hamster-bench[torch]'")

import hamster_bench  # noqa: E402, F401 - registers the environments
from hamster_bench.agent import Agent, EpisodeContext  # noqa: E402
from hamster_bench.baselines.diffuser_actor.agent import DiffuserActorAgent  # noqa: E402
from hamster_bench.baselines.diffuser_actor.checkpoint import save_own  # noqa: E402
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, Situation  # noqa: E402
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS  # noqa: E402
from hamster_bench.envs.contract import validate_action  # noqa: E402
from hamster_bench.errors import AgentError  # noqa: E402
from hamster_bench.scenario import Scenario  # noqa: E402

SMALL = replace(SETTINGS.get("small"), width=24, heads=2, image_size=(48, 64), sampling_steps=3)
SCENARIO = Scenario(task="close_box", seed=1000)


@pytest.fixture
def network():
    return DiffuserActor(SMALL)


def observation(position=(0.3, 0.0, 1.2), seed=0):
    rng = np.random.default_rng(seed)
    return {
        "front_rgb": rng.integers(0, 256, (48, 64, 3), dtype=np.uint8),
        "front_depth": rng.uniform(1.0, 2.0, (48, 64)).astype(np.float32),
        "front_intrinsics": np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]]),
        "front_extrinsics": np.eye(4),
        "gripper_pose": np.array([*position, 0.0, 1.0, 0.0, 0.0]),
    }


def context(instruction="close the box"):
    return EpisodeContext(scenario=SCENARIO, instruction=instruction, rng=SCENARIO.rng("agent"))


def test_it_keeps_the_contract(network):
    agent = DiffuserActorAgent(network, path="overlay")
    assert isinstance(agent, Agent)
    assert agent.action_mode == "keypose"
    assert (agent.needs.cameras, agent.needs.image_size, agent.needs.path) == (("front",), (48, 64), "overlay")
    with pytest.raises(AgentError, match="reset"):
        agent.act(observation())


def test_the_same_episode_gives_the_same_actions(network):
    def episode(instruction="close the box"):
        agent = DiffuserActorAgent(network)
        agent.reset(context(instruction))
        return [agent.act(observation((0.1 * i, 0.0, 1.0), i)) for i in range(4)]

    first = episode()
    assert all(np.array_equal(a, b) for a, b in zip(first, episode(), strict=True))
    assert not np.allclose(first, episode("open the jar"))
    for action in first:
        assert np.array_equal(validate_action(action, "keypose")[7:], action[7:])
        assert action[7] in (0.0, 1.0)
        assert action[8] == 1.0


def test_the_network_sees_world_points_and_the_positions_at_keyposes(network, monkeypatch):
    seen = []
    sample = DiffuserActor.sample

    def watched(self, situation, noise):
        seen.append(situation)
        return sample(self, situation, noise)

    monkeypatch.setattr(DiffuserActor, "sample", watched)
    agent = DiffuserActorAgent(network)
    for _ in range(2):
        seen.clear()
        agent.reset(context())
        for i in range(4):
            agent.act(observation((0.1 * i, 0.0, 1.0)))
        expected = [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3]]
        assert [[round(x * 10) for x in s.history[0, :, 0].tolist()] for s in seen] == expected
    situation: Situation = seen[0]
    given = observation()
    assert situation.rgb.shape == situation.points.shape == (1, 1, 3, 48, 64)
    assert np.allclose(situation.rgb[0, 0, :, 10, 20].numpy() * 255, given["front_rgb"][10, 20])
    depth = given["front_depth"][10, 20]
    expected_point = [(20.5 - 32) / 60 * depth, (10.5 - 24) / 60 * depth, depth]
    assert np.allclose(situation.points[0, 0, :, 10, 20].numpy(), expected_point, atol=1e-6)


def test_damaged_weights_are_not_acted_on(network):
    with torch.no_grad():
        network.prediction_head.position_predictor[2].bias.fill_(torch.nan)
    agent = DiffuserActorAgent(network)
    agent.reset(context())
    with pytest.raises(AgentError, match="damaged"):
        agent.act(observation())


@pytest.mark.slow
def test_it_acts_in_an_environment_with_weights_from_a_file(network, tmp_path):
    save_own(tmp_path / "policy.safetensors", network, {})
    agent = DiffuserActorAgent.from_checkpoint(tmp_path / "policy.safetensors")
    needs = agent.needs
    env = gymnasium.make(
        "hamster_bench/close_box-v0", cameras=needs.cameras, image_size=needs.image_size, action_mode=agent.action_mode
    )
    seen, info = env.reset(options={"scenario": SCENARIO})
    agent.reset(EpisodeContext(scenario=SCENARIO, instruction=info["instruction"], rng=SCENARIO.rng("agent")))
    seen, _, terminated, _, info = env.step(agent.act(seen))
    assert not terminated
    assert info["failure"] in (None, "ik_unreachable", "path_not_found")
    env.close()


def test_the_network_computes_on_one_thread_whatever_the_process_has(network, monkeypatch):
    used = []
    sample = DiffuserActor.sample
    monkeypatch.setattr(DiffuserActor, "sample", lambda *given: used.append(torch.get_num_threads()) or sample(*given))
    agent = DiffuserActorAgent(network)
    agent.reset(context())
    torch.set_num_threads(2)
    agent.act(observation())
    assert used == [1]
    assert torch.get_num_threads() == 2
