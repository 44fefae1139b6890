"""All agents and planners in one table, each row with what made it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from hamster_bench.cli.main import REFUSED, main
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import mean_over_strata, wilson_interval
from hamster_bench.evaluation.store import Player, ResultStore
from hamster_bench.leaderboards.agent_sheet import Training
from hamster_bench.leaderboards.board_table import LABELS, board_grid, board_task_grid
from hamster_bench.leaderboards.formats import to_csv, to_text
from hamster_bench.leaderboards.table import SuccessTable, success_table
from tests.leaderboards.made_up import HAMSTER, records

SKETCH = make_protocol("hamster", path_planner="sketch")
PLAYERS = {
    (HAMSTER.fingerprint, "expert"): Player(),
    (HAMSTER.fingerprint, "policy"): Player(checkpoints=("aaa",), sees_paths=True),
    (SKETCH.fingerprint, "policy"): Player(checkpoints=("aaa", "bbb"), sees_paths=True),
}
TRAININGS = {"policy": Training(method="Policy", demonstrations=100, share=1.0, steps=7000)}


@pytest.fixture
def tables() -> list[SuccessTable]:
    first = [*records("a", "policy", "ssff"), *records("b", "policy", "ff"), *records("a", "expert", "s")]
    second = [*records("a", "policy", "sf", protocol=SKETCH), *records("a", "policy", "fff", "tab_tex", protocol=SKETCH)]
    return [success_table(first, HAMSTER), success_table(second, SKETCH)]


def test_rows_name_agent_planner_checkpoint_steps_and_protocol(tables: list[SuccessTable]) -> None:
    grid = board_task_grid(tables, PLAYERS, TRAININGS)
    assert grid.labels == LABELS
    assert [row.labels for row in grid.rows] == [
        ("policy", "oracle", "aaa", "7000", HAMSTER.fingerprint),
        ("policy", "sketch", "aaa+bbb", "7000", SKETCH.fingerprint),
        ("expert", "-", "-", "-", HAMSTER.fingerprint),
    ]
    unknown = board_task_grid(tables, PLAYERS, {})
    assert [row.labels[3] for row in unknown.rows] == ["?", "?", "-"]


def test_tasks_are_columns_after_their_mean(tables: list[SuccessTable]) -> None:
    grid = board_task_grid(tables, PLAYERS, TRAININGS)
    assert grid.columns == ("mean over tasks", "a", "b")
    policy, with_sketch, expert = grid.rows
    assert (policy.entries[0].value, policy.entries[0].low, policy.entries[0].high) == mean_over_strata([2, 0], [4, 2])
    low, high = wilson_interval(2, 4)
    assert (policy.entries[1].value, policy.entries[1].low, policy.entries[1].high) == (0.5, low, high)
    # Under this protocol task b was not played, which shows.
    assert (with_sketch.entries[1].value, with_sketch.entries[2].value, with_sketch.entries[2].incomplete) == (0.5, None, True)
    assert expert.entries[1].value == 1.0


def test_one_factor_at_a_time_and_agents_without_it_are_left_out(tables: list[SuccessTable]) -> None:
    grid = board_task_grid(tables, PLAYERS, TRAININGS, factor="tab_tex")
    assert [row.labels[:2] for row in grid.rows] == [("policy", "sketch")]
    assert grid.rows[0].entries[1].value == 0.0


def test_factors_are_columns_after_their_average(tables: list[SuccessTable]) -> None:
    grid = board_grid(tables, PLAYERS, TRAININGS, columns=("no_var", "tab_tex"))
    assert grid.columns == ("avg", "no_var", "tab_tex")
    assert [entry.value for entry in grid.rows[1].entries] == [0.25, 0.5, 0.0]
    assert "7000" in to_text([grid])
    lines = list(csv.DictReader(io.StringIO(to_csv([grid]))))
    assert {line["fingerprint"] for line in lines} == {HAMSTER.fingerprint, SKETCH.fingerprint}
    assert lines[0]["checkpoint"] == "aaa"
    assert lines[0]["training steps"] == "7000"


def test_a_row_without_a_task_that_another_row_has_is_marked(tables: list[SuccessTable]) -> None:
    grid = board_grid(tables, PLAYERS, TRAININGS, columns=("no_var",))
    policy, with_sketch, expert = grid.rows
    assert not policy.entries[1].incomplete
    assert with_sketch.entries[1].incomplete
    assert expert.entries[1].incomplete


def test_the_mark_of_an_average_is_explained() -> None:
    """No record is of tab_tex: only the average is marked, as the column has no figure at all."""
    grid = board_grid([success_table(records("a", "policy", "sf"), HAMSTER)], PLAYERS, TRAININGS, columns=("no_var", "tab_tex"))
    average, no_var, tab_tex = grid.rows[0].entries
    assert (average.incomplete, no_var.incomplete, tab_tex.value) == (True, False, None)
    assert [note for note in grid.notes if note.startswith("*: ")]


def test_notes_are_of_all_rows_together(tables: list[SuccessTable]) -> None:
    """The rows of one protocol rest on 1 to 2 episodes of a cell, those of the other on 2 to 3."""
    notes = board_grid(tables, PLAYERS, TRAININGS, columns=("no_var", "tab_tex")).notes
    assert [note for note in notes if note.startswith("Figures rest")] == ["Figures rest on 1 to 6 episodes."]


def test_a_store_tells_what_played(tmp_path: Path) -> None:
    def played(made: Iterable[EpisodeRecord], checkpoint: str | None, path: str | None) -> list[EpisodeRecord]:
        return [replace(record, checkpoint=checkpoint, path=path) for record in made]

    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        made = [
            *played(records("a", "policy", "s"), "aaa", "[]"),
            *played(records("b", "policy", "s"), "bbb", None),
            *played(records("a", "expert", "s"), None, None),
        ]
        for record in made:
            store.add(run, record)
        assert store.players() == {
            (HAMSTER.fingerprint, "policy"): Player(checkpoints=("aaa", "bbb"), sees_paths=True),
            (HAMSTER.fingerprint, "expert"): Player(),
        }
        # An agent that follows paths is given none by this planner, which the table says by the planner's name.
        without = make_protocol("hamster", path_planner="none")
        run = store.start_run(without, {})
        for record in played(records("a", "policy", "f", protocol=without), "aaa", None):
            store.add(run, record)
        assert store.players()[without.fingerprint, "policy"] == Player(checkpoints=("aaa",), sees_paths=True)


def test_the_command_reads_steps_from_the_sheet_beside_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        for record in records("close_box", "policy", "sf"):
            store.add(run, replace(record, checkpoint="abc"))
    assert main(["table", str(tmp_path), "--form", "board"]) == 0
    assert "?  " in capsys.readouterr().out
    sheet = '[agents.policy]\nmethod = "P"\ndemonstrations = 100\nshare = 1.0\nsteps = 1234\n'
    (tmp_path / "agents.toml").write_text(sheet, encoding="utf-8")
    assert main(["table", str(tmp_path), "--form", "board_tasks"]) == 0
    assert "1234" in capsys.readouterr().out
    assert main(["table", str(tmp_path), "--form", "board_tasks", "--factor", "tab_tex"]) == REFUSED
    assert "no_var" in capsys.readouterr().err
