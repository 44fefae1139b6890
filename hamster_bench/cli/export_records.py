"""``hamster-bench export DIR``: every record as Parquet, CSV or JSON."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.cli.options import choice
from hamster_bench.evaluation.export import FORMATS, export
from hamster_bench.evaluation.store import ResultStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument(
        "--to", type=choice("format", FORMATS), required=True, metavar="|".join(FORMATS), help="format of the files"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to; default: the folder 'export' in the results directory"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Writes the files and says which."""
    folder = arguments.directory / "export" if arguments.out is None else arguments.out
    with ResultStore.for_reading(arguments.directory) as store:
        files = export(store, folder, arguments.to)
    print("\n".join(map(str, files)))
    return 0
