"""The agents: what they ask of an environment, what they remember, what they give, and their weights."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the agent needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.agent import Agent, EpisodeContext, make_agent  # noqa: E402
from hamster_bench.baselines.rvt2.agent import Rvt2Agent  # noqa: E402
from hamster_bench.baselines.rvt2.agents import CHECKPOINTS  # noqa: E402
from hamster_bench.baselines.rvt2.checkpoint import load, save_own  # noqa: E402
from hamster_bench.baselines.rvt2.network import Rvt2  # noqa: E402
from hamster_bench.baselines.rvt2.settings import SETTINGS  # noqa: E402
from hamster_bench.envs.contract import validate_action  # noqa: E402
from hamster_bench.errors import AgentError, InvalidOptionError, StoreError  # noqa: E402
from hamster_bench.scenario import Scenario  # noqa: E402

TINY = replace(
    SETTINGS.get("small"), image_size=(24, 32), view_size=28, patch_channels=8, width=24, heads=2, head_width=12, layers=2
)
SHIPPED = {"rvt2": "small_vanilla", "hamster_rvt2": "small_path", "hamster_rvt2_concat": "small_concat"}
# Base seed of evaluations where none is given.
EVALUATION_SEED = 0
SCENARIO = Scenario(task="close_box", seed=1000)
PATH = {"path": {"source": "oracle", "noise": 0.01, "style": "hamster"}}


def observation(seed=0, is_open=1.0):
    rng = np.random.default_rng(seed)
    T_world_camera = np.diag([1.0, -1.0, -1.0, 1.0])
    T_world_camera[:3, 3] = [0.2, 0.0, 2.2]
    return {
        "front_rgb": rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
        "front_path": rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
        "front_depth": rng.uniform(1.0, 1.4, (24, 32)).astype(np.float32),
        "front_intrinsics": np.array([[60.0, 0, 16], [0, 60, 12], [0, 0, 1]]),
        "front_extrinsics": T_world_camera,
        "gripper_pose": np.array([0.3, 0.0, 1.2, 0.0, 1.0, 0.0, 0.0]),
        "gripper_open": np.array([is_open]),
    }


def context(instruction="close the box"):
    return EpisodeContext(scenario=SCENARIO, instruction=instruction, rng=SCENARIO.rng("agent"))


def test_it_keeps_the_contract():
    agent = Rvt2Agent(Rvt2(TINY), path="overlay")
    assert isinstance(agent, Agent)
    assert agent.action_mode == "keypose"
    assert (agent.needs.cameras, agent.needs.image_size, agent.needs.path) == (("front",), (24, 32), "overlay")
    with pytest.raises(AgentError, match="reset"):
        agent.act(observation())


def test_the_network_sees_points_colours_and_time(monkeypatch):
    seen = []
    decide = Rvt2.decide
    monkeypatch.setattr(Rvt2, "decide", lambda self, situation: seen.append(situation) or decide(self, situation))
    agent = Rvt2Agent(Rvt2(replace(TINY, color_channels=6)), path="channels")
    for _ in range(2):
        seen.clear()
        agent.reset(context())
        actions = [agent.act(observation(i, is_open=float(i != 1))) for i in range(3)]
        assert [round(s.state[0, 3].item(), 4) for s in seen] == [1.0, 0.9167, 0.8333]
        assert [s.state[0, :3].tolist() for s in seen] == [pytest.approx([o, 0.04 * o, 0.04 * o]) for o in (1.0, 0.0, 1.0)]
    for action in actions:
        assert np.array_equal(validate_action(action, "keypose")[7:], action[7:])
    given, place = observation(), 10 * 32 + 20
    assert np.allclose(seen[0].colors[0, place, :3] * 255, given["front_rgb"][10, 20])
    assert np.allclose(seen[0].colors[0, place, 3:] * 255, given["front_path"][10, 20])
    depth = given["front_depth"][10, 20]
    assert np.allclose(seen[0].points[0, place], [0.2 + 4.5 / 60 * depth, 1.5 / 60 * depth, 2.2 - depth], atol=1e-5)


def test_a_camera_without_a_path_has_a_black_one():
    agent = Rvt2Agent(Rvt2(replace(TINY, color_channels=6)), path="channels")
    without = {name: value for name, value in observation().items() if name != "front_path"}
    black = {**observation(), "front_path": np.zeros((24, 32, 3), np.uint8)}
    actions = []
    for given in (without, black):
        agent.reset(context())
        actions.append(agent.act(given))
    assert np.array_equal(*actions)


def test_a_camera_that_sees_nothing_is_an_error():
    agent = Rvt2Agent(Rvt2(TINY))
    agent.reset(context())
    with pytest.raises(AgentError, match="workspace"):
        agent.act({**observation(), "front_depth": np.full((24, 32), 9.0, np.float32)})


def test_damaged_weights_are_not_acted_on():
    network = Rvt2(TINY)
    with torch.no_grad():
        network.mvt2.up0.net_out[4].bias.fill_(torch.nan)
    agent = Rvt2Agent(network)
    agent.reset(context())
    with pytest.raises(AgentError, match="damaged"):
        agent.act(observation())


def test_the_form_of_the_path_goes_with_the_channels():
    for channels, path in ((3, "channels"), (6, "overlay"), (6, "none"), (3, "points")):
        with pytest.raises(InvalidOptionError, match=f"{channels} colour channels"):
            Rvt2Agent(Rvt2(replace(TINY, color_channels=channels)), path=path)


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED.items())
def test_they_play_with_the_weights_of_the_package(name, checkpoint):
    file = CHECKPOINTS.get(checkpoint)
    assert file.stat().st_size <= 15e6
    agent = make_agent(name)
    assert agent.checkpoint_fingerprint == hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    assert agent.needs.path == {"rvt2": "none", "hamster_rvt2": "overlay", "hamster_rvt2_concat": "channels"}[name]
    training = load(file).training
    assert training["step"] == training["settings"]["steps"]
    assert EVALUATION_SEED not in training["data"]["seeds"], "policies must not have seen what they are measured on"
    assert (training["learning"]["path"] is None) == (name == "rvt2")


def test_a_checkpoint_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(StoreError, match=r"nowhere\.safetensors.*small_concat"):
        make_agent("rvt2:nowhere.safetensors")


@pytest.mark.parametrize(
    ("name", "channels", "learning", "path"),
    [
        ("rvt2", 3, {"path": None}, "none"),
        ("hamster_rvt2", 3, PATH, "overlay"),
        ("hamster_rvt2_concat", 6, PATH, "channels"),
    ],
)
def test_a_checkpoint_is_run_as_it_was_trained(name, channels, learning, path, tmp_path):
    file = tmp_path / "policy.safetensors"
    settings = replace(TINY, color_channels=channels)
    save_own(file, settings, Rvt2(settings).state_dict(), {"learning": learning})
    agent = make_agent(f"{name}:checkpoint={file}")
    assert agent.needs.path == path
    assert len(agent.checkpoint_fingerprint) == 12
    agent.reset(context())
    validate_action(agent.act(observation()), "keypose")
    for other in {"rvt2", "hamster_rvt2", "hamster_rvt2_concat"} - {name}:
        with pytest.raises(InvalidOptionError, match=f"run it as {name}"):
            make_agent(f"{other}:checkpoint={file}")


def test_the_network_computes_on_one_thread_whatever_the_process_has(monkeypatch):
    used = []
    in_cube, decide = Rvt2.in_cube, Rvt2.decide
    monkeypatch.setattr(Rvt2, "in_cube", lambda *given: used.append(torch.get_num_threads()) or in_cube(*given))
    monkeypatch.setattr(Rvt2, "decide", lambda *given: used.append(torch.get_num_threads()) or decide(*given))
    agent = Rvt2Agent(Rvt2(TINY))
    agent.reset(context())
    torch.set_num_threads(2)
    agent.act(observation())
    assert set(used) == {1}
    assert torch.get_num_threads() == 2
