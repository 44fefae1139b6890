"""``hamster-bench datasheets``: writes the pages and pictures of the tasks."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import StoreError
from hamster_bench.gallery.datasheets import PICTURE_FOLDER, datasheet, index
from hamster_bench.scenario import Scenario

_PICTURE_SIZE = 384
_SHEET_COLUMNS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("docs/tasks"), metavar="DIR", help="where to (default docs/tasks)")
    parser.add_argument(
        "--ceilings", type=Path, metavar="FILE", help="table written by 'hamster-bench table --csv', quoted in the pages"
    )
    parser.add_argument("--no-pictures", action="store_true", help="write the pages only")


def execute(arguments: argparse.Namespace) -> int:
    """Writes a page for every task, the list of tasks, and unless told otherwise their pictures and a contact sheet."""
    names = TASKS.names()
    folder: Path = arguments.out
    cells = read_ceilings(arguments.ceilings) if arguments.ceilings else {}
    try:
        (folder / PICTURE_FOLDER).mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / f"{name}.md").write_text(datasheet(name, cells.get(name, {})), encoding="utf-8")
        (folder / "README.md").write_text(index(names), encoding="utf-8")
        if not arguments.no_pictures:
            _draw(names, folder / PICTURE_FOLDER)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error
    print(f"Written to {folder}: {len(names)} pages.")
    return 0


def _draw(names: tuple[str, ...], folder: Path) -> None:
    from PIL import Image

    from hamster_bench.gallery.pictures import contact_sheet, task_picture

    pictures = [task_picture(Scenario(task=name), size=_PICTURE_SIZE) for name in names]
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).quantize(128).save(folder / f"{name}.png", optimize=True)
    contact_sheet(pictures, names, folder / "all.png", columns=_SHEET_COLUMNS)


def read_ceilings(file: Path) -> dict[str, dict[str, str]]:
    """What a table written by ``hamster-bench table --csv`` says, by task and agent.

    Raises:
        StoreError: the file is no such table.
    """
    cells: dict[str, dict[str, str]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                rate, low, high = (100.0 * float(row[key]) for key in ("success", "low", "high"))
                text = f"{rate:.1f} [{low:.1f}, {high:.1f}] {row['n']}"
                cells.setdefault(row["task"], {})[row["agent"]] = text
    except (OSError, KeyError, ValueError) as error:
        raise StoreError(f"{file} is no table written by 'hamster-bench table --csv': {error}") from error
    return cells
