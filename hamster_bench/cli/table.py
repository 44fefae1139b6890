"""``hamster-bench table``: success from stored results."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.cli.options import write_text
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.table import success_tables, to_csv, to_markdown, to_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown, too")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every figure as CSV, too")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the table and writes the files asked for."""
    show(arguments.directory, markdown=arguments.markdown, csv=arguments.csv)
    return 0


def show(directory: Path, *, markdown: Path | None = None, csv: Path | None = None) -> None:
    """Prints the table of a results directory and writes it to files.

    Raises:
        StoreError: there are no usable results, or a file cannot be written.
    """
    with ResultStore.for_reading(directory) as store:
        tables = success_tables(store)
    print(to_text(tables), end="")
    if markdown is not None:
        write_text(markdown, to_markdown(tables))
    if csv is not None:
        write_text(csv, to_csv(tables))
