"""``hamster-bench factors``: what varies, and for which tasks."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import StoreError
from hamster_bench.gallery.factors import factor_sheet, matrix_page, matrix_text

MATRIX = "matrix.md"
SHEET = "sheet.jpg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"write {MATRIX} and {SHEET}, a picture of tasks x columns, into this folder"
    )
    parser.add_argument("--no-pictures", action="store_true", help=f"leave {SHEET} out")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the matrix, or writes the page and the picture."""
    folder: Path | None = arguments.out
    if folder is None:
        print(matrix_text(), end="")
        return 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MATRIX).write_text(matrix_page(), encoding="utf-8")
        if not arguments.no_pictures:
            factor_sheet(folder / SHEET, tasks=TASKS.names())
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    print(f"Written to {folder}: {MATRIX}{'' if arguments.no_pictures else f' and {SHEET}'}.")
    return 0
