"""``hamster-bench demos export``: writes demonstrations in the form of other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hamster_bench.cli.options import choice, names
from hamster_bench.demos.lerobot import PICTURES, export_lerobot
from hamster_bench.demos.rlbench_layout import export_rlbench
from hamster_bench.demos.rlds import export_rlds
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError
from hamster_bench.scenario import Scenario

FORMS = ("lerobot", "rlbench", "rlds")
ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of demonstrations")
    parser.add_argument(
        "--form",
        type=choice("form", FORMS),
        required=True,
        metavar="|".join(FORMS),
        help="a LeRobotDataset of version 3.0, RLBench's folders of pictures, or RLDS with small changes of pose",
    )
    parser.add_argument("--tasks", type=names, default=(ALL,), metavar="A,B", help="tasks by name, or 'all' (default)")
    parser.add_argument(
        "--pictures",
        type=choice("choice of pictures", PICTURES),
        metavar="video|image",
        help="lerobot: H.264 films (default), or PNG inside the tables, without loss",
    )
    parser.add_argument("--depth", action="store_true", help="lerobot: depth [m] too, as float32 numbers")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="new directory")


def execute(arguments: argparse.Namespace) -> int:
    """Exports, and says on stdout what."""
    from tqdm import tqdm

    store = DemoStore(arguments.directory)
    for task in () if arguments.tasks == (ALL,) else arguments.tasks:
        TASKS.get(task)
    scenarios = [s for s in store.scenarios() if arguments.tasks == (ALL,) or s.task in arguments.tasks]
    if not scenarios:
        raise InvalidOptionError(f"{store.directory} holds no demonstrations of {', '.join(arguments.tasks)}")
    with tqdm(total=len(scenarios), unit="demo", dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:

        def report(scenario: Scenario) -> None:
            bar.update()

        if arguments.form != "lerobot":
            if arguments.pictures or arguments.depth:
                raise InvalidOptionError("--pictures and --depth belong to --form lerobot; the others have PNG")
            export = export_rlbench if arguments.form == "rlbench" else export_rlds
            count = export(store, arguments.out, scenarios, report)
        else:
            pictures = arguments.pictures or PICTURES[0]
            count = export_lerobot(store, arguments.out, scenarios, pictures=pictures, depth=arguments.depth, report=report)
    print(f"{arguments.out}: {count} demonstrations")
    return 0
