"""The cross-engine check: every recorded demonstration once more, on another engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.registration import environment_id
from hamster_bench.evaluation.crosscheck.depth import DepthShares, compare_depth, side_by_side
from hamster_bench.evaluation.crosscheck.recordings import Recording, read_recordings
from hamster_bench.evaluation.crosscheck.replay import LayoutRefusedError, Replay, replay, start

# Bars: share of the demonstrations solved there that must be solved here, on average over tasks and on every task; share of pixels
# whose depth must agree.
LEAST_MEAN = 0.85
LEAST_EACH = 0.60
LEAST_DEPTH = 0.95


@dataclass(frozen=True)
class Checked:
    """What became of one demonstration.

    Attributes:
        task: its task.
        key: its name within the recording.
        variation: RLBench variation.
        solved_there: variants of replaying by which the original solved it; none: it says nothing about this engine.
        replays: the same variants played here, up to the first that succeeded.
        refused: why no episode could start from the recorded layout, or None.
        depth: how the depth images compare, or None where there is no start.
    """

    task: str
    key: str
    variation: int
    solved_there: tuple[str, ...]
    replays: tuple[Replay, ...]
    refused: str | None = None
    depth: DepthShares | None = None

    @property
    def solved(self) -> bool:
        """Whether any of the variants succeeded here."""
        return any(played.success for played in self.replays)


def check_recordings(task: str, file: Path, engine: str) -> Iterator[tuple[Checked, NDArray[np.uint8] | None]]:
    """Plays every demonstration of a file on an engine; gives what became of each, and its first images side by side.

    Raises:
        InvalidOptionError: the file is no recording.
        UnknownNameError: there is no such task or engine.
    """
    with ExitStack() as stack:
        seeing = stack.enter_context(closing(_environment(task, engine, cameras=("front",), segmentation=True)))
        blind = stack.enter_context(closing(_environment(task, engine, cameras=())))
        for recording in read_recordings(file):
            yield _check(recording, seeing, blind)


def _environment(task: str, engine: str, **options: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(environment_id(task), disable_env_checker=True, engine=engine, image_size=128, **options)


def _check(
    recording: Recording, seeing: gymnasium.Env[Any, Any], blind: gymnasium.Env[Any, Any]
) -> tuple[Checked, NDArray[np.uint8] | None]:
    replays: list[Replay] = []
    try:
        frame = start(seeing, recording)
        for variant in recording.solved_there:
            replays.append(replay(blind, recording, variant))
            if replays[-1].success:
                break
    except LayoutRefusedError as error:
        return _checked(recording, (), str(error), None), None
    comparable = frame.depth.shape == recording.front_depth.shape
    depth = compare_depth(recording, frame) if comparable else None
    return _checked(recording, tuple(replays), None, depth), side_by_side(recording, frame) if comparable else None


def _checked(recording: Recording, replays: tuple[Replay, ...], refused: str | None, depth: DepthShares | None) -> Checked:
    return Checked(recording.task, recording.key, recording.variation, recording.solved_there, replays, refused, depth)


@dataclass(frozen=True)
class TaskSummary:
    """The demonstrations of a task together.

    Attributes:
        task: name.
        recorded: number of demonstrations.
        solved_there: how many of them the original solved again from its keyposes.
        solved_here: how many of those were solved here.
        robot: mean share of the robot's pixels with the same depth.
        table: mean share of the table's pixels.
        depth: mean share of both; None where there are no images.
        depth_raw: the same before the recorded depth buffer's offset is taken out.
        missed: demonstrations solved there and not here, each with the reason.
    """

    task: str
    recorded: int
    solved_there: int
    solved_here: int
    robot: float | None
    table: float | None
    depth: float | None
    depth_raw: float | None
    missed: tuple[str, ...]

    @property
    def share(self) -> float | None:
        """Share solved here of those solved there; None where the original solved none."""
        return self.solved_here / self.solved_there if self.solved_there else None


def summarise(task: str, checked: Sequence[Checked]) -> TaskSummary:
    """Puts the demonstrations of a task together."""
    there = [demo for demo in checked if demo.solved_there]
    depths = [demo.depth for demo in checked if demo.depth is not None]

    def mean(values: list[float]) -> float | None:
        return float(np.mean(values)) if values else None

    return TaskSummary(
        task=task,
        recorded=len(checked),
        solved_there=len(there),
        solved_here=sum(demo.solved for demo in there),
        robot=mean([depth.robot for depth in depths]),
        table=mean([depth.table for depth in depths]),
        depth=mean([depth.both for depth in depths]),
        depth_raw=mean([depth.both_raw for depth in depths]),
        missed=tuple(_reason(demo) for demo in there if not demo.solved),
    )


def bars_missed(summaries: Sequence[TaskSummary]) -> list[str]:
    """What falls short of the bars, a sentence each."""
    shares = {summary.task: summary.share for summary in summaries if summary.share is not None}
    found = [
        f"{task}: {share:.0%} of the demonstrations are solved, at least {LEAST_EACH:.0%} should be"
        for task, share in shares.items()
        if share < LEAST_EACH
    ]
    if shares and (mean := float(np.mean(list(shares.values())))) < LEAST_MEAN:
        found.append(f"on average {mean:.1%} of the demonstrations are solved, at least {LEAST_MEAN:.0%} should be")
    found += [
        f"{summary.task}: the depth of {summary.depth:.1%} of the pixels agrees, at least {LEAST_DEPTH:.0%} should"
        for summary in summaries
        if summary.depth is not None and summary.depth < LEAST_DEPTH
    ]
    return found


def _reason(demo: Checked) -> str:
    if demo.refused is not None:
        return f"{demo.key}: {demo.refused}"
    tried = "; ".join(
        f"{played.variant} not solved after {played.actions} actions"
        + (f", refused {', '.join(played.refusals)}" if played.refusals else "")
        for played in demo.replays
    )
    return f"{demo.key}: {tried}"
