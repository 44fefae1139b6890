"""The table of trials on a robot: mean success score, with partial credit, by axis of generalisation."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.statistics import percentile_interval, resampled_means
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.grid import MISSING, Entry, Grid, Row

AVERAGE = "avg"
# Axes of HAMSTER's evaluation in the order of the paper; others come after them.
_AXES = ("basic", "object_and_goal", "visual", "language", "spatial", "novel_object", "multiple")
ENGINE = "franka"

# Score of an agent in a scene: (axis, task, episode, seed), agent.
Scores = Mapping[tuple[tuple[str, str, int, int], str], float]


def trial_grids(store: ResultStore) -> tuple[Grid, ...]:
    """A table for every evaluation on a robot in a store.

    Raises:
        StoreError: there is none.
    """
    grids = []
    for fingerprint, protocol in store.protocols().items():
        if protocol.engine == ENGINE:
            found = store.outcomes(protocol=fingerprint)
            keys = zip(found.factor, found.task, found.episode, found.seed, strict=True)
            scores = {
                (key, agent): stage for key, agent, stage in zip(keys, found.agent, found.stage, strict=True) if stage is not None
            }
            if scores:
                grids.append(_grid(protocol, scores))
    if not grids:
        raise StoreError(f"{store.directory} has no records of trials on a robot; 'hamster-bench trials report' stores some")
    return tuple(grids)


def _grid(protocol: Protocol, scores: Scores) -> Grid:
    found = dict.fromkeys(key[0] for key, _ in scores)
    axes = (*(axis for axis in _AXES if axis in found), *(axis for axis in found if axis not in _AXES))
    agents = tuple(dict.fromkeys(agent for _, agent in scores))
    rows = [
        Row(labels=(agent,), entries=(_entry(scores, agent, None), *(_entry(scores, agent, axis) for axis in axes)))
        for agent in agents
    ]
    return Grid(
        title=f"Success score in trials on a robot, {protocol.name}",
        labels=("agent",),
        columns=(AVERAGE, *axes),
        column_kind="axis",
        rows=tuple(rows),
        notes=(
            "Mean of the credits of every trial, given by people who did not know the policy.",
            "Intervals are 95 %, by bootstrap over scenes.",
            f"{AVERAGE} is over all trials, whatever their axis.",
        ),
        protocol=protocol.label,
        fingerprint=protocol.fingerprint,
    )


def _entry(scores: Scores, agent: str, axis: str | None) -> Entry:
    listed: Sequence[float] = [score for (key, name), score in scores.items() if name == agent and axis in (None, key[0])]
    if not listed:
        return MISSING
    values = np.array(listed)[:, None]
    limits = percentile_interval(resampled_means(values, np.ones_like(values), np.zeros(len(values))))
    return Entry(value=statistics.fmean(listed), low=float(limits.low[0]), high=float(limits.high[0]), n=len(listed))
