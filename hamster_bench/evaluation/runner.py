"""Brings every planned episode to exactly one record."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import gymnasium

from hamster_bench.agent import Agent
from hamster_bench.envs.registration import ENGINES
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.environment import (
    PASS_THROUGH,
    Environment,
    MakeEnvironment,
    Requirements,
    make_environment,
    requirements,
    with_path,
)
from hamster_bench.evaluation.episode import Contestant, contestant, run_episode, unplayed
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.protocol import Protocol, check_needs
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.planners import make_planner
from hamster_bench.registry import Registry

# Mistakes in what was asked for, which every further episode would repeat.
_MISCONFIGURED: tuple[type[Exception], ...] = (UnknownNameError, InvalidOptionError, *PASS_THROUGH)


class RunSummary(NamedTuple):
    """What a run did.

    Attributes:
        planned: number of planned episodes.
        recorded_before: how many of them had a record already.
        outcomes: how many of the new records have each outcome.
    """

    planned: int
    recorded_before: int
    outcomes: Counter[str]


def prepare(agents: Mapping[str, Agent], protocol: Protocol) -> dict[str, Contestant]:
    """Agents with fingerprints, once it is sure that they can take part.

    Raises:
        AgentError: an agent needs what the protocol does not give.
        UnknownNameError: the protocol names an engine or a path planner that does not exist.
        InvalidOptionError: what it names as ``module:attribute`` does not exist, cannot be imported, or is no engine or no path planner;
            or the path planner refuses its options.
        MissingDependencyError: the path planner needs a package that is not installed.
    """
    engine = _named(ENGINES, protocol.engine)
    if not (isinstance(engine, type) and issubclass(engine, gymnasium.Env)):
        raise InvalidOptionError(f"engine {protocol.engine!r} is no class of Gymnasium environments")
    make_planner(protocol.path_planner)
    for name, agent in agents.items():
        check_needs(name, agent, protocol)
    return {name: contestant(name, agent) for name, agent in agents.items()}


def run(
    plan: Sequence[PlannedEpisode],
    store: ResultStore,
    protocol: Protocol,
    agents: Mapping[str, Agent],
    *,
    configuration: Mapping[str, Any] | None = None,
    make_environment: MakeEnvironment = make_environment,
) -> RunSummary:
    """Plays the planned episodes that have no record yet, and stores each as soon as it has ended.

    When it is interrupted, everything that ended is stored, and running the same plan again does the rest.

    Args:
        plan: the episodes, in the order in which they are played.
        store: open for writing.
        protocol: the rules.
        agents: every agent of the plan by name.
        configuration: arguments in effect, kept with the run.
        make_environment: makes the base environments.

    Raises:
        AgentError: an agent needs what the protocol does not give.
        StoreError: the store holds records of another agent of the same name, or cannot be written.
        HamsterBenchError: an environment cannot be made as asked for.
    """
    players = prepare(agents, protocol)
    _check_fingerprints(players, store, protocol)
    recorded = store.recorded(protocol.fingerprint)
    missing = [planned for planned in dict.fromkeys(plan) if (planned.agent, planned.scenario.id) not in recorded]
    before = len(set(plan)) - len(missing)
    outcomes: Counter[str] = Counter()
    if not missing:
        return RunSummary(before, before, outcomes)

    run_number = store.start_run(protocol, configuration or {})
    with _OneEnvironment(make_environment, protocol) as stage, _progress_bar(before + len(missing), before) as bar:
        for planned in missing:
            player = players[planned.agent]
            bar.set_description(f"{planned.scenario.task} {planned.agent}", refresh=False)
            record = _play(stage, player, planned, protocol)
            store.add(run_number, record)
            outcomes[record.outcome] += 1
            bar.set_postfix(outcomes, refresh=False)
            bar.update()
    store.finish_run(run_number)
    return RunSummary(before + len(missing), before, outcomes)


def _named(registry: Registry[Any], name: str) -> Any:
    try:
        return registry.get(name)
    except (HamsterBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise InvalidOptionError(f"{registry.kind} {name!r} cannot be imported: {type(error).__name__}: {error}") from error


class _OneEnvironment:
    """Keeps one environment open, and closes it before another is made."""

    def __init__(self, make: MakeEnvironment, protocol: Protocol) -> None:
        self._make = make
        self._protocol = protocol
        self._open: tuple[Requirements, Environment] | None = None

    def get(self, required: Requirements) -> Environment:
        if self._open is None or self._open[0] != required:
            self.close()
            self._open = required, with_path(self._make(required, self._protocol), required, self._protocol)
        return self._open[1]

    def close(self) -> None:
        if self._open is not None:
            _, env = self._open
            self._open = None
            # An environment that broke may break again here; its episode is recorded already.
            with contextlib.suppress(Exception, SystemExit):
                env.close()

    def __enter__(self) -> _OneEnvironment:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _play(stage: _OneEnvironment, player: Contestant, planned: PlannedEpisode, protocol: Protocol) -> EpisodeRecord:
    try:
        env = stage.get(requirements(player.agent, planned.scenario.task, protocol))
    except _MISCONFIGURED:
        raise
    except (Exception, SystemExit) as error:
        return unplayed(player, planned.scenario, protocol, error)
    record = run_episode(env, player, planned.scenario, protocol)
    if record.outcome == "error":
        # Whatever broke may have left something behind; the next episode starts from a new environment.
        stage.close()
    return record


def _check_fingerprints(players: Mapping[str, Contestant], store: ResultStore, protocol: Protocol) -> None:
    stored = store.agent_fingerprints(protocol.fingerprint)
    for name, player in players.items():
        others = stored.get(name, set()) - {player.fingerprint}
        if others:
            raise StoreError(
                f"{store.directory} holds records of another agent called {name!r} (fingerprint {', '.join(sorted(others))}, now "
                f"{player.fingerprint}): its code or checkpoint has changed; choose another directory"
            )


def _progress_bar(total: int, done: int) -> Any:
    from tqdm import tqdm

    # Rate and time left follow the last episodes, because tasks and agents differ in pace.
    return tqdm(total=total, initial=done, unit="episode", smoothing=0.1, dynamic_ncols=True, disable=not sys.stderr.isatty())
