"""The table of demonstration efficiency: success against the share of the demonstrations an agent was trained on."""

from __future__ import annotations

from collections.abc import Mapping

from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.leaderboards.agent_sheet import Training
from hamster_bench.leaderboards.grid import MISSING, Entry, Grid, Row
from hamster_bench.leaderboards.measures import IsDefined, Measure, always_defined, with_interval
from hamster_bench.leaderboards.notes import success_notes, success_title
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.scenario import CONTROL_FACTOR


def demonstration_grid(
    table: SuccessTable,
    *,
    trainings: Mapping[str, Training],
    factor: str = CONTROL_FACTOR,
    measure: Measure = with_interval,
    is_defined: IsDefined = always_defined,
) -> Grid:
    """One row for each method, one column for each share of the demonstrations: the unweighted mean over tasks.

    Args:
        table: success under one protocol.
        trainings: what the agents were trained on; agents that are not in it are left out, and the notes say which.
        factor: the factor whose records are shown.
        measure: how a figure is stated.
        is_defined: whether a factor is defined for a task.

    Raises:
        UnknownNameError: there are no records with this factor.
        InvalidOptionError: no agent with records is described, or two describe the same method and share.
    """
    points = demonstration_points(table, trainings=trainings, factor=factor, measure=measure, is_defined=is_defined)
    shares = sorted({training.share for _, training, _ in points})
    by_place = {(training.method, training.share): entry for _, training, entry in points}
    rows = [
        Row(labels=(method,), entries=tuple(by_place.get((method, share), MISSING) for share in shares))
        for method in dict.fromkeys(training.method for _, training, _ in points)
    ]
    notes = list(success_notes([table], rows, measure, counted=True))
    numbers = "; ".join(f"{name}: {t.method}, {t.demonstrations} demonstrations for each task" for name, t, _ in points)
    notes.append(f"Columns are shares of the demonstrations. Agents: {numbers}. Tasks: {', '.join(table.tasks)}.")
    left_out = [agent for agent in table.agents if agent not in trainings]
    if left_out:
        notes.append(f"Left out, because it is not known what they were trained on: {', '.join(left_out)}.")
    return Grid(
        title=success_title(table, "Success by share of the demonstrations", factor),
        labels=("method",),
        columns=tuple(share_text(share) for share in shares),
        column_kind="demonstrations",
        rows=tuple(rows),
        notes=tuple(notes),
        fixed={"factor": factor},
        protocol=table.protocol.label,
        fingerprint=table.protocol.fingerprint,
        counted=True,
    )


def demonstration_points(
    table: SuccessTable,
    *,
    trainings: Mapping[str, Training],
    factor: str = CONTROL_FACTOR,
    measure: Measure = with_interval,
    is_defined: IsDefined = always_defined,
) -> list[tuple[str, Training, Entry]]:
    """Agent, training and mean success over tasks, for every agent that is described; the table and the figure rest on these.

    Raises:
        UnknownNameError: there are no records with this factor.
        InvalidOptionError: no agent with records is described, or two describe the same method and share.
    """
    if factor not in table.factors:
        raise UnknownNameError("factor with records", factor, table.factors)
    described = [(agent, trainings[agent]) for agent in table.agents if agent in trainings]
    if not described:
        raise InvalidOptionError(
            f"none of the agents with records ({', '.join(table.agents)}) is among those whose training is described "
            f"({', '.join(trainings) or 'none'}); describe them by the names they were run by"
        )
    taken: dict[tuple[str, float], str] = {}
    for agent, training in described:
        other = taken.setdefault((training.method, training.share), agent)
        if other != agent:
            raise InvalidOptionError(
                f"agents {other!r} and {agent!r} are both described as {training.method} with a share of {training.share:g}; give them "
                "different methods, such as 'name, training 2'"
            )
    return [(agent, training, measure(table, agent, table.tasks, (factor,), is_defined)) for agent, training in described]


def share_text(share: float) -> str:
    """``50 %``."""
    return f"{100 * share:g} %"
