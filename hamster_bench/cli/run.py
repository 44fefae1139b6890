"""``hamster-bench run``: agents on tasks, every outcome stored."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hamster_bench.agent import make_agent
from hamster_bench.cli.options import agent_names, choice, names, whole_number
from hamster_bench.envs.contract import GRASP_MODES
from hamster_bench.envs.factors import columns
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.materials import distractor_folder, texture_folder
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import ON_PLANNER_ERROR, VARIATIONS, Protocol, make_protocol
from hamster_bench.evaluation.runner import prepare, run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers.settings import WorkerSettings
from hamster_bench.scenario import CONTROL_FACTOR

ALL = "all"
AUTO = "auto"

_SUPERVISION = WorkerSettings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "--agents",
        type=agent_names,
        required=True,
        metavar="A,B",
        help="agents by name, or as module:Class, with options as name:key=value",
    )
    parser.add_argument("--tasks", type=names, default=(ALL,), metavar="A,B", help="tasks by name, or 'all' (default)")
    parser.add_argument(
        "--episodes",
        type=whole_number("--episodes", 1),
        required=True,
        metavar="N",
        help="episodes for each agent, task and factor",
    )
    parser.add_argument(
        "--seed", type=whole_number("--seed", 0), default=0, metavar="S", help="base seed of the scenarios (default 0)"
    )
    parser.add_argument(
        "--factors",
        type=names,
        default=(CONTROL_FACTOR,),
        metavar="A,B",
        help="variation factors (default no_var, the control), or 'all' columns of the variation table; with 'all' here or for the "
        "tasks, cells that are not defined are left out",
    )
    parser.add_argument("--protocol", default="hamster", metavar="NAME", help="rules of the evaluation (default hamster)")
    parser.add_argument(
        "--variations",
        type=choice("choice of variations", VARIATIONS),
        metavar="zero|drawn",
        help="RLBench variation 0 outside rlb_var (default), or drawn for every episode",
    )
    parser.add_argument("--engine", metavar="NAME", help="simulator (default mujoco)")
    parser.add_argument(
        "--grasp",
        type=choice("grasp mode", GRASP_MODES),
        metavar="attach|friction",
        help="attach grasped objects as RLBench does (default), or leave them to contact physics",
    )
    parser.add_argument(
        "--path-planner", metavar="NAME[:OPTIONS]", help="who proposes 2D paths, such as oracle_noisy:std=0.02 (default oracle)"
    )
    parser.add_argument(
        "--on-planner-error",
        type=choice("rule", ON_PLANNER_ERROR),
        metavar="|".join(ON_PLANNER_ERROR),
        help="an episode whose planner failed ends there as an error (default), or is played without a path",
    )
    parser.add_argument(
        "--textures", type=Path, metavar="DIR", help="draw textures from the PNG and JPEG pictures in this folder"
    )
    parser.add_argument(
        "--distractors", type=Path, metavar="DIR", help="draw distractors from the OBJ, PLY and STL meshes in this folder"
    )
    parser.add_argument(
        "--compat",
        type=names,
        metavar="colosseum|A,B",
        help="decisions of THE COLOSSEUM to take back: all of them, or single ones; 'hamster-bench factors' lists them",
    )
    parser.add_argument(
        "--workers",
        type=_worker_count,
        metavar="N|auto",
        help="play side by side in N processes, or in one a core; 1 (default) plays in this process",
    )
    parser.add_argument(
        "--cluster",
        metavar="local|ray://HOST:PORT",
        help="play on a Ray cluster: one started for the run, or the one at this address; --workers is auto then, if not given",
    )
    parser.add_argument(
        "--time-limit",
        type=float,
        metavar="S",
        help=f"seconds after which a worker at work on one episode is taken for hung and killed (default {_SUPERVISION.time_limit:g})",
    )
    parser.add_argument(
        "--tries",
        type=whole_number("--tries", 1),
        metavar="N",
        help=f"times an episode is begun before it is set aside as an error when its workers break (default {_SUPERVISION.tries})",
    )
    parser.add_argument(
        "--recycle-after",
        type=whole_number("--recycle-after", 1),
        metavar="N",
        help=f"episodes after which a worker is replaced by a new one (default {_SUPERVISION.recycle_after})",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="results directory; continued if it has results")


def execute(arguments: argparse.Namespace) -> int:
    """Runs what is missing."""
    settable = ("engine", "grasp", "variations", "path_planner", "on_planner_error", "compat")
    changes = {name: getattr(arguments, name) for name in settable if getattr(arguments, name) is not None}
    if arguments.textures is not None:
        changes["textures"] = texture_folder(arguments.textures)
    if arguments.distractors is not None:
        changes["distractors"] = distractor_folder(arguments.distractors)
    return evaluate(
        agents=arguments.agents,
        tasks=TASKS.names() if arguments.tasks == (ALL,) else arguments.tasks,
        episodes=arguments.episodes,
        seed=arguments.seed,
        factors=columns() if arguments.factors == (ALL,) else arguments.factors,
        skip_undefined=(ALL,) in (arguments.tasks, arguments.factors),
        protocol=make_protocol(arguments.protocol, **changes),
        directory=arguments.out,
        workers=_workers(arguments),
    )


def _worker_count(text: str) -> int | str:
    return AUTO if text == AUTO else whole_number("--workers", 1)(text)


def _workers(arguments: argparse.Namespace) -> WorkerSettings | None:
    """What was asked for of workers; None for this process."""
    supervision = {name: getattr(arguments, name) for name in ("time_limit", "tries", "recycle_after")}
    given = {name: value for name, value in supervision.items() if value is not None}
    workers = arguments.workers or (AUTO if arguments.cluster is not None else 1)
    if workers == 1 and arguments.cluster is None:
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise InvalidOptionError(f"{options} needs workers to supervise: add --workers auto, or a number from 2")
        return None
    return WorkerSettings(count=workers if isinstance(workers, int) else None, cluster=arguments.cluster, **given)


def evaluate(
    *,
    agents: Sequence[str],
    tasks: Sequence[str],
    episodes: int,
    seed: int,
    factors: Sequence[str],
    protocol: Protocol,
    directory: Path,
    skip_undefined: bool = False,
    workers: WorkerSettings | None = None,
) -> int:
    """Plays what a plan lacks in a results directory, and says on stdout what was done.

    Everything asked for is looked up before the directory is touched.

    Args:
        agents: names.
        tasks: names.
        episodes: for each agent, task and factor.
        seed: base seed.
        factors: names.
        protocol: the rules.
        directory: results directory.
        skip_undefined: leave cells out in which a factor is not defined for a task, instead of refusing them.
        workers: play in worker processes; None plays in this one.

    Raises:
        HamsterBenchError: something was asked for that does not exist or does not fit together, or the directory cannot be used.
    """
    asked: dict[str, Any] = {"agents": agents, "tasks": tasks, "episodes": episodes, "seed": seed, "factors": factors}
    plan = make_plan(**asked, variations=protocol.variations, skip_undefined=skip_undefined)
    players = {name: make_agent(name) for name in agents}
    prepare(players, protocol)
    with ResultStore.for_writing(directory) as store:
        try:
            with _terminable():
                configuration = asked | {"protocol": protocol.to_json(), "workers": None if workers is None else asdict(workers)}
                summary = run(plan, store, protocol, players, configuration=configuration, workers=workers)
        except KeyboardInterrupt:
            done = len({(p.agent, p.scenario.id) for p in plan} & store.recorded(protocol.fingerprint))
            print(
                f"\ninterrupted: {done} of {len(plan)} episodes are recorded in {directory}; the same command does the rest",
                file=sys.stderr,
            )
            raise
    for record in summary.set_aside:
        print(f"set aside: {record.agent} on {record.scenario.id} ({record.kind}): {record.message}", file=sys.stderr)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items(), reverse=True))
    new = f"{summary.outcomes.total()} new: {outcomes}" if outcomes else "nothing left to do"
    print(f"{directory}: {summary.planned} episodes planned, {summary.recorded_before} recorded before, {new}")
    return 0


@contextmanager
def _terminable() -> Iterator[None]:
    """Lets SIGTERM, by which schedulers end a job, end a run as cleanly as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
