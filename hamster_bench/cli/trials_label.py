"""``hamster-bench trials label``: a label again, or by a second person."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.trials.book import TrialBook
from hamster_bench.trials.console import TrialConsole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder of the evaluation")
    parser.add_argument("trial", metavar="TRIAL", help="id of the trial, as in t003")
    parser.add_argument("--person", required=True, metavar="INITIALS", help="initials of whoever labels")


def execute(arguments: argparse.Namespace) -> int:
    """Asks and writes."""
    book = TrialBook(arguments.directory)
    TrialConsole(arguments.directory / "overlays").label(book, book.trial(arguments.trial), arguments.person)
    return 0
