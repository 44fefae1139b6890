"""The table of causes: why episodes of agents that follow a 2D path failed, with the path of each planner."""

from __future__ import annotations

from collections.abc import Collection

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.attribution import CAUSES, failure_splits
from hamster_bench.evaluation.statistics import proportion, wilson_interval
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.grid import Entry, Grid, Row

LABELS = ("agent", "path planner", "failures", "not attributed", "protocol fingerprint")


def cause_grid(store: ResultStore, *, tasks: Collection[str] | None = None, agents: Collection[str] | None = None) -> Grid:
    """One row for each agent that failed with paths, under each protocol; a column for each cause.

    Args:
        store: the records.
        tasks: these tasks alone; None for all.
        agents: these agents alone; None for all.

    Raises:
        StoreError: no such episode failed.
    """
    rows: list[Row] = []
    for fingerprint, protocol in store.protocols().items():
        records = [
            record
            for record in store.records(protocol=fingerprint)
            if record.proposals is not None
            and (tasks is None or record.scenario.task in tasks)
            and (agents is None or record.agent in agents)
        ]
        for agent, split in failure_splits(records).items():
            known = sum(split[: len(CAUSES)])
            if not known:
                continue
            entries = []
            for count in split[: len(CAUSES)]:
                limits = wilson_interval(count, known)
                entries.append(
                    Entry(value=float(proportion(count, known)), low=float(limits.low), high=float(limits.high), n=count)
                )
            labels = (agent, protocol.path_planner, str(sum(split)), str(split.not_attributed), fingerprint)
            rows.append(Row(labels=labels, entries=tuple(entries), fingerprint=fingerprint))
    if not rows:
        raise StoreError(f"no episode in {store.directory} failed with a 2D path, or none tells its way and that of the solution")
    order = {agent: place for place, agent in enumerate(dict.fromkeys(row.labels[0] for row in rows))}
    return Grid(
        title="Why episodes with a 2D path failed",
        labels=LABELS,
        columns=CAUSES,
        column_kind="cause",
        rows=tuple(sorted(rows, key=lambda row: order[row.labels[0]])),
        notes=("Share of the failures whose cause could be told, in % [95 % interval, Wilson's] and number.",),
        unit="share_of_failures",
        counted=True,
    )
