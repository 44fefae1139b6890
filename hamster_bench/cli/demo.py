"""``hamster-bench demo``: the whole road in one command."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from hamster_bench.cli.options import whole_number
from hamster_bench.cli.run import evaluate
from hamster_bench.cli.table import defined_cells, read, write
from hamster_bench.envs.factors import columns
from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.workers.settings import WorkerSettings, physical_cores
from hamster_bench.leaderboards.variation_table import factor_grid
from hamster_bench.scenario import Scenario

# What frames a table from above and below, and a policy that learned without paths and with them.
SCRIPTED = ("expert", "path_lift", "random")
LEARNED = ("3d_da", "hamster_3d_da")
# One task each of pushing, a hinge, and grasping: enough to see everything work in a few minutes.
TASKS = ("slide_block_to_target", "close_box", "place_wine_at_rack_location")
EPISODES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="results directory (default demo)")
    parser.add_argument(
        "--episodes",
        type=whole_number("--episodes", 1),
        default=EPISODES,
        metavar="N",
        help=f"episodes for each agent, task and column (default {EPISODES})",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Runs scripted and learned agents on all columns of a few tasks, prints and writes the table, and draws table and tasks."""
    directory: Path = arguments.out
    agents: tuple[str, ...] = SCRIPTED
    if importlib.util.find_spec("torch") is not None:
        agents += LEARNED
    else:
        print("Without the learned agents, which need PyTorch: pip install 'hamster-bench[torch]'\n")
    workers = physical_cores()
    # The built-in planner, not the expert's own path: what a hierarchical policy meets.
    protocol = make_protocol("hamster", path_planner="sketch")
    evaluate(
        agents=agents,
        tasks=TASKS,
        episodes=arguments.episodes,
        seed=0,
        factors=columns(),
        protocol=protocol,
        directory=directory,
        skip_undefined=True,
        workers=WorkerSettings(count=workers) if workers > 1 else None,
    )
    print()
    is_defined = defined_cells()
    # An earlier version's demo may have left records under its own rules; they stay, and are not this table's.
    tables = read(directory, tasks=TASKS, agents=agents)
    table = next(table for table in tables if table.protocol.fingerprint == protocol.fingerprint)
    grid = factor_grid(table, columns=columns(), is_defined=is_defined)
    write([grid], markdown=directory / "table.md", csv=directory / "table.csv")
    _draw_tasks(TASKS, directory / "tasks.png")
    print(f"\nWritten to {directory}: table.md, table.csv, tasks.png (the tasks with the expert's paths), results.sqlite.")
    return 0


def _draw_tasks(tasks: tuple[str, ...], file: Path) -> None:
    from hamster_bench.gallery.pictures import contact_sheet, task_picture

    pictures = [task_picture(Scenario(task=task)) for task in tasks]
    try:
        contact_sheet(pictures, tasks, file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error
