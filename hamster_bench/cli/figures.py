"""``hamster-bench figures``: figures from stored results."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hamster_bench.cli.options import names
from hamster_bench.cli.table import is_defined, read
from hamster_bench.envs.factors import columns
from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.leaderboards.agent_sheet import FILE_NAME as AGENT_SHEET
from hamster_bench.leaderboards.agent_sheet import read_agent_sheet
from hamster_bench.leaderboards.demonstration_table import demonstration_points
from hamster_bench.leaderboards.figures.demonstrations import demonstration_plot
from hamster_bench.leaderboards.figures.failure_split import failure_split, failures_by_kind
from hamster_bench.leaderboards.figures.forest import Effect, forest_plot
from hamster_bench.leaderboards.figures.heat_map import heat_map
from hamster_bench.leaderboards.figures.style import FORMATS, check_formats, save
from hamster_bench.leaderboards.reference import reference_for
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.leaderboards.variation_table import task_variation_grid, variation_grid
from hamster_bench.scenario import CONTROL_FACTOR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = {
    "heat_map": "tasks x columns for each agent, and agents x columns",
    "failure_split": "how the episodes without success ended",
    "demonstrations": f"success against the share of the demonstrations; needs DIR/{AGENT_SHEET} or --agent-sheet",
    "forest": "effects with intervals; needs --effects",
}
EFFECT_FIELDS = ("label", "group", "effect", "low", "high")


class _Named(NamedTuple):
    name: str
    figure: Figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "figures:\n" + "\n".join(f"  {name:<15} {meaning}" for name, meaning in FIGURES.items())
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the figures; those of the same name are replaced"
    )
    parser.add_argument("--figures", type=names, metavar="A,B", help="which of those below (default: all that can be made)")
    parser.add_argument(
        "--formats", type=names, default=FORMATS, metavar="A,B", help=f"file formats (default {','.join(FORMATS)})"
    )
    parser.add_argument("--tasks", type=names, metavar="A,B", help="only these tasks; means are over them")
    parser.add_argument("--agents", type=names, metavar="A,B", help="only these agents")
    parser.add_argument(
        "--agent-sheet", type=Path, metavar="FILE", help=f"what agents were trained on (default DIR/{AGENT_SHEET})"
    )
    parser.add_argument("--effects", type=Path, metavar="FILE", help=f"effects as CSV: {', '.join(EFFECT_FIELDS)}, as shares")
    parser.add_argument(
        "--reference", action="store_true", help="published figures of the paper, marked, beside the demonstrations"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Makes the figures and says which files were written."""
    check_formats(arguments.formats)
    sheet: Path = arguments.agent_sheet or arguments.directory / AGENT_SHEET
    asked: Sequence[str] | None = arguments.figures
    for name in asked or ():
        if name not in FIGURES:
            raise UnknownNameError("figure", name, FIGURES)
    if asked is not None and "forest" in asked and arguments.effects is None:
        raise InvalidOptionError("a forest plot needs --effects FILE")
    chosen = asked or [
        name
        for name in FIGURES
        if (name != "demonstrations" or arguments.agent_sheet is not None or sheet.exists())
        and (name != "forest" or arguments.effects is not None)
    ]
    tables = read(arguments.directory, tasks=arguments.tasks, agents=arguments.agents)
    made: list[_Named] = []
    for table in tables:
        if "heat_map" in chosen:
            made += _heat_maps(table)
        if "failure_split" in chosen:
            made += _failure_splits(table)
        if "demonstrations" in chosen:
            made += _demonstrations(table, sheet, arguments.reference)
    if "forest" in chosen:
        made.append(_Named("forest", forest_plot(read_effects(arguments.effects), "Paired effects")))
    files = [file for name, figure in made for file in save(figure, arguments.out, name, arguments.formats)]
    print(f"Written to {arguments.out}: {', '.join(file.name for file in files)}.")
    return 0


def read_effects(file: Path) -> list[Effect]:
    """Effects from a CSV file with the columns ``label``, ``group``, ``effect``, ``low`` and ``high``.

    Raises:
        InvalidOptionError: the file cannot be read or lacks a column, or a figure is no number; the message names the line.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if not set(EFFECT_FIELDS) <= set(reader.fieldnames or ()):
                raise InvalidOptionError(
                    f"{file} must be a CSV file with the columns {', '.join(EFFECT_FIELDS)}, got {reader.fieldnames}"
                )
            return [_effect(f"{file}, line {reader.line_num}", row) for row in reader]
    except OSError as error:
        raise InvalidOptionError(f"{file} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidOptionError(f"{file} is not a CSV file: {error}") from error


def _effect(where: str, row: dict[str, str]) -> Effect:
    try:
        effect, low, high = (float(row[name]) for name in ("effect", "low", "high"))
    except (TypeError, ValueError):
        effect = low = high = math.nan
    if not -1.0 <= low <= effect <= high <= 1.0:
        raise InvalidOptionError(
            f"{where}: effect, low and high must be numbers in [-1, 1] with low <= effect <= high, got {row}"
        )
    return Effect(label=row["label"], group=row["group"], effect=effect, low=low, high=high)


def _heat_maps(table: SuccessTable) -> Iterator[_Named]:
    shown = [factor for factor in columns() if factor in table.factors]
    if len(shown) < 2:
        shown = list(table.factors)
    end = table.protocol.fingerprint
    for agent in table.agents:
        grid = task_variation_grid(table.restricted(agents=[agent]), columns=shown, is_defined=is_defined)
        yield _Named(f"heat_map-{agent}-{end}", heat_map(grid, f"Success of {agent}"))
    grid = variation_grid(table, columns=shown, is_defined=is_defined)
    yield _Named(f"heat_map-agents-{end}", heat_map(grid, "Success, mean over tasks"))


def _failure_splits(table: SuccessTable) -> Iterator[_Named]:
    note = f"protocol {table.protocol.label} ({table.protocol.fingerprint}); every factor and task with records"
    figure = failure_split(failures_by_kind(table), "How episodes without success ended", note=note)
    yield _Named(f"failure_split-{table.protocol.fingerprint}", figure)


def _demonstrations(table: SuccessTable, sheet: Path, published: bool) -> Iterator[_Named]:
    points = demonstration_points(table, trainings=read_agent_sheet(sheet), is_defined=is_defined)
    protocol = f"protocol {table.protocol.label} ({table.protocol.fingerprint})"
    note = f"{CONTROL_FACTOR}, mean over {len(table.tasks)} tasks, 95 % intervals; {protocol}"
    reference = reference_for("demonstrations") if published else None
    figure = demonstration_plot(points, "Demonstration efficiency", reference=reference, note=note)
    yield _Named(f"demonstrations-{table.protocol.fingerprint}", figure)
