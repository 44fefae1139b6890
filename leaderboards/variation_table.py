"""The variation table of THE COLOSSEUM: a column for each factor, with the agents as rows, or the tasks of each agent."""

from __future__ import annotations

from collections.abc import Sequence

from hamster_bench.leaderboards.grid import Entry, Grid, Row, upright
from hamster_bench.leaderboards.measures import IsDefined, Measure, over_seeds, with_interval
from hamster_bench.leaderboards.notes import success_notes, success_title
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.leaderboards.task_table import MEAN

AVERAGE = "avg"


def variation_grid(
    table: SuccessTable, *, columns: Sequence[str], is_defined: IsDefined, measure: Measure = with_interval
) -> Grid:
    """One row for each agent: the mean over all columns, and in each column the mean over the tasks the factor is defined for.

    Args:
        table: success under one protocol.
        columns: names of the factors.
        is_defined: whether a factor is defined for a task.
        measure: how a figure is stated.
    """
    rows = [
        Row(labels=(agent,), entries=column_entries(table, agent, table.tasks, columns, is_defined, measure))
        for agent in table.agents
    ]
    return _grid(table, ("agent",), columns, rows, is_defined, measure)


def factor_grid(table: SuccessTable, *, columns: Sequence[str], is_defined: IsDefined, measure: Measure = with_interval) -> Grid:
    """As `variation_grid`, with a row for each factor and a column for each agent."""
    return upright(variation_grid(table, columns=columns, is_defined=is_defined, measure=measure))


def task_variation_grid(
    table: SuccessTable, *, columns: Sequence[str], is_defined: IsDefined, measure: Measure = with_interval
) -> Grid:
    """For each agent one row for each task and their mean; otherwise as `variation_grid`."""
    rows = [
        Row(
            labels=(agent, label),
            entries=column_entries(table, agent, tasks, columns, is_defined, measure),
            kind="mean" if label == MEAN else "figures",
        )
        for agent in table.agents
        for label, tasks in [*((task, (task,)) for task in table.tasks), (MEAN, table.tasks)]
    ]
    return _grid(table, ("agent", "task"), columns, rows, is_defined, measure)


def column_entries(
    table: SuccessTable, agent: str, tasks: Sequence[str], columns: Sequence[str], is_defined: IsDefined, measure: Measure
) -> tuple[Entry, ...]:
    """The average over factors, and the figure of each; tasks weigh equally in a factor, factors in the average."""
    average = measure(table, agent, tasks, columns, is_defined)
    return (average, *(measure(table, agent, tasks, (factor,), is_defined) for factor in columns))


def layouts_note(measure: Measure) -> str:
    """What the interval of an average means, to be put behind a sentence about it; empty where there is none."""
    return "" if measure is over_seeds else " Its interval counts layouts, not episodes: the arms of a scenario share theirs."


def _grid(
    table: SuccessTable,
    labels: tuple[str, ...],
    columns: Sequence[str],
    rows: Sequence[Row],
    is_defined: IsDefined,
    measure: Measure,
) -> Grid:
    average = f"{AVERAGE} weighs the {len(columns)} columns equally.{layouts_note(measure)}"
    return Grid(
        title=success_title(table, "Success by variation factor"),
        labels=labels,
        columns=(AVERAGE, *columns),
        column_kind="factor",
        rows=tuple(rows),
        notes=(
            *success_notes([table], rows, measure, counted=False, averages=1),
            _cells_note(table, columns, is_defined),
            average,
        ),
        protocol=table.protocol.label,
        fingerprint=table.protocol.fingerprint,
    )


def _cells_note(table: SuccessTable, columns: Sequence[str], is_defined: IsDefined) -> str:
    numbers = {factor: sum(is_defined(task, factor) for task in table.tasks) for factor in columns}
    fewer = [f"{factor} {number}" for factor, number in numbers.items() if number < len(table.tasks)]
    exceptions = f", except {', '.join(fewer)}" if fewer else ""
    return f"Means are over the tasks a factor is defined for: {len(table.tasks)}{exceptions}."
