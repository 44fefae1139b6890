"""Collecting demonstrations: many scenarios, several processes, and nothing done twice."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from hamster_bench.demos.recording import Expert, record
from hamster_bench.demos.records import DemoSettings, FailedDemo
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.factors.episode import check_defined
from hamster_bench.envs.registration import environment_id
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import (
    AgentStopped,
    HamsterBenchError,
    InvalidOptionError,
    PlacementError,
    SimulatorFaultError,
    UnknownNameError,
)
from hamster_bench.scenario import CONTROL_FACTOR, VARIATION_FACTORS, Scenario

VARIATIONS = ("zero", "drawn")
# Evaluations count their base seeds from 0: demonstrations from here on do not give away what they ask.
DEFAULT_SEED = 1000

# Scenarios of one task a worker plays before the next task may come; opening an environment takes as long as half a demonstration.
_BATCH = 10
# Times that workers may die one after the other, none having finished anything, before the machine is to blame.
_MOST_BREAKDOWNS = 3
_PR_SET_PDEATHSIG = 1


class CollectionError(HamsterBenchError):
    """Collecting cannot go on; what has been collected stays and counts."""


class Collected(NamedTuple):
    """What happened to one scenario.

    Attributes:
        scenario: the episode.
        failure: why there is no demonstration, or None when there is one.
        frames: of the demonstration.
        bytes: of its file.
        cpu_seconds: processor time it took.
    """

    scenario: Scenario
    failure: str | None
    frames: int
    bytes: int
    cpu_seconds: float


@dataclass(frozen=True)
class CollectionSummary:
    """What a collection has done, and what of what was asked for is there now.

    Attributes:
        new: outcomes of this collection, by task and in the order of their ends.
        demos: demonstrations there are now of the scenarios asked for.
        failed: scenarios asked for in which the expert failed.
        seconds: wall time [s].
    """

    new: tuple[Collected, ...]
    demos: int
    failed: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """New demonstrations a minute of wall time."""
        return 60.0 * sum(outcome.failure is None for outcome in self.new) / self.seconds if self.seconds > 0.0 else 0.0


def plan(
    *,
    tasks: Sequence[str],
    episodes: int,
    factors: Sequence[str] = (CONTROL_FACTOR,),
    skip_undefined: bool = False,
    variations: str = "zero",
    seed: int = DEFAULT_SEED,
) -> tuple[Scenario, ...]:
    """The scenarios to demonstrate: for each task and factor the episodes 0 to ``episodes`` - 1.

    Args:
        tasks: names.
        episodes: for each task and factor.
        factors: names.
        skip_undefined: leave cells out in which a factor is not defined for a task, instead of refusing them.
        variations: ``"zero"``: RLBench's variation 0 except under factors that draw it, as evaluations do; ``"drawn"``: one for every
            episode.
        seed: base seed of the scenarios.

    Raises:
        UnknownNameError: a task or factor does not exist, or no such choice of variations.
        UndefinedCellError: a factor is not defined for a task.
        InvalidOptionError: a number is out of range.
    """
    if variations not in VARIATIONS:
        raise UnknownNameError("choice of variations", variations, VARIATIONS)
    _check_count("episodes", episodes)
    planned = []
    for task in dict.fromkeys(tasks):
        count = TASKS.get(task).variation_count
        for factor in dict.fromkeys(factors):
            if not skip_undefined:
                check_defined(TASKS.get(task), factor)
            elif not FACTORS.get(factor).is_defined(TASKS.get(task)):
                continue
            for episode in range(episodes):
                scenario = Scenario(task=task, factor=factor, episode=episode, seed=seed)
                if variations == "drawn" or factor in VARIATION_FACTORS:
                    scenario = replace(scenario, variation=int(scenario.rng("variation").integers(count)))
                planned.append(scenario)
    return tuple(planned)


def collect(
    directory: Path,
    scenarios: Sequence[Scenario],
    *,
    make_expert: Callable[[], Expert],
    versions: Mapping[str, str],
    settings: DemoSettings | None = None,
    workers: int = 1,
    report: Callable[[Collected], None] = lambda outcome: None,
) -> CollectionSummary:
    """Collects what a directory lacks; given again, also after an interruption, it does the rest.

    A demonstration depends on its scenario and the settings alone, not on the number of workers or on what was collected before. A
    scenario in which the expert fails is noted with its reason and not tried again: it would fail again.

    Args:
        directory: where to; made if need be.
        scenarios: the episodes.
        make_expert: makes an expert; a function or class that can be imported.
        versions: of what makes the demonstrations.
        settings: what all demonstrations of the directory have in common.
        workers: processes; 1 is this process.
        report: called with every outcome.

    Raises:
        InvalidOptionError: ``workers`` is out of range.
        StoreError: the directory holds demonstrations with other settings, something else, or cannot be written.
        CollectionError: workers die, whatever they play.
    """
    _check_count("workers", workers)
    settings = settings or DemoSettings()
    start = time.monotonic()
    for task in dict.fromkeys(scenario.task for scenario in scenarios):
        TASKS.get(task)
    if scenarios and not DemoStore.exists(directory):
        # A wrong camera, or a machine that cannot draw, shows before anything is written.
        _environment(scenarios[0].task, settings).close()
    store = DemoStore.create(directory, settings)
    missing = [scenario for scenario in scenarios if scenario not in store and not store.has_failed(scenario)]
    job = _Job(directory, make_expert, dict(versions))
    new: list[Collected] = []
    for outcome in _outcomes(job, _batches(missing), min(workers, max(1, len(missing)))):
        new.append(outcome)
        report(outcome)
    held = Counter(store.has_failed(scenario) for scenario in scenarios)
    return CollectionSummary(tuple(new), held[False], held[True], time.monotonic() - start)


class _Job(NamedTuple):
    """What every worker has to know."""

    directory: Path
    make_expert: Callable[[], Expert]
    versions: Mapping[str, str]


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidOptionError(f"{name} must be a whole number from 1, got {value!r}")


def _batches(scenarios: Sequence[Scenario]) -> list[tuple[Scenario, ...]]:
    by_task: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        by_task.setdefault(scenario.task, []).append(scenario)
    return [tuple(group[first : first + _BATCH]) for group in by_task.values() for first in range(0, len(group), _BATCH)]


def _outcomes(job: _Job, batches: Sequence[tuple[Scenario, ...]], workers: int) -> Iterator[Collected]:
    if workers == 1:
        for batch in batches:
            yield from _collect_batch(job, batch)
        return
    waiting = list(batches)
    breakdowns = 0
    while waiting:
        finished: set[int] = set()
        try:
            for number, outcomes in _in_processes(job, waiting, workers):
                finished.add(number)
                yield from outcomes
        except BrokenProcessPool as error:
            breakdowns = 0 if finished else breakdowns + 1
            if breakdowns == _MOST_BREAKDOWNS:
                raise CollectionError(
                    f"workers died {_MOST_BREAKDOWNS} times without finishing anything; for want of memory? Use fewer workers, fewer "
                    "cameras or smaller images, and give the same command again to go on"
                ) from error
        # What the dead had written is there; it is left out when the batch is done again.
        waiting = [batch for number, batch in enumerate(waiting) if number not in finished]


def _in_processes(job: _Job, batches: Sequence[tuple[Scenario, ...]], workers: int) -> Iterator[tuple[int, list[Collected]]]:
    # Started anew: a forked process would share the graphics context of this one.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),))
    try:
        running: dict[Future[list[Collected]], int] = {
            pool.submit(_collect_list, job, batch): number for number, batch in enumerate(batches)
        }
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    """Start of a worker process: it dies with its parent, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _collect_list(job: _Job, batch: tuple[Scenario, ...]) -> list[Collected]:
    return list(_collect_batch(job, batch))


def _collect_batch(job: _Job, batch: tuple[Scenario, ...]) -> Iterator[Collected]:
    """Demonstrates scenarios of one task that the directory lacks."""
    store = DemoStore(job.directory)
    settings = store.settings
    expert = job.make_expert()
    env = _environment(batch[0].task, settings)
    with contextlib.closing(env):
        versions = {**job.versions, "renderer": str(getattr(env.unwrapped, "renderer_name", None))}
        for scenario in batch:
            start = time.process_time()
            if scenario in store or store.has_failed(scenario):
                continue
            try:
                demo = record(
                    env,
                    expert,
                    scenario,
                    cameras=settings.cameras,
                    every_image=settings.images == "all",
                    versions=versions,
                )
            except (AgentStopped, PlacementError, SimulatorFaultError) as error:
                failure = FailedDemo(scenario=scenario, reason=_reason(error), message=str(error), versions=versions)
                store.add_failure(failure)
                yield Collected(scenario, failure.reason, 0, 0, time.process_time() - start)
                continue
            header = store.add(demo)
            yield Collected(scenario, None, header.frames, header.bytes, time.process_time() - start)


def _reason(error: HamsterBenchError) -> str:
    if isinstance(error, AgentStopped):
        return "not_solved" if error.reason == "waypoints_done" else error.reason
    return "no_layout" if isinstance(error, PlacementError) else "simulator_fault"


def _environment(task: str, settings: DemoSettings) -> gymnasium.Env[Any, Any]:
    options: dict[str, Any] = {
        "engine": settings.engine,
        "cameras": settings.cameras,
        "image_size": settings.image_size,
        "action_mode": "joint_position",
    }
    # The checker compares every observation with the space; tests do that, collecting need not.
    return gymnasium.make(environment_id(task), disable_env_checker=True, **options)
