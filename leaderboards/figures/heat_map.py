"""Heat map of a table of success."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hamster_bench.leaderboards.figures.style import GREY, LIGHT, TEXT_WIDTH, figure_style, footnote
from hamster_bench.leaderboards.formats import INCOMPLETE, MISSING, UNDEFINED
from hamster_bench.leaderboards.grid import Entry, Grid, Row
from hamster_bench.leaderboards.variation_table import AVERAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

_ROW_HEIGHT = 0.24  # [inch]
_GAP = 0.25  # between figures and their averages, in cells


def heat_map(grid: Grid, title: str) -> Figure:
    """Rows x columns of a grid of shares, each with its figure in per cent, in a palette whose lightness rises steadily.

    A cell that is not defined is grey and hatched and holds ``-``, one without records is white and holds ``?``. Published rows are left
    out: they are not comparable.

    Args:
        grid: the table; a row is called by its last label.
        title: line above.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    rows = [row for row in grid.rows if row.kind != "reference"]
    tops = _edges([row.kind == "mean" for row in rows])
    lefts = _edges([column == AVERAGE for column in grid.columns])
    width, height = lefts[-1] + 1, tops[-1] + 1
    with figure_style():
        figure = Figure(figsize=(TEXT_WIDTH, 1.35 + _ROW_HEIGHT * height))
        axes = figure.add_subplot()
        colours = ScalarMappable(Normalize(0.0, 1.0), colormaps["cividis"])
        for row, top in zip(rows, tops, strict=True):
            for left, entry in zip(lefts, row.entries, strict=True):
                _draw_cell(axes, left, top, entry, colours)
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.set_xticks([left + 0.5 for left in lefts], grid.columns, rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks([top + 0.5 for top in tops], [row.labels[-1] for row in rows])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(title, loc="left", pad=8)
        bar = figure.colorbar(colours, ax=axes, fraction=0.02, pad=0.01)
        bar.set_ticks([0.0, 0.5, 1.0], labels=["0", "50", "100"])
        bar.set_label("success [%]")
        bar.outline.set_visible(False)
        footnote(figure, _meaning(grid, rows))
    return figure


def _draw_cell(axes: Axes, left: float, top: float, entry: Entry, colours: ScalarMappable) -> None:
    from matplotlib.patches import Rectangle

    if entry.value is not None:
        red, green, blue, _ = face = colours.to_rgba(np.array([entry.value]))[0]
        # Relative luminance, with the weights of ITU-R BT.709.
        ink = "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45 else "black"
        text = f"{100 * entry.value:.0f}{INCOMPLETE if entry.incomplete else ''}"
        axes.add_patch(Rectangle((left, top), 1, 1, facecolor=face, edgecolor="white", linewidth=0.8))
    elif entry.undefined:
        ink, text = GREY, UNDEFINED
        axes.add_patch(Rectangle((left, top), 1, 1, facecolor=LIGHT, edgecolor="white", hatch="////", linewidth=0.8))
    else:
        ink, text = GREY, MISSING
        axes.add_patch(Rectangle((left, top), 1, 1, facecolor="white", edgecolor=LIGHT, linewidth=0.8))
    axes.text(left + 0.5, top + 0.52, text, ha="center", va="center", color=ink, fontsize=7)


def _edges(averages: list[bool]) -> list[float]:
    """Upper or left edge of each row or column; averages stand a little apart from what they are over."""
    edges, edge = [], 0.0
    for i, average in enumerate(averages):
        if i and average != averages[i - 1]:
            edge += _GAP
        edges.append(edge)
        edge += 1.0
    return edges


def _meaning(grid: Grid, rows: list[Row]) -> str:
    entries = [entry for row in rows for entry in row.entries]
    parts = [f"protocol {grid.protocol} ({grid.fingerprint})"]
    if any(entry.undefined for entry in entries):
        parts.append(f"{UNDEFINED} not defined")
    if any(entry.incomplete and entry.value is None for entry in entries):
        parts.append(f"{MISSING} no records")
    if any(entry.incomplete and entry.value is not None for entry in entries):
        parts.append(f"{INCOMPLETE} records are lacking")
    return "; ".join(parts)
