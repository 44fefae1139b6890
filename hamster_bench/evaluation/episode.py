"""One episode, from scenario to record."""

from __future__ import annotations

import contextlib
import json
import math
import re
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from hamster_bench.agent import Agent, EpisodeContext
from hamster_bench.envs.contract import IGNORE_COLLISIONS_THRESHOLD
from hamster_bench.envs.factors.episode import draws_to_json
from hamster_bench.envs.stopwatch import Spent, Stopwatch
from hamster_bench.errors import AgentStopped, HamsterBenchError, InvalidActionError, SimulatorFaultError
from hamster_bench.evaluation.environment import PASS_THROUGH, Environment, path_camera
from hamster_bench.evaluation.fingerprint import agent_fingerprint, checkpoint_fingerprint
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import RENDERER, EpisodeRecord, ErrorKind, HostLoad, Outcome, Timings, versions
from hamster_bench.evaluation.track import seen_track
from hamster_bench.geometry import Camera
from hamster_bench.planners.oracle import gripper_track
from hamster_bench.scenario import Scenario

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_MESSAGE_LENGTH = 2000

_NO_FREE_PATH = "path_not_found"
# Where a keypose says whether its motion may touch things.
_IGNORE_COLLISIONS = 8


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


class RelayedError(HamsterBenchError):
    """An error of another process; its text is what `describe` made of it there."""


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
    stage: float | None = None
    stages: str | None = None
    track: str | None = None
    oracle_path: str | None = None


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
    """Where the time of an episode goes. Asking for paths and drawing lie within resets and steps, and are measured by who does them."""

    def __init__(self, env: Environment) -> None:
        self._calls = {part: Stopwatch() for part in ("reset", "act", "step")}
        drawing = getattr(env.unwrapped, "drawing", None)
        self._inner = {
            "plan": env.get_wrapper_attr("planning") if env.has_wrapper_attr("planning") else Stopwatch(),
            "render": drawing if isinstance(drawing, Stopwatch) else Stopwatch(),
        }
        self._before = {part: watch.spent for part, watch in self._inner.items()}
        self._inner_at_reset = dict.fromkeys(self._inner, Spent(0.0, 0.0))

    @contextlib.contextmanager
    def measure(self, part: str) -> Iterator[None]:
        try:
            with self._calls[part].running():
                yield
        finally:
            if part == "reset":
                self._inner_at_reset = self._inner_spent()

    def timings(self) -> Timings:
        inner = self._inner_spent()
        spent = {part: watch.spent for part, watch in self._calls.items()} | inner
        within_steps = [inner[part][i] - self._inner_at_reset[part][i] for i in (0, 1) for part in inner]
        step = spent["step"]
        spent["simulate"] = Spent(step.wall - sum(within_steps[:2]), step.cpu - sum(within_steps[2:]))
        return Timings(**{f"{part}_{clock}": getattr(value, clock) for part, value in spent.items() for clock in Spent._fields})

    def _inner_spent(self) -> dict[str, Spent]:
        before = self._before
        return {
            part: Spent(watch.spent.wall - before[part].wall, watch.spent.cpu - before[part].cpu)
            for part, watch in self._inner.items()
        }


def run_episode(env: Environment, player: Contestant, scenario: Scenario, protocol: Protocol) -> EpisodeRecord:
    """Lets an agent play one scenario.

    Whatever the environment, the path planner or the agent raise ends in the record, `SystemExit` too. `KeyboardInterrupt`,
    `MemoryError` and errors about missing dependencies pass through: they say nothing about the episode. Numpy's matrix products are
    computed on one thread.

    Args:
        env: environment of the scenario's task, as the agent needs it; left open.
        player: the agent.
        scenario: the episode.
        protocol: the rules.
    """
    progress, clock, host = Progress(), _Clock(env), HostLoad.now()
    seen = _Seen(env, path_camera(protocol) if protocol.cameras else None)
    try:
        # Threads that wait for the other cores of a busy machine cost five times what they save, and how many share a sum may decide
        # its last bits.
        with threadpool_limits(limits=1, user_api="blas"):
            ending = _play(env, player.agent, scenario, protocol, progress, clock, seen)
    except _EpisodeEnded as ended:
        ending = ended.ending
    if ending.kind != "environment_error":
        progress.track = seen.track()
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
        message=_clean(error) if isinstance(error, str) else describe(error),
        checkpoint=player.checkpoint,
        attempts=attempts,
        host=HostLoad.now(),
        versions=versions(),
    )


def _renderer(env: Environment) -> dict[str, str]:
    name = getattr(env.unwrapped, "renderer_name", None)
    return {} if name is None else {RENDERER: str(name)}


def _play(
    env: Environment, agent: Agent, scenario: Scenario, protocol: Protocol, progress: Progress, clock: _Clock, seen: _Seen
) -> _Ending:
    with clock.measure("reset"), _blaming("environment_error"):
        observation, info = env.reset(options={"scenario": scenario})
    with _blaming("environment_error"):
        progress.instruction = str(info["instruction"])
        progress.path, progress.path_error = _proposal(info)
        progress.draws = draws_to_json(info["draws"]) if info.get("draws") else None
        proposals, stages = _Proposals(progress), _Stages(progress)
        proposals.note(info)
        stages.note(info)
        progress.oracle_path = seen.begin()
        solved = bool(info["is_success"])
        if solved:
            raise RuntimeError("the task is solved already after reset")
        oracle = env.unwrapped.oracle if agent.needs.privileged else None  # type: ignore[attr-defined]
    if progress.path_error is not None and protocol.on_planner_error == "end":
        return _Ending("error", "planner_error", progress.path_error)
    context = EpisodeContext(scenario=scenario, instruction=progress.instruction, rng=scenario.rng("agent"), oracle=oracle)
    with clock.measure("act"), _blaming("agent_error"):
        agent.reset(context)
    refusals: list[str] = []
    for _ in range(protocol.max_steps.of(agent.action_mode)):
        try:
            with clock.measure("act"), _blaming("agent_error"):
                action = agent.act(observation)
        except _EpisodeEnded as ended:
            if solved and ended.ending.outcome == "failure":
                return _Ending("success")
            raise
        failure: str | None = None
        truncated = False
        attempts = [action] * (1 + protocol.retries)
        while attempts:
            attempt = attempts.pop()
            try:
                with clock.measure("step"), _blaming("environment_error"):
                    observation, reward, terminated, truncated, info = env.step(attempt)
            except _EpisodeEnded as ended:
                if ended.ending.outcome == "error" or protocol.on_invalid_action == "end":
                    raise
                refusals.append(f"{ended.ending.kind}: {ended.ending.message}")
                break
            with _blaming("environment_error"):
                _count(progress, float(reward), info)
                if proposals.note(info, progress.steps + 1):
                    seen.mark(progress.control_steps)
                stages.note(info, progress.steps + 1)
                failure, solved = info["failure"], bool(info["is_success"])
                truncated = truncated or (terminated and not solved)
            if failure is None or solved or truncated:
                break
            if failure == _NO_FREE_PATH and protocol.on_no_free_path == "ignore_collisions" and _asks_for_checks(agent, attempt):
                attempts.append(_without_checks(attempt))
        progress.steps += 1
        progress.motion_failures += failure is not None
        if solved and protocol.success == "any_step":
            return _Ending("success")
        if failure is not None and protocol.on_motion_failure == "end":
            return _Ending("success") if solved else _Ending("failure", f"motion_failure:{failure}")
        if truncated:
            return _Ending("failure", "truncated", "the environment ended the episode")
    if solved:
        return _Ending("success")
    said = f"{len(refusals)} actions were refused, the last as {refusals[-1]}" if refusals else None
    return _Ending("failure", "step_limit", said)


def _asks_for_checks(agent: Agent, action: Any) -> bool:
    # Engines from elsewhere may take keyposes without the flag.
    flagged = agent.action_mode == "keypose" and np.size(action) > _IGNORE_COLLISIONS
    return flagged and bool(action[_IGNORE_COLLISIONS] <= IGNORE_COLLISIONS_THRESHOLD)


def _without_checks(action: Any) -> Any:
    changed = np.array(action, dtype=np.float64)
    changed[_IGNORE_COLLISIONS] = 1.0
    return changed


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

    def note(self, info: dict[str, Any], step: int = 0) -> bool:
        """Adds a proposal if there is a new one after this many decisions, and tells whether there is."""
        count = int(info.get("path_proposals", 0))
        if count == self._count:
            return False
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
        return True


@dataclass
class _Stages:
    """Keeps after how many decisions each stage of the task was reached."""

    progress: Progress
    _first: list[int | None] = field(default_factory=list)

    def note(self, info: dict[str, Any], step: int = 0) -> None:
        """Takes over what the environment tells after this many decisions; not every environment does."""
        if "stages" not in info:
            return
        self._first += [None] * (len(info["stages"]) - len(self._first))
        for number, reached in enumerate(info["stages"]):
            if reached and self._first[number] is None:
                self._first[number] = step
        self.progress.stage = float(info["stage"])
        self.progress.stages = json.dumps(self._first, separators=(",", ":"))


class _Seen:
    """The episode in the image that the path camera shows at reset. Environments without such a camera or track have none."""

    def __init__(self, env: Environment, camera_name: str | None) -> None:
        self._env, self._camera_name = env, camera_name
        self._camera: Camera | None = None
        self._marks: list[int] = []

    def begin(self) -> str | None:
        """Keeps the camera of the first image; gives the way of the scripted solution in it, where there is one to be seen."""
        base: Any = self._env.unwrapped
        if self._camera_name is None or not hasattr(base, "camera") or not hasattr(base, "gripper_track"):
            return None
        self._camera = base.camera(self._camera_name)
        if not hasattr(base, "oracle"):
            return None
        positions, states = base.gripper_track()
        way = seen_track(*gripper_track(base.oracle.preview(), positions[0], bool(states[0])), self._camera)
        return None if way is None else way.to_text()

    def mark(self, control_step: int) -> None:
        """Notes that a new path was proposed after this many control steps."""
        self._marks.append(control_step)

    def track(self) -> str | None:
        """The way the gripper has taken since then."""
        if self._camera is None:
            return None
        positions, states = self._env.unwrapped.gripper_track()  # type: ignore[attr-defined]
        way = seen_track(positions, states, self._camera, tuple(self._marks))
        return None if way is None else way.to_text()


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
            raise _EpisodeEnded(_Ending("error", kind, describe(stop))) from stop
        raise _EpisodeEnded(_Ending("failure", f"agent_stopped:{stop.reason}", _clean(str(stop)))) from stop
    except InvalidActionError as refusal:
        if kind != "environment_error":
            raise _EpisodeEnded(_Ending("error", kind, describe(refusal))) from refusal
        raise _EpisodeEnded(_Ending("failure", f"invalid_action:{refusal.reason}", _clean(str(refusal)))) from refusal
    except SimulatorFaultError as fault:
        raise _EpisodeEnded(_Ending("error", "simulator_fault", describe(fault))) from fault
    except (Exception, SystemExit) as error:
        raise _EpisodeEnded(_Ending("error", kind, describe(error))) from error


def describe(error: BaseException) -> str:
    """Class, text and place of an error in one line, the same in every process."""
    if isinstance(error, RelayedError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return _clean(f"{type(error).__name__}: {error}") + place


def _clean(text: str) -> str:
    # Memory addresses differ from process to process, and lone surrogates cannot be stored.
    text = _ADDRESS.sub("0x...", text).encode("utf-8", "replace").decode()
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 3] + "..."
