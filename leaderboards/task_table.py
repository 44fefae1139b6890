"""The table of tasks: agents side by side for a single factor, else tasks x factors for each agent."""

from __future__ import annotations

from collections.abc import Sequence

from hamster_bench.leaderboards.grid import Grid, Row
from hamster_bench.leaderboards.measures import IsDefined, Measure, always_defined, with_interval
from hamster_bench.leaderboards.notes import success_notes, success_title
from hamster_bench.leaderboards.table import SuccessTable

MEAN = "mean over tasks"


def task_grid(table: SuccessTable, *, measure: Measure = with_interval, is_defined: IsDefined = always_defined) -> Grid:
    """Success for each task with the factors that have records, and the mean over tasks.

    Args:
        table: success under one protocol.
        measure: how a figure is stated.
        is_defined: whether a factor is defined for a task.
    """
    if len(table.factors) == 1:
        (factor,) = table.factors
        rows = _rows(table, (), [(agent, factor) for agent in table.agents], measure, is_defined)
        labels: tuple[str, ...] = ("task",)
        columns, kind, fixed = table.agents, "agent", {"factor": factor}
    else:
        rows = [
            row
            for agent in table.agents
            for row in _rows(table, (agent,), [(agent, name) for name in table.factors], measure, is_defined)
        ]
        labels, columns, kind, fixed = ("agent", "task"), table.factors, "factor", {}
    return Grid(
        title=success_title(table, factor=fixed.get("factor")),
        labels=labels,
        columns=columns,
        column_kind=kind,
        rows=tuple(rows),
        notes=success_notes([table], rows, measure, counted=True),
        fixed=fixed,
        protocol=table.protocol.label,
        fingerprint=table.protocol.fingerprint,
        counted=True,
    )


def _rows(
    table: SuccessTable, prefix: tuple[str, ...], columns: Sequence[tuple[str, str]], measure: Measure, is_defined: IsDefined
) -> list[Row]:
    groups = [*((task, (task,)) for task in table.tasks), (MEAN, table.tasks)]
    return [
        Row(
            labels=(*prefix, label),
            entries=tuple(measure(table, agent, tasks, (factor,), is_defined) for agent, factor in columns),
            kind="mean" if label == MEAN else "figures",
        )
        for label, tasks in groups
    ]
