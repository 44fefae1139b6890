"""After the last label: records for the result store, and the figures of the evaluation."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import percentile_interval, resampled_means, wilson_interval
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.trials.book import TrialBook, changed_files
from hamster_bench.trials.plan import TrialError
from hamster_bench.trials.running import read_record

# With more pairs than this the permutations of signs are drawn, not counted out.
_MOST_EXACT = 16
_DRAWN = 100_000
_FULL = 1.0 - 1e-9


class PolicyFigures(NamedTuple):
    """Figures of one policy.

    Attributes:
        agent: its name.
        n: trials.
        score: mean score.
        score_low: lower limit of its 95 % interval, by bootstrap over scenes.
        score_high: upper limit.
        success: share of trials with every sub-action done.
        success_low: lower limit of Wilson's 95 % interval.
        success_high: upper limit.
        failure_modes: how often each was named.
        voids: tries that did not count.
        faults: trials in which the arm stopped or was stopped.
    """

    agent: str
    n: int
    score: float
    score_low: float
    score_high: float
    success: float
    success_low: float
    success_high: float
    failure_modes: dict[str, int]
    voids: int
    faults: int


class Difference(NamedTuple):
    """Difference of two policies' mean scores over the same scenes, its 95 % interval by bootstrap, and p of a permutation test."""

    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float


class Report(NamedTuple):
    """Figures of an evaluation."""

    policies: tuple[PolicyFigures, ...]
    differences: tuple[Difference, ...]


def final_records(book: TrialBook) -> list[EpisodeRecord]:
    """The record of every trial, under the policies' names and with what people said of it.

    Raises:
        TrialError: a trial has no label yet, or files were changed after a trial was closed.
    """
    codes = book.open_codes()
    labels = book.current_labels()
    records = []
    for trial in book.schedule.trials:
        folder = book.tries(trial.id)[-1]
        if changed := changed_files(folder):
            raise TrialError(f"{', '.join(changed)} in {folder} changed after the trial was closed")
        record, label = read_record(folder), labels[trial.id]
        rubric = book.plan.rubrics[book.plan.scene(trial.scene).task]
        score = rubric.score(label.answers)
        assert score is not None
        solved = score >= _FULL
        failed_as = record.kind if record.outcome == "failure" and record.kind is not None else "truncated"
        reached = rubric.reached(label.answers)
        records.append(
            dataclasses.replace(
                record,
                agent=codes[trial.code],
                outcome="success" if solved else "failure",
                kind=None if solved else failed_as,
                message=None if solved else (label.remark or label.failure_mode),
                stage=round(min(score, 1.0), 9),
                # People say whether, not when.
                stages=json.dumps([record.steps if done else None for done in reached]),
            )
        )
    return records


def store_records(book: TrialBook, store: ResultStore) -> int:
    """Puts the records of a labelled evaluation into a result store; those that are there already are left. Gives the number of new ones.

    Raises:
        TrialError: the evaluation is not complete.
        StoreError: the store cannot be written.
    """
    records = final_records(book)
    protocol = book.plan.protocol
    present = store.recorded(protocol.fingerprint)
    new = [record for record in records if (record.agent, record.scenario.id) not in present]
    if new:
        run = store.start_run(protocol, {"trials": book.plan.name, "plan": book.plan.digest})
        for record in new:
            store.add(run, record)
        store.finish_run(run)
    return len(new)


def report(book: TrialBook) -> Report:
    """The figures of a labelled evaluation.

    Raises:
        TrialError: it is not complete.
    """
    records = final_records(book)
    labels, codes = book.current_labels(), book.open_codes()
    scenes = [scene.id for scene in book.plan.scenes]
    scores = np.full((len(scenes), len(book.plan.agents)), np.nan)
    by_agent: dict[str, list[tuple[EpisodeRecord, str]]] = {agent: [] for agent in book.plan.agents}
    for trial, record in zip(book.schedule.trials, records, strict=True):
        scores[scenes.index(trial.scene), book.plan.agents.index(record.agent)] = record.stage
        by_agent[record.agent].append((record, labels[trial.id].failure_mode))
    resampled = resampled_means(scores, np.ones_like(scores), np.zeros(len(scenes)))
    low, high = percentile_interval(resampled)
    voids = Counter(codes[book.trial(name).code] for name, reasons in book.voids().items() for _ in reasons)
    policies = []
    for column, agent in enumerate(book.plan.agents):
        listed = by_agent[agent]
        successes = sum(record.outcome == "success" for record, _ in listed)
        limits = wilson_interval(successes, len(listed))
        policies.append(
            PolicyFigures(
                agent=agent,
                n=len(listed),
                score=float(scores[:, column].mean()),
                score_low=float(low[column]),
                score_high=float(high[column]),
                success=successes / len(listed),
                success_low=float(limits.low),
                success_high=float(limits.high),
                failure_modes=dict(Counter(mode for _, mode in listed)),
                voids=voids[agent],
                faults=sum(record.kind == "truncated" for record, _ in listed),
            )
        )
    differences = []
    for (i, first), (j, second) in itertools.combinations(enumerate(book.plan.agents), 2):
        paired = scores[:, i] - scores[:, j]
        bounds = percentile_interval(resampled[:, i] - resampled[:, j])
        differences.append(
            Difference(first, second, float(paired.mean()), float(bounds.low), float(bounds.high), permutation_p(paired))
        )
    return Report(tuple(policies), tuple(differences))


def permutation_p(differences: NDArray[np.float64], seed: int = 0) -> float:
    """Two-sided p of a paired permutation test: how often the signs, turned at random, give a mean this far from 0.

    All 2^n turns for up to 16 pairs, otherwise 100,000 drawn ones and the observed one.

    Args:
        differences: (n,) of the scores of pairs.
        seed: of the draws.
    """
    values = np.abs(np.asarray(differences, dtype=np.float64))
    values = values[values > 0.0]
    observed = abs(float(np.sum(differences))) - 1e-12
    if len(values) == 0:
        return 1.0
    if len(values) <= _MOST_EXACT:
        signs = 1 - 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1)
        return float((np.abs(signs @ values) >= observed).mean())
    generator = np.random.Generator(np.random.PCG64(seed))
    hits = 1
    for _ in range(100):
        signs = 1 - 2 * generator.integers(2, size=(_DRAWN // 100, len(values)))
        hits += int((np.abs(signs @ values) >= observed).sum())
    return hits / (_DRAWN + 1)
