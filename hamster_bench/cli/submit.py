"""``hamster-bench submit``: the records of a run as one file for a leaderboard."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.bundle import write_bundle
from hamster_bench.leaderboards.submission import check_complete


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory, its plan played to the end")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE.zip", help="bundle to write; must not exist")
    parser.add_argument(
        "--sign-off",
        required=True,
        metavar="NAME",
        help="who signs off that these are all records of the plan, such as 'Jane Doe <jane@example.org>'; everybody can read it",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Writes the bundle and prints its digest."""
    from hamster_bench.cli.leaderboard import plan_episodes

    with ResultStore.for_reading(arguments.directory) as store:
        check_complete(store, plan_episodes)
        digest = write_bundle(store, arguments.out, arguments.sign_off)
    print(f"written to {arguments.out}")
    print(f"digest: {digest}")
    print("Send the digest by another way than the bundle: who compares it knows that the bundle is the one you made.")
    return 0
