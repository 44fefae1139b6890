"""Environments and agents for workers: importable by name, and able to break in every way a process can.

A folder named by an environment variable says which episodes break how.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, Agent, AgentNeeds, EpisodeContext
from hamster_bench.errors import AgentStopped, InvalidOptionError
from hamster_bench.evaluation.environment import Environment, Requirements
from hamster_bench.evaluation.environment import make_environment as make_real_environment
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings
from hamster_bench.scenario import Scenario
from tests.evaluation.scripted import ScriptedEnvironment, agents, scripted_plan

HAMSTER = make_protocol("hamster")
FOLDER = "HAMSTER_BENCH_TEST_FAULTS"


def plan_faults(folder: Path, faults: Mapping[str, Sequence[str]]) -> None:
    """Has the episodes of scenarios, by id, break in these ways, one after the other; after that they are sound."""
    (folder / "faults.json").write_text(json.dumps({name: list(kinds) for name, kinds in faults.items()}))


def misbehave(kind: str) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif kind == "segfault":
        ctypes.string_at(0)
    elif kind == "exit":
        os._exit(3)
    elif kind == "hang":
        time.sleep(3600.0)
    elif kind == "memory":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
        np.ones(2**30)
    else:
        raise AssertionError(f"no fault {kind}")


def next_fault(name: str) -> str | None:
    folder = os.environ.get(FOLDER)
    if folder is None or not (Path(folder) / "faults.json").exists():
        return None
    for number, kind in enumerate(json.loads((Path(folder) / "faults.json").read_text()).get(name, ())):
        try:
            os.close(os.open(Path(folder) / f"{name}.{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return str(kind)
    return None


def make_environment(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
    """The walk; at the second step of an episode the next fault of its scenario comes about."""
    state: dict[str, Any] = {}

    def begin(env: ScriptedEnvironment, scenario: Scenario) -> None:
        state.update(scenario=scenario.id, steps=0)

    def step(env: ScriptedEnvironment, action: Any) -> None:
        state["steps"] += 1
        if state["steps"] == 2 and (kind := next_fault(state["scenario"])) is not None:
            misbehave(kind)

    return ScriptedEnvironment(begin, step)


class _FaultyReset(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A sound environment in which the next fault of a scenario comes about after its reset."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        result = self.env.reset(seed=seed, options=options)
        assert options is not None
        if (kind := next_fault(options["scenario"].id)) is not None:
            misbehave(kind)
        return result


def make_real(required: Requirements, protocol: Protocol) -> Environment:
    """The embedded engine, with faults."""
    return _FaultyReset(make_real_environment(required, protocol))


def make_misconfigured(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
    raise InvalidOptionError("no such option here")


def make_slow(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
    """Episodes that last until a test has done what it wants."""
    return ScriptedEnvironment(on_step=lambda env, action: time.sleep(0.05))


@dataclasses.dataclass
class _Walk:
    """What `BatchedWalker` remembers of an episode."""

    scenario: Scenario
    rng: np.random.Generator
    memory: NDArray[np.float64]
    steps: int = 0


class BatchedWalker:
    """A small recurrent network whose sums run along one row, so that rows do not know of each other.

    With faults planned for ``batch/<scenario id>`` it breaks when it decides for that scenario.
    """

    action_mode: ActionMode = "keypose"
    needs = AgentNeeds()
    max_batch_size = 8

    def __init__(self) -> None:
        draws = np.random.default_rng(0)
        self._inner = draws.normal(size=(16, 16)) / 4.0
        self._outer = draws.normal(size=16)
        self._walk: Any = None

    def reset(self, context: EpisodeContext) -> None:
        self._walk = self.begin(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        (action,) = self.act_batch([self._walk], [observation])
        if isinstance(action, AgentStopped):
            raise action
        return action

    def begin(self, context: EpisodeContext) -> _Walk:
        if context.scenario.episode == 7:
            raise ValueError("cannot begin this one")
        return _Walk(context.scenario, context.rng, np.zeros(16))

    def act_batch(
        self, episodes: Sequence[_Walk], observations: Sequence[Mapping[str, Any]]
    ) -> list[NDArray[np.float64] | AgentStopped]:
        if FOLDER in os.environ:
            with (Path(os.environ[FOLDER]) / "batches").open("a") as file:
                file.write(f"{len(episodes)}\n")
        for walk in episodes:
            if walk.steps == 1 and (kind := next_fault(f"batch-{walk.scenario.id}")) is not None:
                misbehave(kind)
            if walk.scenario.episode == 5 and walk.steps == 2:
                raise ValueError("cannot go on with this one")
        # Long enough for others to ask meanwhile.
        time.sleep(0.002)
        seen = np.stack([walk.memory + observation["position"] for walk, observation in zip(episodes, observations, strict=True)])
        hidden = np.tanh((seen[:, None, :] * self._inner).sum(axis=-1))
        out = (hidden * self._outer).sum(axis=-1)
        actions: list[NDArray[np.float64] | AgentStopped] = []
        for walk, memory, value in zip(episodes, hidden, out, strict=True):
            walk.memory, walk.steps = memory, walk.steps + 1
            if walk.scenario.episode == 3 and walk.steps == 4:
                actions.append(AgentStopped("tired", "has walked enough"))
            else:
                actions.append(np.array([0.5 + 0.4 * np.tanh(value) + walk.rng.uniform(-0.1, 0.1)]))
        return actions


def make_agent(name: str) -> Agent:
    return BatchedWalker() if name == "batched" else agents()[name]


def make_changed_agent(name: str) -> Agent:
    """Agents of other code than the run was started with."""
    agent = agents()[name]
    agent.needs = AgentNeeds(path="points")
    return agent


def players(plan: Sequence[PlannedEpisode]) -> dict[str, Agent]:
    return {name: make_agent(name) for name in dict.fromkeys(planned.agent for planned in plan)}


def play(
    directory: Path, plan: Sequence[PlannedEpisode], workers: WorkerSettings | None = None, **options: Any
) -> list[dict[str, Any]]:
    """Plays a plan and gives what runs must agree on."""
    with ResultStore.for_writing(directory) as store:
        given = {"make_environment": make_environment, "make_agent": make_agent, "workers": workers} | options
        run(plan, store, HAMSTER, players(plan), **given)
        return store.comparable_records()


def chaos_plan() -> tuple[PlannedEpisode, ...]:
    """200 episodes: 2 tasks, 2 agents, 50 each."""
    return scripted_plan(50, ("walker", "breaker"))
