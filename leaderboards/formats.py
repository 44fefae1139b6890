"""Tables as text, Markdown, LaTeX and CSV, all from the same grids."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from hamster_bench.leaderboards.grid import Entry, Grid, Row, Unit

UNDEFINED = "-"
MISSING = "?"
INCOMPLETE = "*"
REFERENCE = "†"

# Tables with more columns than this get headings on end, and limits below their figure, in LaTeX.
_NARROW = 6

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    REFERENCE: r"\textdagger{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
} | {character: f"\\{character}" for character in "&%$#_{}"}

# What the figures of a table are called in CSV.
_VALUES: Mapping[Unit, str] = {
    "share": "success",
    "share_of_failures": "share_of_failures",
    "rank": "mean_rank",
    "distance": "mean_distance",
}
_DIGITS: Mapping[Unit, str] = {"share": ".1f", "share_of_failures": ".1f", "rank": ".2f", "distance": ".3f"}

# What a CSV line is about comes in this order, and anything else after it.
_KEYS = ("task", "agent", "factor")


def to_text(grids: Sequence[Grid], width: int | None = None) -> str:
    """Tables aligned for a terminal.

    Args:
        grids: the tables.
        width: longest line [character]; a wider table is continued below with its labels repeated. None for no limit.
    """
    return "\n\n".join(_text(grid, width) for grid in grids) + "\n"


def to_markdown(grids: Sequence[Grid]) -> str:
    """Tables in GitHub's Markdown."""
    return "\n\n".join(_markdown(grid) for grid in grids) + "\n"


def to_latex(grids: Sequence[Grid]) -> str:
    """Tables for LaTeX with the packages booktabs and, for tables of more than six columns, graphicx."""
    packages = "booktabs and graphicx" if any(len(grid.columns) > _NARROW for grid in grids) else "booktabs"
    return f"% Needs the LaTeX packages {packages}.\n\n" + "\n\n".join(_latex(grid) for grid in grids) + "\n"


def to_csv(grids: Sequence[Grid]) -> str:
    """One line for each figure, at full precision; empty where there is none. Shares and their limits are in [0, 1]."""
    names = dict.fromkeys(name for grid in grids for name in (*grid.labels, grid.column_kind, *grid.fixed))
    keys = [*(key for key in _KEYS if key in names), *(name for name in names if name not in _KEYS)]
    units = {grid.unit for grid in grids}
    value = _VALUES[units.pop()] if len(units) == 1 else _VALUES["share"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    header = ["protocol", "fingerprint", *keys, value, "low", "high", "n", "successes", "failures", "errors"]
    writer.writerow([*header, "deviation", "source"])
    for grid in grids:
        for row, column, entry in _by_column(grid):
            about = {**grid.fixed, **dict(zip(grid.labels, row.labels, strict=True)), grid.column_kind: column}
            figures = [_exact(figure) for figure in (entry.value, entry.low, entry.high)]
            outcomes = entry.outcomes
            counts = ["", "", ""] if outcomes is None else [outcomes.successes, outcomes.failures, outcomes.errors]
            protocol = ["", ""] if row.kind == "reference" else [grid.protocol, row.fingerprint or grid.fingerprint]
            n = "" if row.kind == "reference" else entry.n
            writer.writerow(
                [*protocol, *(about.get(key, "") for key in keys), *figures, n, *counts, _exact(entry.deviation), row.source]
            )
    return stream.getvalue()


def figure_text(entry: Entry, unit: Unit) -> str:
    """The figure alone: ``46.3``; ``-`` where there can be none, ``?`` where records are lacking, and ``46.3*`` where some are."""
    if entry.value is None or math.isnan(entry.value):
        return UNDEFINED if entry.undefined or not entry.incomplete else MISSING
    return _number(entry.value, unit) + (INCOMPLETE if entry.incomplete else "")


def _spread_text(entry: Entry, unit: Unit) -> str:
    """``[40.1, 52.0]`` or ``± 3.0``; empty where neither is known."""
    if entry.value is None:
        return ""
    if entry.deviation is not None:
        return f"± {'-' if math.isnan(entry.deviation) else _number(entry.deviation, unit)}"
    if entry.low is None or entry.high is None:
        return ""
    return f"[{_number(entry.low, unit)}, {_number(entry.high, unit)}]"


def _count_text(entry: Entry) -> str:
    """``50``, and the number of errors if there are any."""
    if not entry.n:
        return ""
    errors = entry.outcomes.errors if entry.outcomes is not None else 0
    return f"{entry.n} ({errors} error{'s' if errors > 1 else ''})" if errors else str(entry.n)


def _entry_text(entry: Entry, grid: Grid) -> str:
    parts = (figure_text(entry, grid.unit), _spread_text(entry, grid.unit), _count_text(entry) if grid.counted else "")
    return " ".join(part for part in parts if part)


def _label_texts(row: Row) -> list[str]:
    first, *rest = row.labels
    return [f"{REFERENCE} {first}" if row.kind == "reference" else first, *rest]


def _cells(grid: Grid) -> list[list[str]]:
    rows = [[*_label_texts(row), *(_entry_text(entry, grid) for entry in row.entries)] for row in grid.rows]
    return [[*grid.labels, *grid.columns], *rows]


def _text(grid: Grid, width: int | None) -> str:
    cells = _cells(grid)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    parts = []
    for columns in _folded(widths, len(grid.labels), width):
        header, *rows = ["  ".join(row[i].ljust(widths[i]) for i in columns).rstrip() for row in cells]
        parts.append("\n".join([header, "  ".join("-" * widths[i] for i in columns), *rows]))
    return "\n".join([grid.title, "", "\n\n".join(parts), "", *grid.notes])


def _folded(widths: Sequence[int], labels: int, limit: int | None) -> list[list[int]]:
    """Columns that stand side by side, the label columns in every part."""
    every = list(range(len(widths)))
    if limit is None:
        return [every]
    parts: list[list[int]] = [every[:labels]]
    for i in every[labels:]:
        if len(parts[-1]) > labels and sum(widths[j] + 2 for j in (*parts[-1], i)) - 2 > limit:
            parts.append(every[:labels])
        parts[-1] = [*parts[-1], i]
    return parts


def _markdown(grid: Grid) -> str:
    rows = [[_markdown_text(cell) for cell in row] for row in _cells(grid)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    notes = [_markdown_text(note, marks="*") + "  " for note in grid.notes]
    return "\n".join([f"**{grid.title}**", "", *lines, "", *notes]).rstrip()


def _markdown_text(text: str, marks: str = "|_*") -> str:
    for mark in marks:
        text = text.replace(mark, f"\\{mark}")
    return text


def _latex(grid: Grid) -> str:
    wide = len(grid.columns) > _NARROW
    headings = [rf"\rotatebox{{90}}{{{latex_text(column)}}}" if wide else latex_text(column) for column in grid.columns]
    lines = [_latex_row([*map(latex_text, grid.labels), *headings]), r"\midrule"]
    for before, row in zip((None, *grid.rows), grid.rows, strict=False):
        new_block = before is not None and len(row.labels) > 1 and row.labels[:-1] != before.labels[:-1]
        if before is not None and (new_block or row.kind != before.kind):
            lines.append(r"\midrule")
        lines.append(_latex_row([*map(latex_text, _label_texts(row)), *(_latex_entry(e, grid, wide) for e in row.entries)]))
    environment = "table*" if len(grid.columns) > 3 else "table"
    return "\n".join(
        [
            rf"\begin{{{environment}}}",
            r"  \centering",
            *([r"  \footnotesize", r"  \setlength{\tabcolsep}{2pt}"] if wide else []),
            rf"  \caption{{{latex_text(grid.title)}}}",
            rf"  \begin{{tabular}}{{{'l' * len(grid.labels)}{'c' * len(grid.columns)}}}",
            r"    \toprule",
            *(f"    {line}" for line in lines),
            r"    \bottomrule",
            r"  \end{tabular}",
            "",
            r"  \smallskip",
            r"  \parbox{\linewidth}{\footnotesize",
            *(f"    {latex_text(note)}" for note in grid.notes),
            "  }",
            rf"\end{{{environment}}}",
        ]
    )


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_entry(entry: Entry, grid: Grid, wide: bool) -> str:
    figure, spread = latex_text(figure_text(entry, grid.unit)), latex_text(_spread_text(entry, grid.unit))
    if not spread:
        return figure
    # In braces: a bracket at the start of a line would be read as an argument of the line break before it.
    return (
        rf"\shortstack{{{figure}\\{{\tiny {spread}}}}}"
        if wide and entry.deviation is None
        else rf"{figure} {{\scriptsize {spread}}}"
    )


def latex_text(text: str) -> str:
    """A text for LaTeX, its special characters escaped."""
    return "".join(_LATEX.get(character, character) for character in text)


def _by_column(grid: Grid) -> Iterator[tuple[Row, str, Entry]]:
    """Figures column by column within each block of rows that share all labels but the last."""
    for _, block in itertools.groupby(grid.rows, key=lambda row: (row.labels[:-1], row.kind == "reference")):
        rows = list(block)
        for i, column in enumerate(grid.columns):
            for row in rows:
                yield row, column, row.entries[i]


def _number(value: float, unit: Unit) -> str:
    return format(100 * value if unit.startswith("share") else value, _DIGITS[unit])


def _exact(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)
