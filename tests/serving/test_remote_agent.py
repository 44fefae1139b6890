"""Agents behind a policy server, in runs whose server misbehaves in every way it can."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext, make_agent
from hamster_bench.cli.options import agent_names
from hamster_bench.client import METADATA_KEY, Declaration, Episode, PolicyServer
from hamster_bench.client.codec import pack, unpack
from hamster_bench.errors import (
    ActionNotFiniteError,
    AgentError,
    AgentStopped,
    AgentUnavailableError,
    InvalidOptionError,
    UnknownNameError,
)
from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.fingerprint import agent_fingerprint
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario
from hamster_bench.serving.policy_host import declaration_of, policy_of
from tests.evaluation.scripted import ScriptedEnvironment, scripted_plan

PROGRAM = Path(__file__).with_name("faulty_policy.py")
PROTOCOL = make_protocol("hamster")
WALKER = Declaration("walker", "keypose", fingerprint="walker1")
SCENARIO = Scenario(task="close_box", episode=3)


class Walker:
    """Walks in the right direction."""

    def reset(self, episode: Episode) -> None:
        self.episode = episode
        self.rng = episode.rng

    def act(self, observation: Mapping[str, Any]) -> Any:
        return self.rng.uniform(0.2, 1.0, size=1)


def context(scenario: Scenario = SCENARIO) -> EpisodeContext:
    return EpisodeContext(scenario=scenario, instruction="close the box", rng=scenario.rng("agent"))


def free_port() -> int:
    server = PolicyServer(Walker, WALKER, port=0)
    with server:
        return int(server.url.rpartition(":")[2])


@contextlib.contextmanager
def process(port: int, fault: str, after: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(PROGRAM), str(port), fault, str(after)]
    environment = os.environ | {"PYTHONPATH": str(PROGRAM.parents[2])}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        assert "serving walker" in server.stdout.readline()
        yield server
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def environment(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
    """The walk, which refuses numbers that are none as every engine does."""

    def check(env: ScriptedEnvironment, action: Any) -> None:
        if not np.isfinite(action).all():
            raise ActionNotFiniteError("a number is none")

    return ScriptedEnvironment(on_step=check)


def play(folder: Path, agent: Any, episodes: int = 2) -> list[EpisodeRecord]:
    plan = scripted_plan(episodes, ("remote",))
    with ResultStore.for_writing(folder) as store:
        run(plan, store, PROTOCOL, {"remote": agent}, make_environment=environment)
        return list(store.records())


@pytest.mark.parametrize(
    ("fault", "outcome", "kind", "said"),
    [
        ("kill", "error", "agent_error", "was lost"),
        ("hang", "error", "agent_error", "no answer within 1 s"),
        ("raise", "error", "agent_error", "ValueError: the policy is broken"),
        ("exit", "error", "agent_error", "SystemExit"),
        ("nan", "failure", "invalid_action:not_finite", "a number is none"),
        ("shape", "failure", "invalid_action:wrong_shape", "shape (3,)"),
        ("huge", "error", "agent_error", "larger than this side's limit"),
        ("text", "error", "agent_error", "(n, d)"),
        ("stop", "failure", "agent_stopped:tired", "it has had enough"),
    ],
)
def test_every_fault_ends_in_its_record_and_the_run_goes_on(
    fault: str, outcome: str, kind: str, said: str, tmp_path: Path
) -> None:
    port = free_port()
    with process(port, fault, 3), contextlib.ExitStack() as later:
        agent = make_agent(f"remote:ws://127.0.0.1:{port},timeout={1 if fault == 'hang' else 30},wait=60")
        if fault == "kill":
            # The server comes back some time after it was killed.
            returning = threading.Timer(1.0, lambda: later.enter_context(process(port, "none", 0)))
            returning.start()
            later.callback(returning.join)
        first, *others = play(tmp_path, agent)
    assert (first.outcome, first.kind) == (outcome, kind)
    assert said in (first.message or "")
    assert first.steps == 2
    assert [record.outcome for record in others] == ["success"] * 3


def test_a_run_whose_server_does_not_return_stops_and_is_taken_up_again(tmp_path: Path) -> None:
    port = free_port()
    with process(port, "kill", 3):
        agent = make_agent(f"remote:ws://127.0.0.1:{port},wait=0.5")
        with pytest.raises(AgentUnavailableError, match="no policy server"):
            play(tmp_path, agent)
    with ResultStore.for_reading(tmp_path) as store:
        assert [record.kind for record in store.records()] == ["agent_error"]
    with process(port, "none", 0):
        records = play(tmp_path, make_agent(f"remote:ws://127.0.0.1:{port}"))
    assert [record.outcome for record in records] == ["error", "success", "success", "success"]


def test_a_server_that_returns_with_another_policy_is_not_played_on(tmp_path: Path) -> None:
    with PolicyServer(Walker, WALKER, port=0) as server:
        agent = make_agent(f"remote:{server.url}")
        agent.reset(context())
    other = PolicyServer(Walker, replace(WALKER, fingerprint="walker2"), port=int(server.url.rpartition(":")[2]))
    with other, pytest.raises(AgentUnavailableError, match="another policy"):
        agent.reset(context())


def test_a_wrong_token_is_refused_before_anything_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    with PolicyServer(Walker, WALKER, port=0, token="secret") as server:
        with pytest.raises(AgentUnavailableError, match="HAMSTER_BENCH_POLICY_TOKEN"):
            make_agent(f"remote:{server.url}")
        monkeypatch.setenv("MY_TOKEN", "secret")
        agent = make_agent(f"remote:{server.url},token_env=MY_TOKEN")
        agent.reset(context())
        assert agent.act({}).shape == (1,)


def test_the_agent_is_what_the_server_declares_and_its_address_does_not_matter() -> None:
    declared = Declaration("pi", "delta_pose", ("front", "wrist"), (64, 64), "overlay", fingerprint="abc", checkpoint="def")
    with PolicyServer(Walker, declared, port=0) as one, PolicyServer(Walker, declared, port=0) as two:
        first, second = make_agent(f"remote:{one.url}"), make_agent(f"remote:url={two.url},timeout=3")
    assert (first.action_mode, first.needs.cameras, first.needs.image_size, first.needs.path) == (
        "delta_pose",
        ("front", "wrist"),
        (64, 64),
        "overlay",
    )
    assert first.fingerprint == second.fingerprint
    assert first.checkpoint_fingerprint == "def"
    assert agent_fingerprint(first) != agent_fingerprint(_other(fingerprint="abd"))


def _other(**changes: Any) -> Any:
    with PolicyServer(Walker, replace(WALKER, **changes), port=0) as server:
        return make_agent(f"remote:{server.url}")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"policy": "pi0"}, "does not say what its actions are"),
        ({METADATA_KEY: WALKER.metadata() | {"protocol_version": 9}}, "version 9"),
        ({METADATA_KEY: WALKER.metadata() | {"observations": ["front_rgb"]}}, "front_rgb"),
        ({"action_space": "joint_velocity"}, "joint_velocity"),
        ({"action_space": "joint_position", "needs_stereo_camera": True}, "stereo"),
        ({"action_space": "joint_position", "n_external_cameras": 3}, "n_external_cameras"),
        ([1], "map"),
    ],
)
def test_servers_that_mean_other_things_are_refused(metadata: Any, said: str) -> None:
    with foreign_server(metadata, lambda request: b"") as url, pytest.raises(AgentError, match=said):
        make_agent(f"remote:{url}")


@contextlib.contextmanager
def foreign_server(metadata: Any, answer: Callable[[dict[str, Any]], bytes | str]) -> Iterator[str]:
    """A server that is none of ours: metadata first, then whatever ``answer`` says."""

    def talk(connection: ServerConnection) -> None:
        connection.send(pack(metadata))
        for message in connection:
            assert isinstance(message, bytes)
            connection.send(answer(unpack(message)))

    with serve_websocket(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def test_a_server_of_roboarena_is_asked_in_its_own_terms() -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> bytes | str:
        asked.append(request)
        return "reset successful" if request["endpoint"] == "reset" else pack(np.tile([0.0] * 7 + [1.0], (4, 1)))

    metadata = {
        "image_resolution": [32, 48],
        "needs_wrist_camera": True,
        "n_external_cameras": 1,
        "needs_stereo_camera": False,
        "needs_session_id": True,
        "action_space": "joint_position",
    }
    observation = {
        "front_rgb": np.full((64, 64, 3), 7, np.uint8),
        "wrist_rgb": np.zeros((64, 64, 3), np.uint8),
        "joint_positions": np.arange(7.0),
        "gripper_open": np.ones(1),
    }
    with foreign_server(metadata, answer) as url:
        agent = make_agent(f"remote:{url},execute=2")
        assert (agent.action_mode, agent.needs.cameras) == ("joint_position", ("front", "wrist"))
        agent.reset(context())
        actions = [agent.act(observation) for _ in range(4)]
    assert [request["endpoint"] for request in asked] == ["reset", "infer", "infer"]
    assert actions[0].tolist() == [0.0] * 8  # closed there is 1
    seen = asked[1]
    assert seen["prompt"] == "close the box"
    assert seen["observation/exterior_image_0_left"].shape == (32, 48, 3)
    assert (seen["observation/exterior_image_0_left"] == 7).all()
    assert seen["observation/joint_position"].dtype == np.float32
    assert seen["observation/gripper_position"].tolist() == [0.0]
    assert "front_rgb" not in seen


def test_only_what_the_policy_reads_is_sent() -> None:
    seen: list[dict[str, Any]] = []

    class Reader(Walker):
        def act(self, observation: Mapping[str, Any]) -> Any:
            seen.append(dict(observation))
            return np.zeros(1)

    declared = Declaration("reader", "keypose", ("front",), observations=("front_rgb", "instruction"))
    with PolicyServer(Reader, declared, port=0) as server:
        agent = make_agent(f"remote:{server.url}")
        agent.reset(context())
        agent.act({"front_rgb": np.zeros((2, 2, 3), np.uint8), "front_depth": np.zeros((2, 2)), "instruction": "go"})
    assert set(seen[0]) == {"front_rgb", "instruction", "prompt"}


def test_a_served_agent_acts_as_it_does_at_home(tmp_path: Path) -> None:
    at_home = make_agent("random")
    declared = declaration_of("random", at_home, "f", None)
    with PolicyServer(policy_of("random", at_home, make_agent), declared, port=0) as server:
        away = make_agent(f"remote:{server.url}")
        for episode in range(3):
            for agent in (at_home, away):
                agent.reset(context(Scenario(task="close_box", episode=episode)))
            for _ in range(3):
                assert at_home.act({}).tolist() == away.act({}).tolist()


def test_an_agent_that_decides_in_batches_is_served_in_batches() -> None:
    agent = BatchedWalker()
    with PolicyServer(policy_of("batched", agent, make_agent), declaration_of("batched", agent, "f", None), port=0) as server:

        def walk(number: int) -> list[Any]:
            away = make_agent(f"remote:{server.url}")
            away.reset(context(Scenario(task="close_box", episode=number)))
            moves = []
            with contextlib.suppress(AgentStopped):
                for _ in range(9):
                    moves.append(away.act({}).tolist())
            return moves

        with ThreadPoolExecutor(8) as pool:
            walks = list(pool.map(walk, range(8)))
    for number, moves in enumerate(walks):
        rng = Scenario(task="close_box", episode=number).rng("agent")
        assert moves == [[float(rng.random())] for _ in range(5)]
    assert max(agent.sizes) > 1


class BatchedWalker:
    action_mode: ActionMode = "keypose"
    needs = AgentNeeds()
    max_batch_size = 8

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def begin(self, context: EpisodeContext) -> list[Any]:
        return [context.rng, 5]

    def act_batch(self, episodes: Sequence[Any], observations: Sequence[Mapping[str, Any]]) -> list[Any]:
        self.sizes.append(len(episodes))
        time.sleep(0.01)
        decided: list[Any] = []
        for episode in episodes:
            episode[1] -= 1
            decided.append(AgentStopped("tired", "enough") if episode[1] < 0 else np.array([episode[0].random()]))
        return decided

    def reset(self, context: EpisodeContext) -> None:
        raise AssertionError("a batched agent is not reset")

    def act(self, observation: Mapping[str, Any]) -> Any:
        raise AssertionError("a batched agent does not act alone")


def test_agents_that_read_the_simulation_are_not_served() -> None:
    with pytest.raises(AgentError, match="reads the running simulation"):
        policy_of("expert", make_agent("expert"), make_agent)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("remote", AgentError, "url"),
        ("remote:", InvalidOptionError, "written"),
        ("remote:nowhere,wait=0", AgentError, "no address"),
        ("remote:ws://127.0.0.1:9,wait=0", AgentUnavailableError, "no policy server"),
        ("remote:ws://h,timeout=-1", InvalidOptionError, "timeout"),
        ("remote:ws://h,tiemout=1", UnknownNameError, "timeout"),
        ("remote:ws://h,url=ws://g", InvalidOptionError, "without its key"),
        ("random:3", InvalidOptionError, "no options"),
    ],
)
def test_malformed_options_are_refused(text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make_agent(text)


def test_options_of_agents_stay_with_their_agent() -> None:
    text = 'expert,remote:url=ws://h:1,timeout=5,random,a.b:C:key="x,y",other=1'
    assert agent_names(text) == ("expert", "remote:url=ws://h:1,timeout=5", "random", 'a.b:C:key="x,y",other=1')
