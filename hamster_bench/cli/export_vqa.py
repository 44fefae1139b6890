"""``hamster-bench export vqa``: pictures, questions and answers for training path planners."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hamster_bench.cli.options import choice, names, whole_number
from hamster_bench.demos.vqa import DEFAULT_SEED, VARIATIONS, Shard, VqaSettings, export_vqa
from hamster_bench.envs.factors import columns
from hamster_bench.envs.tasks import TASKS
from hamster_bench.scenario import CONTROL_FACTOR

ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    defaults = VqaSettings()
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
        "--seed",
        type=whole_number("--seed", 0),
        default=DEFAULT_SEED,
        metavar="S",
        help=f"base seed of the scenarios (default {DEFAULT_SEED}; evaluations start at 0)",
    )
    parser.add_argument(
        "--variations",
        type=choice("choice of variations", VARIATIONS),
        default=defaults.variations,
        metavar="zero|drawn",
        help="RLBench variation drawn for every episode (default), or 0 outside rlb_var",
    )
    parser.add_argument(
        "--image-size",
        type=whole_number("--image-size", 16),
        default=defaults.image_size,
        metavar="N",
        help=f"edge of the pictures in pixels (default {defaults.image_size})",
    )
    parser.add_argument(
        "--digits",
        type=whole_number("--digits", 1),
        default=defaults.digits,
        metavar="N",
        help=f"decimals of the answers' coordinates (default {defaults.digits}, as HAMSTER's)",
    )
    parser.add_argument("--workers", type=whole_number("--workers", 1), default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory; continued if it holds such an export")


def execute(arguments: argparse.Namespace) -> int:
    """Exports what the directory lacks, and says on stdout what it holds."""
    from tqdm import tqdm

    settings = VqaSettings(
        seed=arguments.seed, variations=arguments.variations, image_size=arguments.image_size, digits=arguments.digits
    )
    with tqdm(unit="tuple", dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:

        def report(shard: Shard, tuples: int) -> None:
            bar.set_description(f"{shard.task} {shard.factor}", refresh=False)
            bar.update(tuples)

        asked: dict[str, Any] = {
            "tasks": TASKS.names() if arguments.tasks == (ALL,) else arguments.tasks,
            "factors": columns() if arguments.factors == (ALL,) else arguments.factors,
            "skip_undefined": (ALL,) in (arguments.tasks, arguments.factors),
            "episodes": arguments.episodes,
        }
        summary = export_vqa(arguments.out, **asked, settings=settings, workers=arguments.workers, report=report)
    print(
        f"{arguments.out}: {summary.tuples} questions about {summary.episodes} pictures ({summary.skipped} episodes skipped), "
        f"{summary.new_tuples} new"
    )
    return 0
