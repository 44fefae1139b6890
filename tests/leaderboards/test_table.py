"""Success as it is counted, and the table of tasks."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pytest

from hamster_bench.errors import StoreError, UnknownNameError
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import mean_over_strata, wilson_interval
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.formats import to_csv, to_markdown, to_text
from hamster_bench.leaderboards.measures import over_seeds
from hamster_bench.leaderboards.table import Cell, success_table, success_tables
from hamster_bench.leaderboards.task_table import MEAN, task_grid
from tests.leaderboards.made_up import HAMSTER, fill, records


def text_of(made: list[EpisodeRecord]) -> str:
    return to_text([task_grid(success_table(made, HAMSTER))])


def test_cells_count_errors_as_not_successful_and_show_them() -> None:
    table = success_table(records("close_box", "expert", "ssssfe"), HAMSTER)
    cell = table.cell("close_box", "expert", "no_var")
    assert cell == Cell(successes=4, failures=1, errors=1)
    assert cell.estimate.mean == pytest.approx(4 / 6)
    assert cell.estimate[1:] == pytest.approx([float(limit) for limit in wilson_interval(4, 6)])
    assert table.kinds == {
        ("close_box", "expert", "no_var", "step_limit"): 1,
        ("close_box", "expert", "no_var", "agent_error"): 1,
    }
    text = to_text([task_grid(table)])
    assert "66.7 [30.0, 90.3] 6 (1 error)" in text
    assert "Errors (something broke) count as not successful." in text


def test_mean_weighs_tasks_equally() -> None:
    table = success_table([*records("a", "x", "s" * 10), *records("b", "x", "ffff")], HAMSTER)
    estimate, outcomes = table.mean("x", "no_var")
    assert estimate == mean_over_strata([10, 0], [10, 4])
    assert estimate.mean == 0.5
    assert outcomes.n == 14
    assert "Cells rest on different numbers of episodes." in to_text([task_grid(table)])


def test_text_is_aligned_and_complete() -> None:
    text = text_of([*records("a", "expert", "ss"), *records("long_task", "expert", "sf"), *records("a", "random", "ff")])
    lines = text.splitlines()
    assert lines[0] == f"Success, protocol hamster, no_var (fingerprint {HAMSTER.fingerprint})"
    header, rule, *rows = lines[2:7]
    assert header.split() == ["task", "expert", "random"]
    columns = [header.index(name) for name in ("task", "expert", "random")]
    assert [rows[0][c] for c in columns] == ["a", "1", "0"]
    assert rows[1].startswith("long_task")
    assert rows[1][columns[2] :] == "?"
    assert rows[2].startswith(MEAN)
    assert rows[2][columns[2] :].startswith("0.0* [0.0, 65.8] 2")
    assert set(rule) == {"-", " "}
    assert "?: no records." in lines
    assert "*: defined cells without records, or seeds that lack some, are left out of this figure." in lines
    assert all(line == line.rstrip() for line in lines)


def test_markdown_is_a_table() -> None:
    table = success_table([*records("close_box", "path_lift", "ss"), *records("stack_cups", "path_lift", "sf")], HAMSTER)
    lines = to_markdown([task_grid(table)]).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows[:2] == ["| task | path\\_lift |", "|---|---|"]
    assert rows[2] == "| close\\_box | 100.0 [34.2, 100.0] 2 |"
    assert len(rows) == 5
    assert {row.count("|") for row in rows} == {3}


def test_csv_holds_every_figure_at_full_precision() -> None:
    table = success_table([*records("a", "x", "ssf"), *records("b", "x", "e"), *records("b", "y", "s")], HAMSTER)
    rows = list(csv.DictReader(io.StringIO(to_csv([task_grid(table)]))))
    assert len(rows) == 2 * 3
    first = rows[0]
    assert (first["task"], first["agent"], first["factor"], first["fingerprint"]) == ("a", "x", "no_var", HAMSTER.fingerprint)
    assert float(first["success"]) == 2 / 3
    assert float(first["low"]) == float(wilson_interval(2, 3).low)
    mean = next(row for row in rows if row["task"] == MEAN and row["agent"] == "x")
    assert [float(mean[key]) for key in ("success", "low", "high")] == list(mean_over_strata([2, 0], [3, 1]))
    assert (mean["n"], mean["errors"]) == ("4", "1")
    empty = next(row for row in rows if row["task"] == "a" and row["agent"] == "y")
    assert (empty["success"], empty["low"], empty["high"], empty["n"]) == ("", "", "", "0")


def test_several_factors_become_columns_in_upstream_order() -> None:
    made = [*records("a", "x", "ss", "tab_tex"), *records("b", "x", "ff", "bac_tex"), *records("b", "x", "sf", "tab_tex")]
    table = success_table([*made, *records("a", "x", "ss"), *records("b", "x", "ff"), *records("a", "y", "s")], HAMSTER)
    assert table.factors == ("no_var", "bac_tex", "tab_tex")
    grid = task_grid(table, is_defined=lambda task, factor: (task, factor) != ("a", "bac_tex"))
    assert grid.columns == table.factors
    assert [row.labels for row in grid.rows] == [(agent, task) for agent in "xy" for task in ("a", "b", MEAN)]
    assert grid.rows[0].entries[1].undefined
    mean = grid.rows[2].entries
    assert [entry.value for entry in mean] == [0.5, 0.0, 0.75]
    assert not mean[1].incomplete
    assert "-: the factor is not defined for the task; a mean is over defined cells only." in grid.notes


def test_records_of_a_cell_that_should_not_be_defined_are_shown() -> None:
    grid = task_grid(success_table(records("a", "x", "sf"), HAMSTER), is_defined=lambda task, factor: False)
    assert grid.rows[0].entries[0].value == 0.5


def test_protocols_are_never_mixed(tmp_path: Path) -> None:
    friction = make_protocol("hamster", grasp="friction")
    with pytest.raises(StoreError, match="make one table each"):
        success_table([*records("a", "x", "s"), *records("a", "x", "f", protocol=friction)], HAMSTER)
    fill(tmp_path, records("a", "x", "ss"))
    fill(tmp_path, records("a", "x", "ff", protocol=friction), friction)
    with ResultStore.for_reading(tmp_path) as store:
        tables = success_tables(store)
    assert [table.cell("a", "x", "no_var").estimate.mean for table in tables] == [1.0, 0.0]
    grids = [task_grid(table) for table in tables]
    text = to_text(grids)
    assert "protocol hamster, no_var" in text
    assert "protocol hamster (grasp=friction), no_var" in text
    assert {row["fingerprint"] for row in csv.DictReader(io.StringIO(to_csv(grids)))} == {
        HAMSTER.fingerprint,
        friction.fingerprint,
    }


def test_table_of_a_store_is_the_table_of_its_records(tmp_path: Path) -> None:
    made = [
        *records("b", "y", "sfme", "tab_tex", seed=3),
        *records("a", "x", "sse"),
        *records("a", "y", "sm", python="3.12"),
        *records("a", "x", "fs", seed=1),
    ]
    made[0] = dataclasses.replace(made[0], versions={"python": "3.11", "renderer": "egl"})
    fill(tmp_path, made)
    with ResultStore.for_reading(tmp_path) as store:
        (table,) = success_tables(store)
    assert table == success_table(made, HAMSTER)
    assert (table.agents, table.seeds, table.version_sets, table.renderers) == (("y", "x"), (0, 1, 3), 2, ("egl",))


def test_different_program_versions_are_said() -> None:
    text = text_of([*records("a", "x", "s"), *records("a", "y", "s", python="3.12")])
    assert "Records were made by 2 different sets of program versions." in text


def test_different_renderers_are_said_and_agents_without_images_are_no_difference() -> None:
    def drawn(agent: str, renderer: str) -> list[EpisodeRecord]:
        return [dataclasses.replace(r, versions=r.versions | {"renderer": renderer}) for r in records("a", agent, "s")]

    same = text_of([*records("a", "blind", "s"), *drawn("x", "egl")])
    assert "different" not in same
    mixed = text_of([*records("a", "blind", "s"), *drawn("x", "raycast"), *drawn("y", "egl")])
    assert "Images were drawn by different renderers (egl, raycast)" in mixed
    assert "program versions" not in mixed


def test_store_without_records_says_so(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path) as store, pytest.raises(StoreError, match="no records"):
        success_tables(store)


def test_part_of_a_table_is_the_table_of_these_records_alone() -> None:
    part = [*records("b", "x", "sfm", "tab_tex", seed=1), *records("b", "x", "ss")]
    others = [*records("a", "x", "ss", "bac_tex"), *records("b", "y", "e")]
    whole = success_table([*part, *others], HAMSTER)
    assert whole.restricted(tasks=["b"], agents=["x"]) == success_table(part, HAMSTER)
    with pytest.raises(UnknownNameError, match="task with records 'c'"):
        whole.restricted(tasks=["c"])


def test_a_single_seed_has_no_deviation() -> None:
    grid = task_grid(success_table(records("a", "x", "sf"), HAMSTER), measure=over_seeds)
    assert "50.0 ± - 2" in to_text([grid])
