"""Brings every planned episode to exactly one record."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium

from hamster_bench.agent import Agent, make_agent
from hamster_bench.envs.registration import ENGINES
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, StoreError
from hamster_bench.evaluation.environment import MakeEnvironment, make_environment
from hamster_bench.evaluation.episode import Contestant, contestant
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.protocol import Protocol, check_needs
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.stage import Stage
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings
from hamster_bench.planners import make_planner
from hamster_bench.registry import Registry

# Kinds of errors that say that an episode lost its worker again and again.
SET_ASIDE = ("lost_worker", "time_out", "poisoned")


class RunSummary(NamedTuple):
    """What a run did.

    Attributes:
        planned: number of planned episodes.
        recorded_before: how many of them had a record already.
        outcomes: how many of the new records have each outcome.
        set_aside: those of the new records whose episode lost its worker at every try.
    """

    planned: int
    recorded_before: int
    outcomes: Counter[str]
    set_aside: tuple[EpisodeRecord, ...] = ()


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
    workers: WorkerSettings | None = None,
    make_agent: Callable[[str], Agent] = make_agent,
) -> RunSummary:
    """Plays the planned episodes that have no record yet, and stores each as soon as it has ended.

    When it is interrupted, everything that ended is stored, and running the same plan again does the rest. Workers change the pace
    and the order of the records, nothing else.

    Args:
        plan: the episodes, in the order in which they are played.
        store: open for writing.
        protocol: the rules.
        agents: every agent of the plan by name.
        configuration: arguments in effect, kept with the run.
        make_environment: makes the base environments. With workers it is imported by them, by its module and name.
        workers: play in worker processes; None plays in this process.
        make_agent: makes the agents of workers by name, as ``make_environment`` makes environments.

    Raises:
        AgentError: an agent needs what the protocol does not give.
        WorkerError: workers cannot be started, or are no copies of this process.
        StoreError: the store holds records of another agent of the same name, or cannot be written.
        HamsterBenchError: an environment cannot be made as asked for.
    """
    players = prepare(agents, protocol)
    _check_fingerprints(players, store, protocol)
    recorded = store.recorded(protocol.fingerprint)
    missing = [planned for planned in dict.fromkeys(plan) if (planned.agent, planned.scenario.id) not in recorded]
    before = len(set(plan)) - len(missing)
    if not missing:
        return RunSummary(before, before, Counter())

    outcomes: Counter[str] = Counter()
    set_aside: list[EpisodeRecord] = []
    if workers is None:
        played = _play_here(missing, players, protocol, make_environment)
    else:
        played = _play_in_workers(missing, players, protocol, workers, make_agent, make_environment)
    run_number = store.start_run(protocol, configuration or {})
    with contextlib.closing(played) as records, _progress_bar(before + len(missing), before) as bar:
        for record in records:
            store.add(run_number, record)
            outcomes[record.outcome] += 1
            if record.kind in SET_ASIDE:
                set_aside.append(record)
            bar.set_description(f"{record.scenario.task} {record.agent}", refresh=False)
            bar.set_postfix(outcomes, refresh=False)
            bar.update()
    store.finish_run(run_number)
    return RunSummary(before + len(missing), before, outcomes, tuple(set_aside))


def _play_here(
    missing: Sequence[PlannedEpisode], players: Mapping[str, Contestant], protocol: Protocol, make_environment: MakeEnvironment
) -> Generator[EpisodeRecord, None, None]:
    with Stage(make_environment, protocol) as stage:
        for planned in missing:
            yield stage.play(players[planned.agent], planned.scenario)


def _play_in_workers(
    missing: Sequence[PlannedEpisode],
    players: Mapping[str, Contestant],
    protocol: Protocol,
    workers: WorkerSettings,
    make_agent: Callable[[str], Agent],
    make_environment: MakeEnvironment,
) -> Generator[EpisodeRecord, None, None]:
    # Imported here: whoever plays in one process needs nothing of it.
    from hamster_bench.evaluation.workers.supervisor import play_in_workers

    return play_in_workers(missing, players, protocol, workers, make_agent, make_environment)


def _named(registry: Registry[Any], name: str) -> Any:
    try:
        return registry.get(name)
    except (HamsterBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise InvalidOptionError(f"{registry.kind} {name!r} cannot be imported: {type(error).__name__}: {error}") from error


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
