"""How close a path planner comes to the scripted expert's paths."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from hamster_bench.envs.wrappers.proposal import PathProposal
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.attribution import NO_PATH_DISTANCE
from hamster_bench.evaluation.environment import Requirements, make_environment, path_camera
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.statistics import CONFIDENCE
from hamster_bench.paths.distances import dtw_distance, frechet_distance, gripper_change_error
from hamster_bench.planners import PathPlanner
from hamster_bench.scenario import Scenario


class PathScore(NamedTuple):
    """One proposed path beside the expert's.

    Attributes:
        scenario: the episode.
        distance: mean distance at the expert's gripper changes, or at the path's end where there is none [fraction of the image];
            `NO_PATH_DISTANCE` without a path.
        wrong_changes: gripper changes that are missing or superfluous.
        dtw: distance by dynamic time warping [fraction of the image].
        frechet: discrete Frechet distance [fraction of the image].
        latency_s: wall-clock time of the proposal.
        error: why there is no path, or None.
    """

    scenario: Scenario
    distance: float
    wrong_changes: int
    dtw: float
    frechet: float
    latency_s: float
    error: str | None


class CellScore(NamedTuple):
    """The paths of one task under one factor.

    Attributes:
        task: its name.
        factor: its name.
        n: episodes.
        distance: mean of `PathScore.distance`.
        low: lower end of its interval (normal approximation).
        high: upper end.
        median: of the same.
        wrong_changes: share of episodes with missing or superfluous gripper changes, or without a path.
        dtw: mean.
        frechet: mean.
        failed: episodes without a path.
        latency_s: median.
    """

    task: str
    factor: str
    n: int
    distance: float
    low: float
    high: float
    median: float
    wrong_changes: float
    dtw: float
    frechet: float
    failed: int
    latency_s: float


def score_planner(
    planner: PathPlanner,
    *,
    tasks: Sequence[str],
    episodes: int,
    seed: int,
    factors: Sequence[str],
    protocol: Protocol,
    skip_undefined: bool = False,
) -> Iterator[PathScore]:
    """Asks a planner for the path of every scenario and measures it against the expert's.

    Nothing is executed: an episode is reset, and both see its first image.

    Args:
        planner: the planner.
        tasks: names.
        episodes: for each task and factor.
        seed: base seed.
        factors: names.
        protocol: gives engine, camera, image size and choice of variations.
        skip_undefined: leave cells out in which a factor is not defined for a task, instead of refusing them.

    Raises:
        HamsterBenchError: something was asked for that does not exist.
    """
    plan = make_plan(
        agents=("planner",),
        tasks=tasks,
        episodes=episodes,
        seed=seed,
        factors=factors,
        variations=protocol.variations,
        skip_undefined=skip_undefined,
    )
    camera = path_camera(protocol)
    for task in tasks:
        with contextlib.closing(make_environment(Requirements(task, "keypose", (camera,), "points"), protocol)) as env:
            proposed, expected = PathProposal(env, planner, camera), PathProposal(env, "oracle", camera)
            for scenario in (planned.scenario for planned in plan if planned.scenario.task == task):
                observation, info = env.reset(options={"scenario": scenario})
                expected.start(env, observation, info)
                start = time.perf_counter()
                proposed.start(env, observation, info)
                latency_s = time.perf_counter() - start
                yield _score(scenario, proposed, expected, latency_s)


def by_cell(scores: Sequence[PathScore]) -> tuple[CellScore, ...]:
    """The scores of each task and factor, in the order in which they first appear."""
    cells: dict[tuple[str, str], list[PathScore]] = {}
    for score in scores:
        cells.setdefault((score.scenario.task, score.scenario.factor), []).append(score)
    return tuple(_cell(task, factor, held) for (task, factor), held in cells.items())


def _score(scenario: Scenario, proposed: PathProposal, expected: PathProposal, latency_s: float) -> PathScore:
    if expected.path is None:
        raise InvalidOptionError(
            f"the expert's path of {scenario.id} cannot be seen ({expected.info()['path_error']}): nothing to compare with"
        )
    if proposed.path is None:
        wrong = len(expected.path.gripper_changes)
        error = str(proposed.info()["path_error"] or "the planner has no path to offer")
        return PathScore(scenario, NO_PATH_DISTANCE, wrong, NO_PATH_DISTANCE, NO_PATH_DISTANCE, latency_s, error)
    changes = gripper_change_error(proposed.path, expected.path)
    return PathScore(
        scenario,
        changes.distance,
        changes.missing + changes.superfluous,
        dtw_distance(proposed.path, expected.path),
        frechet_distance(proposed.path, expected.path),
        latency_s,
        None,
    )


def _cell(task: str, factor: str, scores: Sequence[PathScore]) -> CellScore:
    distances = np.array([score.distance for score in scores])
    mean = float(distances.mean())
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0)
    # Of one episode nothing is known about the spread.
    half = z * float(distances.std(ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
    return CellScore(
        task,
        factor,
        len(scores),
        mean,
        max(0.0, mean - half),
        mean + half,
        float(np.median(distances)),
        float(np.mean([score.wrong_changes > 0 or score.error is not None for score in scores])),
        float(np.mean([score.dtw for score in scores])),
        float(np.mean([score.frechet for score in scores])),
        sum(score.error is not None for score in scores),
        float(np.median([score.latency_s for score in scores])),
    )
