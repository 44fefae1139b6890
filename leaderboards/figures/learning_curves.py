"""How policies learned: errors on held-out demonstrations, and the loss, against the number of steps."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hamster_bench.errors import StoreError
from hamster_bench.leaderboards.figures.style import MARKERS, OKABE_ITO, TEXT_WIDTH, figure_style, footnote, titled_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "training"
# Steps whose losses are put together in one point.
_WINDOW = 50
_PANELS = (
    ("loss", "loss, share of the first", 1.0),
    ("position_error_m", "position error [cm]", 100.0),
    ("rotation_error_deg", "rotation error [degree]", 1.0),
)

# Columns of a table by name.
Columns = Mapping[str, Sequence[float]]


def read_curves(folder: Path) -> dict[str, Columns]:
    """What trainings left, by name: every directory in ``folder`` with the two tables of ``hamster-bench train``.

    Returns:
        The columns of ``validation.csv``, among them ``step``, and with ``loss_step`` and ``loss`` the training's losses, means over 50
        steps.

    Raises:
        StoreError: there is no such directory, or a table cannot be read.
    """
    found: dict[str, Columns] = {}
    for place in sorted(path.parent for path in folder.glob("*/training.csv")):
        losses, errors = _columns(place / "training.csv"), _columns(place / "validation.csv")
        windows: dict[int, list[int]] = {}
        for row, step in enumerate(losses["step"]):
            windows.setdefault(int(step - 1) // _WINDOW, []).append(row)
        means = [math.fsum(losses["loss"][row] for row in rows) / len(rows) for rows in windows.values()]
        last = [losses["step"][rows[-1]] for rows in windows.values()]
        found[place.name] = {**errors, "loss_step": last, "loss": means}
    if not found:
        raise StoreError(f"there is no NAME/training.csv in {folder}; 'hamster-bench train' writes it with its checkpoint")
    return found


def learning_curves(curves: Mapping[str, Columns], title: str) -> Figure:
    """A panel for the loss and for each error, a line for each training; axes are logarithmic.

    Losses of different policies are no common measure; each is shown as a share of its first point.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, SymmetricalLogLocator

    with figure_style():
        figure = Figure(figsize=(TEXT_WIDTH, 2.7))
        panels = figure.subplots(1, len(_PANELS))
        handles = []
        for number, (name, columns) in enumerate(curves.items()):
            for axes, (column, _, factor) in zip(panels, _PANELS, strict=True):
                values = columns.get(column, ())
                if not len(values):
                    continue
                steps = columns["loss_step" if column == "loss" else "step"]
                scale = 1.0 / values[0] if column == "loss" else factor
                (line,) = axes.plot(
                    steps,
                    [value * scale for value in values],
                    color=OKABE_ITO[number % len(OKABE_ITO)],
                    marker="" if column == "loss" else MARKERS[number % len(MARKERS)],
                    markersize=3,
                    linewidth=1.1,
                    label=name,
                )
                if column == "position_error_m":
                    handles.append(line)
        for axes, (column, label, _) in zip(panels, _PANELS, strict=True):
            # A policy that chooses rotations by bins is right by nothing at all, or wrong by a bin.
            if column == "rotation_error_deg":
                axes.set_yscale("symlog", linthresh=1.0)
                axes.yaxis.set_major_locator(SymmetricalLogLocator(base=10.0, linthresh=1.0, subs=[1.0, 2.0, 5.0]))
            else:
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            # Powers of ten would be formulas, which figures of this package do not have.
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.set_xlabel("step")
            axes.set_ylabel(label)
            axes.grid(color="#D9D9D9", linewidth=0.5)
        titled_legend(figure, handles, title, 3)
        footnote(figure, "errors: medians over held-out demonstrations, of one answer of the policy; losses: means over 50 steps")
    return figure


def _columns(file: Path) -> dict[str, list[float]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        columns = {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise StoreError(f"{file} is no table of a training: {error}") from error
    if "step" not in columns:
        raise StoreError(f"{file} is no table of a training: it has no column 'step' with figures")
    return columns
