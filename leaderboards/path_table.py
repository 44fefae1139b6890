"""The table of path quality: how far the paths that agents were given lie from those of the scripted solution."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Sequence
from statistics import NormalDist

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.attribution import NO_PATH_DISTANCE, PathDistances, path_distances
from hamster_bench.evaluation.statistics import CONFIDENCE
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.grid import MISSING, UNDEFINED, Entry, Grid, Row
from hamster_bench.leaderboards.measures import IsDefined, always_defined

ALL = "all"
_MEASURES = ("at gripper changes", "along the path")


def path_grid(
    store: ResultStore,
    *,
    columns: Sequence[str],
    tasks: Collection[str] | None = None,
    agents: Collection[str] | None = None,
    is_defined: IsDefined = always_defined,
) -> Grid:
    """Two rows for each path planner under each protocol; a column for each factor, and one for all episodes.

    Looked at is the first path of an episode. Several agents that play a scenario with the same planner are given the same path; it counts
    once.

    Args:
        store: the records.
        columns: names of the factors.
        tasks: these tasks alone; None for all.
        agents: paths that one of these was given; None for all.
        is_defined: whether a factor is defined for a task.

    Raises:
        StoreError: no record tells a path and that of the scripted solution.
    """
    rows: list[Row] = []
    for fingerprint, protocol in store.protocols().items():
        found: dict[str, list[PathDistances]] = {}
        seen = set()
        without = 0
        for record in store.records(protocol=fingerprint):
            scenario = record.scenario
            if record.proposals is None or scenario in seen or (tasks is not None and scenario.task not in tasks):
                continue
            if agents is not None and record.agent not in agents:
                continue
            seen.add(scenario)
            distances = path_distances(record)
            if distances is None:
                continue
            without += distances.at_changes == NO_PATH_DISTANCE
            found.setdefault(scenario.factor, []).append(distances)
        if not found:
            continue
        every = [distances for of_factor in found.values() for distances in of_factor]
        for place, measure in enumerate(_MEASURES):
            entries = [_mean([distances[place] for distances in every])]
            for factor in columns:
                values = [distances[place] for distances in found.get(factor, ())]
                nowhere = tasks is not None and not any(is_defined(task, factor) for task in tasks)
                entries.append(_mean(values) if values else UNDEFINED if nowhere else MISSING)
            labels = (protocol.path_planner, str(without), fingerprint, measure)
            rows.append(Row(labels=labels, entries=tuple(entries), fingerprint=fingerprint))
    if not rows:
        raise StoreError(
            f"no record in {store.directory} tells a path and that of the scripted solution; run agents that follow paths"
        )
    return Grid(
        title="Distance of proposed paths from those of the scripted solution",
        labels=("path planner", "episodes without a path", "protocol fingerprint", "distance"),
        columns=(ALL, *columns),
        column_kind="factor",
        rows=tuple(rows),
        notes=(
            "Mean distance [95 % interval], in fractions of the image: at gripper changes, of the place from that of the scripted "
            "solution's, or of the ends where it has none; along the path, by dynamic time warping. Episodes weigh equally; one "
            f"without a path counts as {NO_PATH_DISTANCE:.2f}.",
        ),
        unit="distance",
    )


def _mean(values: Sequence[float]) -> Entry:
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Entry(value=mean, n=1)
    half = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * statistics.stdev(values) / math.sqrt(len(values))
    return Entry(value=mean, low=max(0.0, mean - half), high=mean + half, n=len(values))
