"""``hamster-bench merge``: one results directory of several."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.cli.options import choice
from hamster_bench.evaluation.merge import ON_CONFLICT, merge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR", help="results directories; they stay as they are")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new results directory")
    parser.add_argument(
        "--on-conflict",
        type=choice("rule for conflicts", ON_CONFLICT),
        default="refuse",
        metavar="|".join(ON_CONFLICT),
        help="when two directories contradict each other, merge nothing (default), or keep the agent's records of the later one under a "
        "name of its own",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Merges, and says what was found; 1 if something had to be kept apart."""
    report = merge(arguments.directories, arguments.out, on_conflict=arguments.on_conflict)
    print(f"{arguments.out}: {report.records} records, {report.duplicates} duplicates left out")
    for conflict in report.conflicts:
        print(f"  {conflict}")
    for (directory, protocol, agent), name in report.kept_apart.items():
        print(f"  {agent!r} of {directory} under protocol {protocol} is called {name!r}")
    return 1 if report.conflicts else 0
