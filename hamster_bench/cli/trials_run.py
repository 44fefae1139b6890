"""``hamster-bench trials run``: the evaluation day."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hamster_bench.agent import make_agent
from hamster_bench.cli.options import choice
from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.registration import make_environment
from hamster_bench.trials.book import TrialBook
from hamster_bench.trials.console import TrialConsole
from hamster_bench.trials.running import run_trial


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder of the evaluation")
    parser.add_argument("--cell", type=Path, required=True, metavar="CELL", help="cell.json")
    parser.add_argument("--person", required=True, metavar="INITIALS", help="initials of the operator")
    parser.add_argument(
        "--mode",
        type=choice("mode", ("dry_run", "step", "live")),
        default="dry_run",
        metavar="dry_run|step|live",
        help="nothing moves (default); every action is confirmed; the arm moves once it is armed",
    )
    parser.add_argument("--count", type=int, metavar="N", help="stop after N trials")


def execute(arguments: argparse.Namespace) -> int:
    """Goes on where the evaluation stands."""
    cell, book = Cell.load(arguments.cell), TrialBook(arguments.directory)
    agents = {name: make_agent(name) for name in book.plan.agents}
    console = TrialConsole(arguments.directory / "overlays")
    total = len(book.schedule.trials)
    if arguments.mode == "dry_run":
        console.tell("dry run: nothing moves, and nothing is recorded in the book")

    def make(task: str, action_mode: str, cameras: tuple[str, ...], folder: Path) -> Any:
        return make_environment(
            task,
            engine="franka",
            cell=cell,
            cameras=cameras,
            image_size=book.plan.image_size,
            action_mode=action_mode,
            mode=arguments.mode,
            operator=console,
            log=folder,
        )

    done = 0
    while (trial := next(book.remaining(), None)) is not None and done != arguments.count:
        console.begin(trial, sum(book.ended(planned.id) for planned in book.schedule.trials) + 1, total)
        run_trial(book, trial, agents, make, rehearsal=arguments.mode == "dry_run")
        done += 1
        if arguments.mode == "dry_run":
            break
        reason = console.void_reason()
        if reason is not None:
            book.void(trial.id, reason, arguments.person)
            continue
        console.label(book, trial, arguments.person)
    left = len(book.unfinished())
    print(
        f"{arguments.directory}: {left} trials left"
        if left
        else f"{arguments.directory}: complete; 'hamster-bench trials report'"
    )
    return 0
