"""Published figures beside our own: marked, with their source, and in no mean.

They were measured by others on other simulators or robots, so they tell what was reported, not what would come out here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources

from hamster_bench.errors import UnknownNameError
from hamster_bench.leaderboards.formats import MISSING as MISSING_MARK
from hamster_bench.leaderboards.formats import REFERENCE
from hamster_bench.leaderboards.grid import MISSING, Entry, Grid, Row


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The figures a paper printed in one table.

    Attributes:
        source: paper and table.
        conditions: under what they were measured.
        rows: by name of the row and column, the figure and its standard deviation over seeds, or None.
    """

    source: str
    conditions: str
    rows: dict[str, dict[str, tuple[float, float | None]]]


def references() -> dict[str, Reference]:
    """The published tables, by the form of table they belong to."""
    text = (resources.files("hamster_bench.leaderboards") / "reference.json").read_text(encoding="utf-8")
    return {
        form: Reference(
            source=entry["source"],
            conditions=entry["conditions"],
            rows={
                name: {column: (figure[0], figure[1]) for column, figure in row.items()} for name, row in entry["rows"].items()
            },
        )
        for form, entry in json.loads(text).items()
    }


def reference_for(form: str) -> Reference:
    """The published table of a form.

    Raises:
        UnknownNameError: none was published for it.
    """
    known = references()
    if form not in known:
        raise UnknownNameError("table with published figures", form, known)
    return known[form]


def with_reference(grid: Grid, reference: Reference) -> Grid:
    """The grid with published rows below its own, and a note that says what they are.

    Published columns that the grid lacks are added to it; its own rows have no figures there.
    """
    added = tuple(dict.fromkeys(c for row in reference.rows.values() for c in row if c not in grid.columns))
    columns = (*grid.columns, *added)
    own = tuple(replace(row, entries=(*row.entries, *(MISSING for _ in added))) for row in grid.rows)
    blank = ("",) * (len(grid.labels) - 1)
    published = tuple(
        Row(
            labels=(name, *blank),
            entries=tuple(_entry(figures.get(column)) for column in columns),
            kind="reference",
            source=reference.source,
        )
        for name, figures in reference.rows.items()
    )
    no_records = f"{MISSING_MARK}: no records."
    note = (
        f"{REFERENCE} Published figures, not made here: {reference.source}. {reference.conditions} Not comparable with the other rows, "
        "and in no mean."
    )
    missing = [no_records] if added and no_records not in grid.notes else []
    return replace(grid, columns=columns, rows=(*own, *published), notes=(*grid.notes, *missing, note))


def _entry(figure: tuple[float, float | None] | None) -> Entry:
    return Entry() if figure is None else Entry(value=figure[0], deviation=figure[1])
