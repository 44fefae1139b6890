"""A table as data: what stands in it, before it is decided how it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from hamster_bench.leaderboards.table import Cell

Unit = Literal["share", "share_of_failures", "rank", "distance"]
RowKind = Literal["figures", "mean", "reference"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure of a table.

    Attributes:
        value: the figure, in [0, 1] where it is a share; None where there is none.
        low: lower confidence limit, or None.
        high: upper confidence limit, or None.
        deviation: standard deviation over seeds; NaN where there is only one, None where it was not asked for.
        n: number of episodes, or of pictures that were ranked, that the figure rests on.
        outcomes: how these episodes ended; None where no episodes are counted.
        undefined: there can be no figure: the factor is not defined for the task.
        incomplete: records are lacking that the figure of a full plan would rest on.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    deviation: float | None = None
    n: int = 0
    outcomes: Cell | None = None
    undefined: bool = False
    incomplete: bool = False


UNDEFINED = Entry(undefined=True)
MISSING = Entry(incomplete=True)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes:
        labels: one text for each of the grid's label columns.
        entries: one figure for each of the grid's columns.
        kind: figures of their own, a mean over other rows, or published figures that were not made here.
        source: where published figures come from.
        fingerprint: fingerprint of the protocol, where it differs from row to row.
    """

    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    kind: RowKind = "figures"
    source: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table.

    Attributes:
        title: what it shows, and under which rules.
        labels: names of the label columns, such as ``("agent", "task")``.
        columns: headings of the figures.
        column_kind: what the headings name, such as ``"factor"``.
        rows: in the order in which they are shown; rows that share all labels but the last stand together.
        notes: what a reader has to know, one sentence or two each.
        unit: shares are written in per cent, distances in fractions of the image.
        fixed: what holds for the whole table, by name, such as ``{"factor": "no_var"}``.
        protocol: label of the protocol; empty where there is none, or several.
        fingerprint: fingerprint of the protocol; empty where there is none, or several.
        counted: every figure shows the number of episodes it rests on.
    """

    title: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    column_kind: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    unit: Unit = "share"
    fixed: Mapping[str, str] = field(default_factory=dict)
    protocol: str = ""
    fingerprint: str = ""
    counted: bool = False


def upright(grid: Grid) -> Grid:
    """The same figures with a row for each column and a column for each row: long tables are read on narrow screens, wide ones are not.

    A column is called by all labels of its row.
    """
    heads = [" ".join(row.labels) for row in grid.rows]
    rows = [
        Row(labels=(column,), entries=tuple(row.entries[place] for row in grid.rows)) for place, column in enumerate(grid.columns)
    ]
    kind = grid.labels[0] if len(grid.labels) == 1 else " and ".join(grid.labels)
    return replace(grid, labels=(grid.column_kind,), columns=tuple(heads), column_kind=kind, rows=tuple(rows))
