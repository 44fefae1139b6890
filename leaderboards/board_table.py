"""The table of a board: all agents with all path planners in one, each row with what made it, against factors or tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hamster_bench.evaluation.store import Player
from hamster_bench.leaderboards.agent_sheet import Training
from hamster_bench.leaderboards.grid import Entry, Grid, Row
from hamster_bench.leaderboards.measures import IsDefined, Measure, always_defined, with_interval
from hamster_bench.leaderboards.notes import success_notes
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.leaderboards.task_table import MEAN
from hamster_bench.leaderboards.variation_table import AVERAGE, column_entries, layouts_note
from hamster_bench.scenario import CONTROL_FACTOR

LABELS = ("agent", "path planner", "checkpoint", "training steps", "protocol fingerprint")
_NONE = "-"
_UNKNOWN = "?"

# By fingerprint of the protocol and name of the agent.
Players = Mapping[tuple[str, str], Player]


def board_grid(
    tables: Sequence[SuccessTable],
    players: Players,
    trainings: Mapping[str, Training],
    *,
    columns: Sequence[str],
    is_defined: IsDefined = always_defined,
    measure: Measure = with_interval,
) -> Grid:
    """One row for each agent under each protocol; a column for each factor, and their average before them.

    No figure mixes protocols: a row is of one, and says which. A figure is marked as incomplete where its row lacks a task that another
    row has.

    Args:
        tables: success, one table for each protocol.
        players: what played.
        trainings: what agents were trained on, by name.
        columns: names of the factors.
        is_defined: whether a factor is defined for a task.
        measure: how a figure is stated.
    """
    tasks = _all_tasks(tables)

    def entries(table: SuccessTable, agent: str) -> tuple[Entry, ...]:
        return column_entries(table, agent, tasks, columns, is_defined, measure)

    blocks = [_rows(table, table.agents, players, trainings, entries) for table in tables]
    average = f"{AVERAGE} weighs the {len(columns)} columns equally; in each, tasks weigh equally.{layouts_note(measure)}"
    return Grid(
        title="Success by variation factor, all agents and path planners",
        labels=LABELS,
        columns=(AVERAGE, *columns),
        column_kind="factor",
        rows=_together(blocks),
        notes=(*_notes(tables, blocks, measure, counted=False), average),
        protocol=_protocols(tables),
    )


def board_task_grid(
    tables: Sequence[SuccessTable],
    players: Players,
    trainings: Mapping[str, Training],
    *,
    factor: str = CONTROL_FACTOR,
    is_defined: IsDefined = always_defined,
    measure: Measure = with_interval,
) -> Grid:
    """One row for each agent under each protocol that has records with a factor; a column for each task, and their mean before them.

    Args:
        tables: success, one table for each protocol.
        players: what played.
        trainings: what agents were trained on, by name.
        factor: the factor whose records are shown.
        is_defined: whether a factor is defined for a task.
        measure: how a figure is stated.
    """
    tasks = _all_tasks(tables)

    def entries(table: SuccessTable, agent: str) -> tuple[Entry, ...]:
        mean = measure(table, agent, tasks, (factor,), is_defined)
        return (mean, *(measure(table, agent, (task,), (factor,), is_defined) for task in tasks))

    shown = [table for table in tables if factor in table.factors]
    blocks = [
        _rows(table, [agent for agent in table.agents if table.mean(agent, factor)[1].n], players, trainings, entries)
        for table in shown
    ]
    return Grid(
        title=f"Success by task, {factor}, all agents and path planners",
        labels=LABELS,
        columns=(MEAN, *tasks),
        column_kind="task",
        rows=_together(blocks),
        notes=_notes(shown, blocks, measure, counted=True),
        fixed={"factor": factor},
        protocol=_protocols(shown),
        counted=True,
    )


def _rows(
    table: SuccessTable,
    agents: Sequence[str],
    players: Players,
    trainings: Mapping[str, Training],
    entries: Callable[[SuccessTable, str], tuple[Entry, ...]],
) -> list[Row]:
    fingerprint = table.protocol.fingerprint
    rows = []
    for agent in agents:
        player = players[fingerprint, agent]
        training = trainings.get(agent)
        steps = _NONE if not player.checkpoints else _UNKNOWN
        if training is not None and training.steps is not None:
            steps = str(training.steps)
        planner = table.protocol.path_planner if player.sees_paths else _NONE
        labels = (agent, planner, "+".join(player.checkpoints) or _NONE, steps, fingerprint)
        rows.append(Row(labels=labels, entries=entries(table, agent), fingerprint=fingerprint))
    return rows


def _all_tasks(tables: Sequence[SuccessTable]) -> tuple[str, ...]:
    return tuple(sorted({task for table in tables for task in table.tasks}))


def _together(blocks: Sequence[Sequence[Row]]) -> tuple[Row, ...]:
    """The rows of one agent below each other, agents in the order in which they came first."""
    order = {agent: place for place, agent in enumerate(dict.fromkeys(row.labels[0] for rows in blocks for row in rows))}
    return tuple(sorted((row for rows in blocks for row in rows), key=lambda row: order[row.labels[0]]))


def _notes(
    tables: Sequence[SuccessTable], blocks: Sequence[Sequence[Row]], measure: Measure, *, counted: bool
) -> tuple[str, ...]:
    rows = [row for block in blocks for row in block]
    planners = (
        f"path planner: {_NONE} for agents that are given no path. checkpoint: the first digits of the weights' SHA-256. "
        f"training steps: {_UNKNOWN} where agents.toml does not say."
    )
    return (*success_notes(tables, rows, measure, counted=counted, averages=1), planners)


def _protocols(tables: Sequence[SuccessTable]) -> str:
    return ", ".join(dict.fromkeys(table.protocol.label for table in tables))
