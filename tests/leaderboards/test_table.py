"""Figures of the success table, and how they are printed."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pytest

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import mean_over_strata, wilson_interval
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.table import MEAN, Cell, success_table, success_tables, to_csv, to_markdown, to_text
from hamster_bench.scenario import Scenario

HAMSTER = make_protocol("hamster")


def records(
    task: str, agent: str, outcomes: str, factor: str = "no_var", protocol: Protocol = HAMSTER, python: str = "3.11"
) -> list[EpisodeRecord]:
    """One record for each letter: s(uccess), f(ailure), e(rror)."""
    return [
        EpisodeRecord(
            agent=agent,
            agent_fingerprint="f",
            protocol=protocol.fingerprint,
            scenario=Scenario(task=task, factor=factor, episode=i),
            outcome={"s": "success", "f": "failure", "e": "error"}[letter],  # type: ignore[arg-type]
            kind={"s": None, "f": "step_limit", "e": "agent_error"}[letter],
            versions={"python": python},
        )
        for i, letter in enumerate(outcomes)
    ]


def test_cells_count_errors_as_not_successful_and_show_them() -> None:
    table = success_table(records("close_box", "expert", "ssssfe"), HAMSTER)
    cell = table.cell("close_box", "expert", "no_var")
    assert cell == Cell(successes=4, failures=1, errors=1)
    assert cell.estimate.mean == pytest.approx(4 / 6)
    assert cell.estimate[1:] == pytest.approx([float(limit) for limit in wilson_interval(4, 6)])
    text = to_text([table])
    assert "66.7 [30.0, 90.3] 6 (1 error)" in text
    assert "Errors (something broke) count as not successful." in text


def test_mean_weighs_tasks_equally() -> None:
    table = success_table([*records("a", "x", "s" * 10), *records("b", "x", "ffff")], HAMSTER)
    estimate, total = table.mean("x", "no_var")
    assert estimate == mean_over_strata([10, 0], [10, 4])
    assert estimate.mean == 0.5
    assert total.n == 14
    assert "Cells rest on different numbers of episodes." in to_text([table])


def test_text_is_aligned_and_complete() -> None:
    table = success_table(
        [*records("a", "expert", "ss"), *records("long_task", "expert", "sf"), *records("a", "random", "ff")], HAMSTER
    )
    lines = to_text([table]).splitlines()
    assert lines[0] == f"Success, protocol hamster, no_var (fingerprint {HAMSTER.fingerprint})"
    header, rule, *rows = lines[2:7]
    assert header.split() == ["task", "expert", "random"]
    columns = [header.index(name) for name in ("task", "expert", "random")]
    assert [rows[0][c] for c in columns] == ["a", "1", "0"]
    assert rows[1].startswith("long_task")
    assert rows[1][columns[2] :] == "-"
    assert rows[2].startswith(MEAN)
    assert set(rule) == {"-", " "}
    assert "-: no records; a mean is over the tasks that have some." in lines
    assert all(line == line.rstrip() for line in lines)


def test_markdown_is_a_table() -> None:
    table = success_table([*records("close_box", "path_lift", "ss"), *records("stack_cups", "path_lift", "sf")], HAMSTER)
    lines = to_markdown([table]).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows[:2] == ["| task | path\\_lift |", "|---|---|"]
    assert rows[2] == "| close\\_box | 100.0 [34.2, 100.0] 2 |"
    assert len(rows) == 5
    assert {row.count("|") for row in rows} == {3}


def test_csv_holds_every_figure_at_full_precision() -> None:
    table = success_table([*records("a", "x", "ssf"), *records("b", "x", "e"), *records("b", "y", "s")], HAMSTER)
    rows = list(csv.DictReader(io.StringIO(to_csv([table]))))
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


def test_several_factors_become_columns() -> None:
    table = success_table([*records("a", "x", "ss"), *records("a", "x", "sf", "rlb_var"), *records("a", "y", "ff")], HAMSTER)
    lines = to_text([table]).splitlines()
    assert lines[2].split() == ["agent", "task", "no_var", "rlb_var"]
    assert [line.split()[0] for line in lines[4:8]] == ["x", "x", "y", "y"]
    assert lines[6].endswith("-")


def test_columns_stand_in_upstream_order_and_undefined_cells_are_left_out_of_means() -> None:
    mixed = [*records("a", "x", "ss", "tab_tex"), *records("b", "x", "ff", "bac_tex"), *records("b", "x", "sf", "tab_tex")]
    table = success_table([*mixed, *records("a", "x", "ss"), *records("b", "x", "ff")], HAMSTER)
    assert table.factors == ("no_var", "bac_tex", "tab_tex")
    assert table.cell("a", "x", "bac_tex").n == 0
    assert table.mean("x", "bac_tex")[0].mean == 0.0
    assert table.mean("x", "tab_tex")[0].mean == 0.75
    text = to_text([table])
    assert "-: no records (most often the factor is not defined for the task); a mean is over the tasks that have some." in text


def test_protocols_are_never_mixed(tmp_path: Path) -> None:
    friction = make_protocol("hamster", grasp="friction")
    with pytest.raises(StoreError, match="make one table each"):
        success_table([*records("a", "x", "s"), *records("a", "x", "f", protocol=friction)], HAMSTER)
    with ResultStore.for_writing(tmp_path) as store:
        for protocol, outcomes in ((HAMSTER, "ss"), (friction, "ff")):
            run = store.start_run(protocol, {})
            for record in records("a", "x", outcomes, protocol=protocol):
                store.add(run, record)
        tables = success_tables(store)
    assert [table.cell("a", "x", "no_var").estimate.mean for table in tables] == [1.0, 0.0]
    text = to_text(tables)
    assert "protocol hamster, no_var" in text
    assert "protocol hamster (grasp=friction), no_var" in text
    assert {row["fingerprint"] for row in csv.DictReader(io.StringIO(to_csv(tables)))} == {
        HAMSTER.fingerprint,
        friction.fingerprint,
    }


def test_different_program_versions_are_said() -> None:
    table = success_table([*records("a", "x", "s"), *records("a", "y", "s", python="3.12")], HAMSTER)
    assert "Records were made by 2 different sets of program versions." in to_text([table])


def test_different_renderers_are_said_and_agents_without_images_are_no_difference() -> None:
    def drawn(agent: str, renderer: str) -> list[EpisodeRecord]:
        return [dataclasses.replace(r, versions=r.versions | {"renderer": renderer}) for r in records("a", agent, "s")]

    same = to_text([success_table([*records("a", "blind", "s"), *drawn("x", "egl")], HAMSTER)])
    assert "different" not in same
    mixed = to_text([success_table([*records("a", "blind", "s"), *drawn("x", "raycast"), *drawn("y", "egl")], HAMSTER)])
    assert "Images were drawn by different renderers (egl, raycast)" in mixed
    assert "program versions" not in mixed


def test_store_without_records_says_so(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path) as store, pytest.raises(StoreError, match="no records"):
        success_tables(store)
