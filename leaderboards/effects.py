"""Differences between two arms on the same scenarios: factor by factor, task by task, and on the average of all factors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hamster_bench.evaluation.statistics import (
    Estimate,
    Interval,
    holm,
    mcnemar_p,
    mean_over_strata,
    paired_difference,
    percentile_interval,
    resampled_means,
    sign_flip_p,
    unpaired_difference,
)
from hamster_bench.evaluation.statistics.sequential import StepDecision, always_valid_p, step_decision
from hamster_bench.leaderboards.pairs import Pairs

# Contributions that cancel leave no more than this.
_NOTHING = 1e-12

# What becomes of pairs in which something broke.
Errors = Literal["not_successful", "left_out"]

# A percentile bootstrap of fewer discordant pairs holds the true difference less often than it says: simulated over 5 and 14 tasks, in 93
# to 96 % above this number, and in as little as 50 % below.
BOOTSTRAP_DISCORDANT = 30


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The difference between two arms on the same scenarios.

    Attributes:
        first: what the first arm is called.
        second: what the second arm is called.
        factor: the factor under which both, or the first arm alone, were run.
        task: the task, or None for the mean over tasks.
        errors: how errors were counted.
        tasks: number of tasks with pairs.
        pairs: number of pairs.
        pairs_with_errors: pairs in which an arm ended as an error; 0 where they were left out.
        both: pairs in which both arms succeeded.
        first_only: pairs in which only the first arm succeeded.
        second_only: pairs in which only the second arm succeeded.
        first_rate: success of the first arm in the pairs, tasks weighing equally, with its own interval.
        second_rate: the same of the second arm.
        difference: first less second, with the paired score interval.
        bootstrap: percentile interval of the joint bootstrap, or None where there are too few discordant pairs for one.
        unpaired: the difference with the interval it would have without the matching.
        p: exact McNemar test; NaN without pairs.
        p_holm: the same, adjusted for the family.
        p_any_time: p-value that holds at every look.
        step: what STEP says and after how many pairs, or None when it was not asked for.
        without_partner: records of the first and of the second arm that the other arm lacks.
    """

    first: str
    second: str
    factor: str
    task: str | None
    errors: Errors
    tasks: int
    pairs: int
    pairs_with_errors: int
    both: int
    first_only: int
    second_only: int
    first_rate: Estimate
    second_rate: Estimate
    difference: Estimate
    bootstrap: Interval | None
    unpaired: Estimate
    p: float
    p_holm: float
    p_any_time: float
    step: tuple[StepDecision, int] | None
    without_partner: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class AverageEffect:
    """The difference between two arms on the average of several factors, each of which weighs the same.

    Scenarios that share task, episode and seed share their layout, whatever the factor: they are resampled, and exchanged, together.

    Attributes:
        first: what the first arm is called.
        second: what the second arm is called.
        factors: number of factors with pairs.
        tasks: number of tasks with pairs.
        pairs: number of pairs.
        layouts: number of layouts behind them.
        first_only: pairs in which only the first arm succeeded.
        second_only: pairs in which only the second arm succeeded.
        first_rate: success of the first arm in the pairs; under each factor, tasks weigh equally.
        second_rate: the same of the second arm.
        difference: first less second.
        bootstrap: percentile interval of the joint bootstrap, or None where the arms differ on too few layouts for one, or a
            factor has too few pairs.
        p: sign-flip test over layouts.
        p_holm: the same, adjusted for the averages of a comparison.
    """

    first: str
    second: str
    factors: int
    tasks: int
    pairs: int
    layouts: int
    first_only: int
    second_only: int
    first_rate: float
    second_rate: float
    difference: float
    bootstrap: Interval | None
    p: float
    p_holm: float


def effects_over_tasks(pairs: Sequence[Pairs], errors: Errors, planned: int | None) -> tuple[Effect, ...]:
    """Means over tasks, one for each two arms, adjusted as one family.

    Args:
        pairs: one for each two arms.
        errors: how errors were counted.
        planned: pairs planned at most, for STEP; None leaves STEP out.
    """
    effects = [_effect(p, None, errors, planned) for p in pairs]
    low, high = percentile_interval(_resampled(pairs))
    return _adjusted(
        replace(effect, bootstrap=Interval(low[column], high[column]))
        if _enough(effect.first_only + effect.second_only)
        else effect
        for column, effect in enumerate(effects)
    )


def average_effects(pairs: Sequence[Pairs]) -> tuple[AverageEffect, ...]:
    """The averages over factors, one for each two arms that have pairs under several, adjusted as a family of their own.

    Errors count as not successful.

    Args:
        pairs: one for each two arms and factor.
    """
    by_arms: dict[tuple[str, str], list[Pairs]] = {}
    for p in pairs:
        if p.keys:
            by_arms.setdefault(p.arms, []).append(p)
    averages = [_average(group) for group in by_arms.values() if len(group) > 1]
    adjusted = holm([average.p for average in averages])
    return tuple(replace(average, p_holm=float(p)) for average, p in zip(averages, adjusted, strict=True))


def _average(pairs: Sequence[Pairs]) -> AverageEffect:
    contributions: dict[tuple[str, int, int], float] = {}
    rates = np.zeros((len(pairs), 2))
    for column, p in enumerate(pairs):
        names, stratum, sizes = np.unique(p.tasks, return_inverse=True, return_counts=True)
        weights = 1.0 / (sizes[stratum] * len(names))
        rates[column] = [weights @ (arm == "success") for arm in (p.first, p.second)]
        for layout, share in zip(p.layouts, weights * p.difference / len(pairs), strict=True):
            contributions[layout] = contributions.get(layout, 0.0) + float(share)
    # The draws must not depend on the order in which the records were made.
    ordered = np.array([contributions[layout] for layout in sorted(contributions)])
    first, second = rates.mean(axis=0)
    low, high = percentile_interval(_resampled(pairs).mean(axis=1))
    # A factor that has just begun is missing from some resamples, and so is the average.
    known = _enough(int((np.abs(ordered) > _NOTHING).sum())) and bool(np.isfinite([low, high]).all())
    return AverageEffect(
        first=pairs[0].arms[0],
        second=pairs[0].arms[1],
        factors=len(pairs),
        tasks=len({task for task, _, _ in contributions}),
        pairs=sum(len(p.keys) for p in pairs),
        layouts=len(contributions),
        first_only=sum(int((p.difference > 0).sum()) for p in pairs),
        second_only=sum(int((p.difference < 0).sum()) for p in pairs),
        first_rate=float(first),
        second_rate=float(second),
        difference=float(first - second),
        bootstrap=Interval(low, high) if known else None,
        p=sign_flip_p(ordered),
        p_holm=float("nan"),
    )


def effects_by_task(pairs: Sequence[Pairs], errors: Errors, planned: int | None) -> tuple[Effect, ...]:
    """One effect for each two arms and task, adjusted as one family; arguments as for `effects_over_tasks`."""
    return _adjusted(_effect(p.where(p.tasks == task), str(task), errors, planned) for p in pairs for task in np.unique(p.tasks))


def _adjusted(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    listed = list(effects)
    adjusted = holm([effect.p for effect in listed])
    return tuple(replace(effect, p_holm=float(p)) for effect, p in zip(listed, adjusted, strict=True))


def _effect(pairs: Pairs, task: str | None, errors: Errors, planned: int | None) -> Effect:
    tasks, stratum = np.unique(pairs.tasks, return_inverse=True)
    first, second = pairs.first == "success", pairs.second == "success"

    def count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(stratum[which], minlength=len(tasks))

    n = count(np.ones(len(first), dtype=np.bool_))
    first_only, second_only = count(first & ~second), count(second & ~first)
    difference, interval = paired_difference(first_only, second_only, n)
    first_rate, second_rate = mean_over_strata(count(first), n), mean_over_strata(count(second), n)
    b, c = int(first_only.sum()), int(second_only.sum())
    some = len(first) > 0
    return Effect(
        first=pairs.arms[0],
        second=pairs.arms[1],
        factor=pairs.factor,
        task=task,
        errors=errors,
        tasks=len(tasks),
        pairs=len(first),
        pairs_with_errors=int(pairs.broken.sum()),
        both=int((first & second).sum()),
        first_only=b,
        second_only=c,
        first_rate=first_rate,
        second_rate=second_rate,
        difference=Estimate(float(difference), float(interval.low), float(interval.high)),
        bootstrap=None,
        unpaired=unpaired_difference(first_rate, second_rate),
        p=float(mcnemar_p(b, c)) if some else float("nan"),
        p_holm=float("nan"),
        p_any_time=always_valid_p(first, second) if some else float("nan"),
        step=step_decision(first, second, planned) if planned is not None and some else None,
        without_partner=pairs.without_partner if task is None else (0, 0),
    )


def _enough(discordant: int) -> bool:
    return discordant >= BOOTSTRAP_DISCORDANT


def _resampled(pairs: Sequence[Pairs]) -> NDArray[np.float64]:
    """Mean differences (resamples, pairs) from scenarios that are resampled for all of them at once."""
    units: dict[tuple[str, int, int], int] = {}
    at = [np.array([units.setdefault(layout, len(units)) for layout in p.layouts], dtype=np.int64) for p in pairs]
    sums, counts = np.zeros((len(units), len(pairs))), np.zeros((len(units), len(pairs)))
    for column, (p, rows) in enumerate(zip(pairs, at, strict=True)):
        np.add.at(sums[:, column], rows, p.difference)
        np.add.at(counts[:, column], rows, 1.0)
    # The draws must not depend on the order in which the records were made.
    order = sorted(units, key=lambda unit: (unit[0], unit[2], unit[1]))
    rows = np.array([units[unit] for unit in order], dtype=np.int64)
    return resampled_means(sums[rows], counts[rows], [unit[0] for unit in order])
