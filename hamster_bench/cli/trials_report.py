"""``hamster-bench trials report``: who was who, and how they did."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.evaluation.store import ResultStore
from hamster_bench.trials.book import TrialBook
from hamster_bench.trials.report import report, store_records


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder of the evaluation")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="results directory to store the records in")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the figures and stores the records."""
    book = TrialBook(arguments.directory)
    figures = report(book)
    with ResultStore.for_writing(arguments.out) as store:
        new = store_records(book, store)
    for policy in figures.policies:
        modes = ", ".join(f"{mode} {count}" for mode, count in sorted(policy.failure_modes.items()) if mode != "none")
        print(
            f"{policy.agent}: score {policy.score:.3f} [{policy.score_low:.3f}, {policy.score_high:.3f}], success {policy.success:.2f} "
            f"[{policy.success_low:.2f}, {policy.success_high:.2f}], n {policy.n}, voids {policy.voids}, stopped {policy.faults}"
            f"{f'; {modes}' if modes else ''}"
        )
    for difference in figures.differences:
        print(
            f"{difference.first} - {difference.second}: {difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}], "
            f"p {difference.p:.4f} (permutation)"
        )
    print(f"{arguments.out}: {new} new records; 'hamster-bench table {arguments.out} --form trials --reference'")
    return 0
