"""The same grid as text, Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.leaderboards.formats import to_csv, to_latex, to_markdown, to_text
from hamster_bench.leaderboards.grid import MISSING, UNDEFINED, Entry, Grid, Row
from hamster_bench.leaderboards.reference import Reference, with_reference


def grid_of(columns: int, *, deviation: float | None = None) -> Grid:
    entry = Entry(value=0.4567, low=0.4, high=0.5, deviation=deviation, n=10)
    names = tuple(f"col_{i}" for i in range(columns))
    rows = (
        Row(labels=("x_1", "a & b"), entries=(entry, *(UNDEFINED,) * (columns - 1))),
        Row(labels=("x_1", "mean"), entries=(entry, *(MISSING,) * (columns - 1)), kind="mean"),
        Row(labels=("y", "100 %"), entries=(entry,) * columns),
    )
    return Grid(
        title="T_1 {50 %}",
        labels=("agent", "task"),
        columns=names,
        column_kind="factor",
        rows=rows,
        notes=("See #1: $x^2$ ~ \\y.",),
    )


@pytest.mark.parametrize("columns", [2, 15])
def test_latex_has_a_cell_for_every_column_and_nothing_unescaped(columns: int) -> None:
    text = to_latex([grid_of(columns)])
    rows = [line.strip() for line in text.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {columns + 1}
    assert rf"\begin{{tabular}}{{ll{'c' * columns}}}" in text
    assert [text.count(rf"\{rule}rule") for rule in ("top", "mid", "bottom")] == [1, 3, 1]
    body = text.replace(r"\\", "").replace(r"\{", "").replace(r"\}", "")
    assert body.count("{") == body.count("}")
    assert r"\caption{T\_1 \{50 \%\}}" in text
    assert r"See \#1: \$x\textasciicircum{}2\$ \textasciitilde{} \textbackslash{}y." in text
    assert r"a \& b" in text
    assert (r"\rotatebox{90}{col\_0}" in text) == (columns > 6)
    figure = r"\shortstack{45.7\\{\tiny [40.0, 50.0]}}" if columns > 6 else r"45.7 {\scriptsize [40.0, 50.0]}"
    assert figure in text
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_deviations_are_written_as_papers_do() -> None:
    grid = grid_of(2, deviation=0.03)
    assert "45.7 ± 3.0" in to_text([grid])
    assert r"45.7 {\scriptsize $\pm$ 3.0}" in to_latex([grid])
    assert "45.7 ± 3.0" in to_markdown([grid])


def test_marks_are_the_same_in_every_form() -> None:
    for form in (to_text, to_markdown, to_latex):
        lines = [line for line in form([grid_of(2)]).splitlines() if re.search(r"x(\\)?_1", line)]
        assert [re.findall(r"[-?](?=\s*(\\\\|\|)?$)", line) != [] for line in lines] == [True, True], form.__name__


@given(st.integers(1, 12), st.integers(20, 200))
def test_wide_tables_are_folded_without_losing_a_column(columns: int, width: int) -> None:
    grid = grid_of(columns)
    lines = to_text([grid], width).splitlines()
    parts = [line for line in lines if line.startswith("agent")]
    assert [name for part in parts for name in part.split()[2:]] == list(grid.columns)
    labels = len("agent  100 %")
    assert all(
        len(line) <= max(width, labels + 2 + len("45.7 [40.0, 50.0]")) for line in lines if line.startswith(("agent", "x_1", "y"))
    )
    assert len(parts) == 1 or len(to_text([grid]).splitlines()[3]) > width


def test_csv_is_complete_whatever_tables_it_holds() -> None:
    other = Grid(
        title="",
        labels=("agent",),
        columns=("tool",),
        column_kind="task_type",
        rows=(Row(labels=("x",), entries=(Entry(value=1 / 3, n=3),)),),
        notes=(),
        fixed={"factor": "no_var"},
        protocol="hamster",
        fingerprint="abc",
    )
    rows = list(csv.DictReader(io.StringIO(to_csv([grid_of(3), other]))))
    assert len(rows) == 3 * 3 + 1
    assert rows[-1]["success"] == repr(1 / 3)
    assert (rows[-1]["task"], rows[-1]["factor"], rows[-1]["task_type"], rows[-1]["fingerprint"]) == ("", "no_var", "tool", "abc")
    assert [(row["task"], row["factor"]) for row in rows[:6]] == [(t, f"col_{i}") for i in range(3) for t in ("a & b", "mean")]


def test_published_rows_are_marked_and_change_nothing() -> None:
    grid = grid_of(2)
    reference = Reference(
        source="A paper", conditions="Elsewhere.", rows={"Theirs": {"col_1": (0.57, 0.03), "more": (0.1, None)}}
    )
    both = with_reference(grid, reference)
    assert [row.entries[:2] for row in both.rows[:3]] == [row.entries for row in grid.rows]
    assert both.columns == ("col_0", "col_1", "more")
    published = both.rows[-1]
    assert published.kind == "reference"
    assert [entry.value for entry in published.entries] == [None, 0.57, 0.1]
    for form in (to_text, to_markdown):
        (line,) = [line for line in form([both]).splitlines() if "Theirs" in line]
        assert "† Theirs" in line
        assert "57.0 ± 3.0" in line
    assert r"\textdagger{} Theirs" in to_latex([both])
    assert "Not comparable" in both.notes[-1]
    assert "A paper" in both.notes[-1]
    rows = list(csv.DictReader(io.StringIO(to_csv([both]))))
    assert {(row["source"], row["fingerprint"], row["n"]) for row in rows if row["agent"] == "Theirs"} == {("A paper", "", "")}
    assert {row["source"] for row in rows if row["agent"] != "Theirs"} == {""}
