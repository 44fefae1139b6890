"""``hamster-bench demos collect``: lets the expert demonstrate tasks."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.cli.options import choice, names, whole_number
from hamster_bench.demos.collecting import DEFAULT_SEED, VARIATIONS, Collected, CollectionSummary, collect, plan
from hamster_bench.demos.records import IMAGES, DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.factors import columns
from hamster_bench.envs.registration import ENGINES
from hamster_bench.envs.tasks import TASKS
from hamster_bench.evaluation.record import versions
from hamster_bench.scenario import CONTROL_FACTOR

ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    defaults = DemoSettings()
    parser.add_argument("--tasks", type=names, default=(ALL,), metavar="A,B", help="tasks by name, or 'all' (default)")
    parser.add_argument(
        "--episodes", type=whole_number("--episodes", 1), required=True, metavar="N", help="episodes for each task and factor"
    )
    parser.add_argument(
        "--factors",
        type=names,
        default=(CONTROL_FACTOR,),
        metavar="A,B",
        help="variation factors (default no_var, the control), or 'all' columns of the variation table; with 'all' here or for the "
        "tasks, cells that are not defined are left out",
    )
    parser.add_argument(
        "--variations",
        type=choice("choice of variations", VARIATIONS),
        default="zero",
        metavar="zero|drawn",
        help="RLBench variation 0 outside rlb_var (default, as in evaluations), or one drawn for every episode",
    )
    parser.add_argument(
        "--seed",
        type=whole_number("--seed", 0),
        default=DEFAULT_SEED,
        metavar="S",
        help=f"base seed of the scenarios (default {DEFAULT_SEED}; evaluations start at 0)",
    )
    parser.add_argument(
        "--cameras", type=names, default=defaults.cameras, metavar="A,B", help="cameras to record (default front)"
    )
    parser.add_argument(
        "--image-size",
        type=whole_number("--image-size", 16),
        default=defaults.image_size[0],
        metavar="N",
        help=f"edge of the images in pixels (default {defaults.image_size[0]})",
    )
    parser.add_argument(
        "--images",
        type=choice("choice of images", IMAGES),
        default=defaults.images,
        metavar="all|keyframes",
        help="keep the images of all frames (default), or of the first one and of keyframes only, a tenth of the disk",
    )
    parser.add_argument(
        "--engine",
        type=choice("engine", ENGINES.names()),
        default=defaults.engine,
        metavar="NAME",
        help="simulator (default mujoco)",
    )
    parser.add_argument("--workers", type=whole_number("--workers", 1), default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory; continued if it holds demonstrations")


def execute(arguments: argparse.Namespace) -> int:
    """Collects what the directory lacks, and says on stdout what it holds and how long it took."""
    from tqdm import tqdm

    size = arguments.image_size
    settings = DemoSettings(cameras=arguments.cameras, image_size=(size, size), images=arguments.images, engine=arguments.engine)
    scenarios = plan(
        tasks=TASKS.names() if arguments.tasks == (ALL,) else arguments.tasks,
        episodes=arguments.episodes,
        factors=columns() if arguments.factors == (ALL,) else arguments.factors,
        skip_undefined=(ALL,) in (arguments.tasks, arguments.factors),
        variations=arguments.variations,
        seed=arguments.seed,
    )
    with tqdm(unit="demo", dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:

        def report(outcome: Collected) -> None:
            bar.set_description(outcome.scenario.task, refresh=False)
            bar.update(outcome.failure is None)

        summary = collect(
            arguments.out,
            scenarios,
            make_expert=ExpertAgent,
            versions=versions(),
            settings=settings,
            workers=arguments.workers,
            report=report,
        )
    _print_new(summary)
    print(
        f"{arguments.out}: {summary.demos} of {len(scenarios)} demonstrations, {summary.failed} failed; "
        f"{len(summary.new)} new in {summary.seconds:.1f} s"
        + (f", {summary.per_minute:.0f} a minute with {arguments.workers} workers" if summary.new else "")
    )
    _print_failures(DemoStore(arguments.out), summary)
    return 0


def _print_new(summary: CollectionSummary) -> None:
    """What was collected now, by task."""
    tasks = dict.fromkeys(outcome.scenario.task for outcome in summary.new)
    if not tasks:
        return
    width = max(map(len, tasks))
    print(f"{'task':<{width}}  demos  failed  frames    MB  CPU s  (frames, MB, CPU s: mean of a demonstration)")
    for task in tasks:
        outcomes = [outcome for outcome in summary.new if outcome.scenario.task == task]
        made = [outcome for outcome in outcomes if outcome.failure is None]
        count = max(1, len(made))
        print(
            f"{task:<{width}}  {len(made):>5}  {len(outcomes) - len(made):>6}  {sum(o.frames for o in made) / count:>6.0f}  "
            f"{sum(o.bytes for o in made) / count / 1e6:>4.1f}  {sum(o.cpu_seconds for o in outcomes) / len(outcomes):>5.2f}"
        )


def _print_failures(store: DemoStore, summary: CollectionSummary) -> None:
    if summary.failed:
        reasons = Counter((failure.scenario.task, failure.reason) for failure in store.failures())
        for (task, reason), count in sorted(reasons.items()):
            print(f"no demonstration of {task}: {reason} ({count} scenarios)")
