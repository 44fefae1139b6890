"""The variation table, stated with intervals and with deviations over seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamster_bench.evaluation.statistics import mean_over_columns, mean_over_strata
from hamster_bench.leaderboards.formats import to_text
from hamster_bench.leaderboards.measures import over_seeds, with_interval
from hamster_bench.leaderboards.table import success_table
from hamster_bench.leaderboards.task_table import MEAN
from hamster_bench.leaderboards.variation_table import AVERAGE, task_variation_grid, variation_grid
from tests.leaderboards.made_up import HAMSTER, records

COLUMNS = ("no_var", "bac_tex", "rec_obj_siz")
TASKS = ("a", "b", "c")


def defined(task: str, factor: str) -> bool:
    return factor != "rec_obj_siz" or task == "b"


OUTCOMES = st.text(alphabet="sfe", min_size=1, max_size=6)


@given(st.lists(st.lists(OUTCOMES, min_size=3, max_size=3), min_size=2, max_size=2), OUTCOMES)
def test_figures_are_unweighted_means_over_defined_cells(shared: list[list[str]], sizes: str) -> None:
    cells = {(task, f): shared[j][i] for i, task in enumerate(TASKS) for j, f in enumerate(COLUMNS[:2])} | {
        ("b", "rec_obj_siz"): sizes
    }
    made = [record for (task, factor), outcomes in cells.items() for record in records(task, "x", outcomes, factor)]
    grid = variation_grid(success_table(made, HAMSTER), columns=COLUMNS, is_defined=defined)
    assert grid.columns == (AVERAGE, *COLUMNS)
    (row,) = grid.rows
    average, *entries = row.entries
    for factor, entry in zip(COLUMNS, entries, strict=True):
        column = [outcomes for (_, name), outcomes in cells.items() if name == factor]
        expected = mean_over_strata([outcomes.count("s") for outcomes in column], [len(outcomes) for outcomes in column])
        if len(column) > 1:
            assert (entry.value, entry.low, entry.high) == expected
        assert entry.value == pytest.approx(expected.mean)
        assert not entry.incomplete
        assert entry.n == sum(map(len, column))
    assert average.value == pytest.approx(np.mean([entry.value for entry in entries]))
    # Episodes of a task with the same number share a layout.
    counts = np.array([[[number < len(cells.get((t, f), "")) for f in COLUMNS] for number in range(6)] for t in TASKS])
    won = np.array([[[cells.get((t, f), "")[number : number + 1] == "s" for f in COLUMNS] for number in range(6)] for t in TASKS])
    expected = mean_over_columns(won.reshape(-1, 3), counts.reshape(-1, 3), np.repeat(TASKS, 6))
    assert [average.value, average.low, average.high] == pytest.approx(list(expected))


def test_undefined_and_missing_cells_are_told_apart() -> None:
    made = [*records("a", "x", "ss"), *records("b", "x", "sf"), *records("a", "x", "ff", "bac_tex")]
    grid = task_variation_grid(success_table(made, HAMSTER), columns=COLUMNS, is_defined=defined)
    by_task = {row.labels[1]: row.entries for row in grid.rows}
    assert by_task["a"][3].undefined
    assert by_task["b"][2].incomplete
    assert by_task["b"][2].value is None
    mean = by_task[MEAN]
    assert (mean[1].value, mean[1].incomplete) == (0.75, False)
    assert (mean[2].value, mean[2].incomplete) == (0.0, True)
    assert mean[3].value is None
    assert mean[0].value == 0.375
    assert mean[0].incomplete
    text = to_text([grid])
    assert "Means are over the tasks a factor is defined for: 2, except rec_obj_siz 1." in text
    assert "0.0* [0.0, 65.8]" in text
    lines = {line.split()[1]: line.split()[2:] for line in text.splitlines() if line.startswith("x  ")}
    assert lines["a"][-1] == "-"
    assert lines["b"][-2:] == ["?", "?"]


@given(st.lists(st.lists(st.tuples(OUTCOMES, OUTCOMES), min_size=2, max_size=2), min_size=2, max_size=5))
def test_deviation_is_that_of_what_every_seed_gives_alone(by_seed: list[list[tuple[str, str]]]) -> None:
    made = [
        record
        for seed, tasks in enumerate(by_seed)
        for task, pair in zip("ab", tasks, strict=True)
        for factor, outcomes in zip(COLUMNS, pair, strict=False)
        for record in records(task, "x", outcomes, factor, seed=seed)
    ]
    grid = variation_grid(success_table(made, HAMSTER), columns=COLUMNS[:2], is_defined=defined, measure=over_seeds)
    rates = np.array([[[o.count("s") / len(o) for o in pair] for pair in tasks] for tasks in by_seed])  # (seeds, tasks, factors)
    columns = rates.mean(axis=1)
    expected = np.column_stack([columns.mean(axis=1), columns])
    for entry, figures in zip(grid.rows[0].entries, expected.T, strict=True):
        assert entry.value == pytest.approx(figures.mean())
        assert entry.deviation == pytest.approx(figures.std(ddof=1), abs=1e-12)
        assert entry.low is None


def test_a_seed_that_lacks_a_cell_is_left_out_of_its_column_and_that_is_said() -> None:
    whole = [r for seed in (0, 1) for task in "ab" for r in records(task, "x", "sf"[seed] * 2, seed=seed)]
    table = success_table([*whole, *records("a", "x", "ss", seed=2)], HAMSTER)
    entry = over_seeds(table, "x", ("a", "b"), ("no_var",))
    assert (entry.value, entry.deviation) == (0.5, pytest.approx(math.sqrt(0.5)))
    assert entry.incomplete
    # For the task alone the third seed is as good as the others.
    assert over_seeds(table, "x", ("a",), ("no_var",)).value == pytest.approx(2 / 3)


def test_seeds_of_which_none_has_every_cell_give_no_figure() -> None:
    table = success_table([*records("a", "x", "s", seed=0), *records("b", "x", "s", seed=1)], HAMSTER)
    assert over_seeds(table, "x", ("a", "b"), ("no_var",)).value is None
    assert with_interval(table, "x", ("a", "b"), ("no_var",)).value == 1.0
