"""Differences of success between two arms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.proportions import CONFIDENCE, STRATUM_PRIOR, Estimate, Interval, normal_quantile

# Halvings of an interval of length 2: more than a float64 can tell apart.
_HALVINGS = 60


def mcnemar_p(first_only: ArrayLike, second_only: ArrayLike) -> NDArray[np.float64]:
    """Two-sided p-values of the exact McNemar test.

    If the arms do not differ, each of the ``b + c`` pairs in which just one arm succeeded is its first arm's with probability 1/2, so
    that b is binomial; the p-value is twice its smaller tail, at most 1 (McNemar 1947, Psychometrika 12; exact form). Pairs of several
    tasks may be added up: the hypothesis is then that the arms differ on none.

    Args:
        first_only: (...) pairs in which only the first arm succeeded, b.
        second_only: (...) pairs in which only the second arm succeeded, c.

    Returns:
        (...); 1 where b + c is 0.

    Raises:
        InvalidOptionError: a number is no whole number from 0.
    """
    from scipy.stats import binom

    b, c = np.broadcast_arrays(np.asarray(first_only, dtype=np.float64), np.asarray(second_only, dtype=np.float64))
    _check_pairs(b, c, b + c)
    return np.asarray(np.minimum(2.0 * binom.cdf(np.minimum(b, c), b + c, 0.5), 1.0))


def paired_difference(
    first_only: ArrayLike, second_only: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], Interval]:
    """Unweighted mean over strata of the difference between two arms on the same scenarios, with a score interval.

    In stratum t the difference is ``d_t = (b_t - c_t) / n_t``. With one stratum the interval is Tango's (1998, "Equivalence test and
    confidence interval for the difference in proportions for the paired-sample design", Statistics in Medicine 17): all D with::

        (d - D)^2 <= z^2 / N (q(D) - D^2 - s^2)

    where q(D) is the probability of a discordant pair, estimated by maximum likelihood for the difference D. With m strata d, b / N and
    c / N are means over strata and ``N = m^2 / sum(1 / n_t)``. That strata differ in their differences is no uncertainty of the mean:
    s^2 is by how much the variance within strata, weighted with 1 / n_t, lies below what it were if all shared the mean difference,
    less the part that chance explains, and not below 0. `STRATUM_PRIOR` pairs of either discordant kind are added to every stratum for
    this estimate, so that strata whose pairs are all alike do not pass for certain.

    The interval speaks of new episodes of these strata, not of new strata.

    Args:
        first_only: (..., m) pairs in which only the first arm succeeded.
        second_only: (..., m) pairs in which only the second arm succeeded.
        n: (..., m) all pairs; strata with 0 are left out.
        confidence: two-sided level, between 0 and 1.

    Returns:
        Differences (...), first less second, and their limits; without pairs NaN and (-1, 1).

    Raises:
        InvalidOptionError: not 0 <= b, c and b + c <= n in whole numbers, or a level outside (0, 1).
    """
    b, c, total = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (first_only, second_only, n)))
    _check_pairs(b, c, total)
    z = normal_quantile(confidence)
    if not b.shape[-1]:
        b, c, total = (np.zeros((*x.shape[:-1], 1)) for x in (b, c, total))
    some = np.asarray((total > 0).any(axis=-1))
    # Where there is nothing, anything is computed with, and replaced below.
    seen = (total > 0) | ~some[..., None]
    total = np.where(total > 0, total, 1.0)
    m = seen.sum(axis=-1)

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.where(seen, x, 0.0).sum(axis=-1) / m)

    share_b, share_c = mean(b / total), mean(c / total)
    difference = share_b - share_c
    effective_n = m / mean(1.0 / total)
    spread = _spread(b, c, total, mean)

    def inside(candidate: NDArray[np.float64]) -> NDArray[np.bool_]:
        # The root of Tango's quadratic in the probability of the second discordant kind.
        linear = (2.0 - share_b + share_c) * candidate - share_b - share_c
        root = np.sqrt(np.maximum(linear**2 + 8.0 * share_c * candidate * (1.0 - candidate), 0.0))
        discordant = (root - linear) / 2.0 + candidate
        variance = np.maximum(discordant - candidate**2 - spread, 0.0) / effective_n
        return np.asarray((difference - candidate) ** 2 <= z * z * variance)

    low, high = (_last_inside(inside, difference, end) for end in (-1.0, 1.0))
    return (
        np.asarray(np.where(some, difference, np.nan)),
        Interval(np.asarray(np.where(some, low, -1.0)), np.asarray(np.where(some, high, 1.0))),
    )


def unpaired_difference(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two independent estimates, first less second, by the square-and-add method.

    With Wilson's intervals of two proportions this is Newcombe's method 10 (1998, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17). For arms that met the same scenarios it is what one has when the matching is
    thrown away.
    """
    difference = first.mean - second.mean
    low = difference - np.hypot(first.mean - first.low, second.high - second.mean)
    high = difference + np.hypot(first.high - first.mean, second.mean - second.low)
    return Estimate(difference, float(low), float(high))


def _spread(
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    n: NDArray[np.float64],
    mean: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """The ``s^2`` of `paired_difference`."""
    larger_n = n + 2.0 * STRATUM_PRIOR
    difference = (b - c) / larger_n
    discordant = (b + c + 2.0 * STRATUM_PRIOR) / larger_n
    variance = discordant - difference**2
    shared = mean(discordant) - mean(difference) ** 2
    within = mean(variance / n) / mean(1.0 / n)
    return np.maximum(shared - within - mean(variance / larger_n), 0.0)


def _last_inside(
    inside: Callable[[NDArray[np.float64]], NDArray[np.bool_]], start: NDArray[np.float64], end: float
) -> NDArray[np.float64]:
    """Where, on the way from ``start`` to ``end``, a set is left that holds the start."""
    near, far = start.copy(), np.full_like(start, end)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2.0
        within = inside(middle)
        near, far = np.where(within, middle, near), np.where(within, far, middle)
    return np.asarray(np.where(inside(np.full_like(start, end)), end, near))


def _check_pairs(b: NDArray[np.float64], c: NDArray[np.float64], n: NDArray[np.float64]) -> None:
    whole = all((np.isfinite(x) & (x == np.floor(x)) & (x >= 0)).all() for x in (b, c, n))
    if not whole or not (b + c <= n).all():
        raise InvalidOptionError("numbers of pairs must be whole, from 0, and discordant pairs no more than all pairs")
