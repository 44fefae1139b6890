"""``hamster-bench demo``: the whole road in one command."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.cli.options import whole_number
from hamster_bench.cli.run import evaluate
from hamster_bench.cli.table import show
from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.scenario import CONTROL_FACTOR, Scenario

AGENTS = ("expert", "path_lift", "random")
# One task each of pushing, a hinge, inserting and stacking: enough to see everything work in a few minutes.
TASKS = ("slide_block_to_target", "close_box", "insert_onto_square_peg", "stack_cups")
EPISODES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="results directory (default demo)")
    parser.add_argument(
        "--episodes",
        type=whole_number("--episodes", 1),
        default=EPISODES,
        metavar="N",
        help=f"episodes for each agent and task (default {EPISODES})",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Runs the scripted agents on four tasks, with paths of the built-in planner, prints and writes the table, and draws the tasks."""
    directory: Path = arguments.out
    evaluate(
        agents=AGENTS,
        tasks=TASKS,
        episodes=arguments.episodes,
        seed=0,
        factors=(CONTROL_FACTOR,),
        # The built-in planner, not the expert's own path: what a hierarchical policy meets.
        protocol=make_protocol("hamster", path_planner="sketch"),
        directory=directory,
    )
    print()
    show(directory, markdown=directory / "table.md", csv=directory / "table.csv")
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
