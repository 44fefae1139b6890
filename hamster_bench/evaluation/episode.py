"""One episode, from scenario to record."""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hamster_bench.agent import Agent, EpisodeContext
from hamster_bench.envs.factors.episode import draws_to_json
from hamster_bench.errors import AgentStopped, InvalidActionError
from hamster_bench.evaluation.environment import PASS_THROUGH, Environment
from hamster_bench.evaluation.fingerprint import agent_fingerprint, checkpoint_fingerprint
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import RENDERER, EpisodeRecord, ErrorKind, HostLoad, Outcome, Timings, versions
from hamster_bench.scenario import Scenario

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_MESSAGE_LENGTH = 2000


class Contestant(NamedTuple):
    """An agent, what it is called, and what it is.

    Attributes:
        name: name it was asked for by.
        agent: the agent.
        fingerprint: short hash; agents with different behaviour should have different ones.
        checkpoint: short hash of the weights it acts by, or None where it has none.
    """

    name: str
    agent: Agent
    fingerprint: str
    checkpoint: str | None = None


def contestant(name: str, agent: Agent) -> Contestant:
    """An agent with its fingerprints (see `agent_fingerprint` and `checkpoint_fingerprint`)."""
    return Contestant(name, agent, agent_fingerprint(agent), checkpoint_fingerprint(agent))


@dataclass
class Progress:
    """What is known of an episode so far; an episode that breaks off is recorded with it."""

    instruction: str | None = None
    steps: int = 0
    control_steps: int = 0
    episode_return: float = 0.0
    motion_failures: int = 0
    path: str | None = None
    path_error: str | None = None
    draws: str | None = None
    proposals: str | None = None


class _Ending(NamedTuple):
    outcome: Outcome
    kind: str | None = None
    message: str | None = None


class _EpisodeEnded(Exception):  # noqa: N818 - an event, not a fault
    """Carries the ending out of wherever it came about."""

    def __init__(self, ending: _Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class _Clock:
    def __init__(self) -> None:
        self._spent = dict.fromkeys(asdict(Timings()), 0.0)

    @contextlib.contextmanager
    def measure(self, part: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._spent[f"{part}_wall"] += time.perf_counter() - wall
            self._spent[f"{part}_cpu"] += time.process_time() - cpu

    def timings(self) -> Timings:
        return Timings(**self._spent)


def run_episode(env: Environment, player: Contestant, scenario: Scenario, protocol: Protocol) -> EpisodeRecord:
    """Lets an agent play one scenario.

    Whatever the environment, the path planner or the agent raise ends in the record, `SystemExit` too. `KeyboardInterrupt`,
    `MemoryError` and errors about missing dependencies pass through: they say nothing about the episode.

    Args:
        env: environment of the scenario's task, as the agent needs it; left open.
        player: the agent.
        scenario: the episode.
        protocol: the rules.
    """
    progress, clock, host = Progress(), _Clock(), HostLoad.now()
    try:
        ending = _play(env, player.agent, scenario, protocol, progress, clock)
    except _EpisodeEnded as ended:
        ending = ended.ending
    return EpisodeRecord(
        agent=player.name,
        agent_fingerprint=player.fingerprint,
        protocol=protocol.fingerprint,
        scenario=scenario,
        **ending._asdict(),
        **asdict(progress),
        checkpoint=player.checkpoint,
        host=host,
        timings=clock.timings(),
        versions=versions() | _renderer(env),
    )


def unplayed(
    player: Contestant,
    scenario: Scenario,
    protocol: Protocol,
    error: BaseException | str,
    *,
    kind: ErrorKind = "environment_error",
    attempts: int = 1,
) -> EpisodeRecord:
    """The record of an episode of which nothing is known but that it could not be played.

    Args:
        player: the agent.
        scenario: the episode.
        protocol: the rules.
        error: what went wrong, or a sentence that says it.
        kind: who or what is to blame.
        attempts: how often it was begun.
    """
    return EpisodeRecord(
        agent=player.name,
        agent_fingerprint=player.fingerprint,
        protocol=protocol.fingerprint,
        scenario=scenario,
        outcome="error",
        kind=kind,
        message=_clean(error) if isinstance(error, str) else _describe(error),
        checkpoint=player.checkpoint,
        attempts=attempts,
        host=HostLoad.now(),
        versions=versions(),
    )


def _renderer(env: Environment) -> dict[str, str]:
    name = getattr(env.unwrapped, "renderer_name", None)
    return {} if name is None else {RENDERER: str(name)}


def _play(env: Environment, agent: Agent, scenario: Scenario, protocol: Protocol, progress: Progress, clock: _Clock) -> _Ending:
    with clock.measure("reset"), _blaming("environment_error"):
        observation, info = env.reset(options={"scenario": scenario})
        progress.instruction = str(info["instruction"])
        progress.path, progress.path_error = _proposal(info)
        progress.draws = draws_to_json(info["draws"]) if info.get("draws") else None
        proposals = _Proposals(progress)
        proposals.note(info)
        if info["is_success"]:
            raise RuntimeError("the task is solved already after reset")
        oracle = env.unwrapped.oracle if agent.needs.privileged else None  # type: ignore[attr-defined]
    if progress.path_error is not None and protocol.on_planner_error == "end":
        return _Ending("error", "planner_error", progress.path_error)
    context = EpisodeContext(scenario=scenario, instruction=progress.instruction, rng=scenario.rng("agent"), oracle=oracle)
    with clock.measure("act"), _blaming("agent_error"):
        agent.reset(context)
    for _ in range(protocol.max_steps.of(agent.action_mode)):
        with clock.measure("act"), _blaming("agent_error"):
            action = agent.act(observation)
        for _ in range(1 + protocol.retries):
            with clock.measure("step"), _blaming("environment_error"):
                observation, reward, terminated, truncated, info = env.step(action)
                _count(progress, float(reward), info)
                proposals.note(info, progress.steps + 1)
            if info["failure"] is None or info["is_success"] or terminated or truncated:
                break
        progress.steps += 1
        failure = info["failure"]
        progress.motion_failures += failure is not None
        if info["is_success"]:
            return _Ending("success")
        if failure is not None and protocol.on_motion_failure == "end":
            return _Ending("failure", f"motion_failure:{failure}")
        if terminated or truncated:
            return _Ending("failure", "truncated", "the environment ended the episode")
    return _Ending("failure", "step_limit")


def _proposal(info: dict[str, Any]) -> tuple[str | None, str | None]:
    """What the path wrappers told: the path as JSON, and why there is none."""
    path, error = info.get("path"), info.get("path_error")
    return None if path is None else path.to_json(), None if error is None else _clean(error)


@dataclass
class _Proposals:
    """Keeps what the path planner said each time it was asked."""

    progress: Progress
    _count: int = 0
    _lines: list[str] = field(default_factory=list)

    def note(self, info: dict[str, Any], step: int = 0) -> None:
        """Adds a proposal if there is a new one after this many decisions."""
        count = int(info.get("path_proposals", 0))
        if count == self._count:
            return
        self._count = count
        path, error = _proposal(info)
        said = info.get("path_record")
        entry = {
            "step": step,
            "path": None if path is None else json.loads(path),
            "error": error,
            "record": None if said is None else dict(said),
        }
        self._lines.append(json.dumps(entry, separators=(",", ":")))
        self.progress.proposals = f"[{','.join(self._lines)}]"


def _count(progress: Progress, reward: float, info: dict[str, Any]) -> None:
    if not math.isfinite(reward):
        raise ValueError(f"the environment gave the reward {reward}")
    progress.episode_return += reward
    progress.control_steps += int(info["control_steps"])


@contextlib.contextmanager
def _blaming(kind: str) -> Iterator[None]:
    """Turns what is raised inside into the ending of the episode; ``kind`` names who is to blame for errors."""
    try:
        yield
    except PASS_THROUGH:
        raise
    except AgentStopped as stop:
        if kind != "agent_error":
            raise _EpisodeEnded(_Ending("error", kind, _describe(stop))) from stop
        raise _EpisodeEnded(_Ending("failure", f"agent_stopped:{stop.reason}", _clean(str(stop)))) from stop
    except InvalidActionError as refusal:
        if kind != "environment_error":
            raise _EpisodeEnded(_Ending("error", kind, _describe(refusal))) from refusal
        raise _EpisodeEnded(_Ending("failure", f"invalid_action:{refusal.reason}", _clean(str(refusal)))) from refusal
    except (Exception, SystemExit) as error:
        raise _EpisodeEnded(_Ending("error", kind, _describe(error))) from error


def _describe(error: BaseException) -> str:
    """Class, text and place of an error in one line, the same in every process."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return _clean(f"{type(error).__name__}: {error}") + place


def _clean(text: str) -> str:
    # Memory addresses differ from process to process, and lone surrogates cannot be stored.
    text = _ADDRESS.sub("0x...", text).encode("utf-8", "replace").decode()
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 3] + "..."
