"""Intervals for success rates."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError

CONFIDENCE = 0.95

# What is added to the counts of either kind in a stratum when differences between strata are estimated: enough for strata whose episodes
# all ended alike not to pass for certain, too little to hide differences between the others. With 0.25, simulated coverage of the means
# over 4 to 14 tasks is nearest to nominal.
STRATUM_PRIOR = 0.25


class Interval(NamedTuple):
    """Lower and upper limits, arrays of one shape (0-dimensional for scalars)."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure and its confidence limits: a proportion in [0, 1], or a difference of two in [-1, 1]."""

    mean: float
    low: float
    high: float


def proportion(successes: ArrayLike, n: ArrayLike) -> NDArray[np.float64]:
    """Share of successes (...), NaN where ``n`` is 0: nothing was observed.

    Raises:
        InvalidOptionError: not 0 <= successes <= n.
    """
    k, total = _counts(successes, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(k / total)


def wilson_interval(successes: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a binomial proportion.

    The set of all p with ``|k/n - p| <= z sqrt(p (1 - p) / n)``, from Wilson (1927), "Probable inference, the law of succession, and
    statistical inference", JASA 22(158), eq. 3, without continuity correction::

        (k + z^2/2 +- z sqrt(k (n - k) / n + z^2/4)) / (n + z^2)

    Args:
        successes: (...) whole numbers k.
        n: (...) whole numbers of trials, broadcast against ``successes``.
        confidence: two-sided level, between 0 and 1.

    Returns:
        Limits (...). The lower one is exactly 0 for k = 0 and the upper exactly 1 for k = n, as the definition has it; with n = 0
        nothing is known and the interval is (0, 1).

    Raises:
        InvalidOptionError: not 0 <= successes <= n, or a level outside (0, 1).
    """
    k, total = _counts(successes, n)
    z = normal_quantile(confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        half_width = z * np.sqrt(k * (total - k) / total + z * z / 4.0) / (total + z * z)
    centre = (k + z * z / 2.0) / (total + z * z)
    low = np.where(k == 0, 0.0, centre - half_width)
    high = np.where(k == total, 1.0, centre + half_width)
    return Interval(np.where(total == 0, 0.0, low), np.where(total == 0, 1.0, high))


def clopper_pearson_interval(successes: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval of a binomial proportion (Clopper and Pearson 1934, Biometrika 26).

    It holds the true rate with at least the nominal probability whatever that rate is, and therefore with more for most: it is wider
    than Wilson's, whose level is right on average over the rates.

    Args:
        successes: (...) whole numbers k.
        n: (...) whole numbers of trials, broadcast against ``successes``.
        confidence: two-sided level, between 0 and 1.

    Returns:
        Limits (...); with n = 0 the interval is (0, 1).

    Raises:
        InvalidOptionError: not 0 <= successes <= n, or a level outside (0, 1).
    """
    from scipy.special import betaincinv

    k, total = _counts(successes, n)
    check_confidence(confidence)
    tail = (1.0 - confidence) / 2.0
    low = np.where(k == 0, 0.0, betaincinv(np.maximum(k, 1.0), total - k + 1.0, tail))
    high = np.where(k == total, 1.0, betaincinv(k + 1.0, np.maximum(total - k, 1.0), 1.0 - tail))
    return Interval(low, high)


def mean_over_strata(successes: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Unweighted mean of the success rates of several strata (tasks), with an interval.

    The strata count equally however many episodes each has; strata without episodes are left out. The interval is a score interval
    like Wilson's, from the variance that a mean over strata has::

        (mean - P)^2 <= z^2 / N (P (1 - P) - s^2),    N = m^2 / sum(1 / n_t) over m strata

    Differences between strata are no uncertainty: s^2 is by how much p_t (1 - p_t), averaged with the weights 1 / n_t, lies below what
    it were if all strata shared the mean, less the part that chance explains, and not below 0. `STRATUM_PRIOR` successes and failures
    are added to every stratum for this estimate. With s^2 = 0 and equal n_t this is Wilson's interval of the pooled counts, which is too
    wide where strata differ.

    The interval speaks of new episodes of these strata, not of new strata.

    Args:
        successes: (m,) whole numbers.
        n: (m,) whole numbers of trials.
        confidence: two-sided level, between 0 and 1.

    Returns:
        The estimate; without any episode its mean is NaN and its interval (0, 1).

    Raises:
        InvalidOptionError: not 0 <= successes <= n, or a level outside (0, 1).
    """
    k, total = _counts(np.atleast_1d(successes), np.atleast_1d(n))
    z = normal_quantile(confidence)
    seen = total > 0
    k, total = k[seen], total[seen]
    if not len(k):
        return Estimate(float("nan"), 0.0, 1.0)
    mean = float(np.mean(k / total))
    effective_n = len(k) ** 2 / float(np.sum(1.0 / total))
    spread = _spread(k, total)
    ratio = z * z / effective_n
    middle = 2.0 * mean + ratio
    root = float(np.sqrt(max(middle**2 - 4.0 * (1.0 + ratio) * (mean**2 + ratio * spread), 0.0)))
    low = 0.0 if not k.any() else (middle - root) / (2.0 * (1.0 + ratio))
    high = 1.0 if (k == total).all() else (middle + root) / (2.0 * (1.0 + ratio))
    return Estimate(mean, max(min(low, mean), 0.0), min(max(high, mean), 1.0))


def _spread(k: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """The ``s^2`` of `mean_over_strata`."""
    larger_n = n + 2.0 * STRATUM_PRIOR
    share = (k + STRATUM_PRIOR) / larger_n
    variance = share * (1.0 - share)
    shared = share.mean() * (1.0 - share.mean())
    return max(float(shared - np.average(variance, weights=1.0 / n) - np.mean(variance / larger_n)), 0.0)


def _counts(successes: ArrayLike, n: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k, total = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not ((k >= 0) & (k <= total) & np.isfinite(total) & (k == np.floor(k)) & (total == np.floor(total))).all():
        raise InvalidOptionError(f"counts must be whole numbers with 0 <= successes <= n, got {successes!r} of {n!r}")
    return k, total


def check_confidence(confidence: float) -> None:
    """Refuses what is no confidence level.

    Raises:
        InvalidOptionError: it lies outside (0, 1).
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidOptionError(f"a confidence level lies between 0 and 1, got {confidence!r}")


def normal_quantile(confidence: float) -> float:
    """The z of a two-sided confidence level: 1.96 for 0.95.

    Raises:
        InvalidOptionError: the level lies outside (0, 1).
    """
    check_confidence(confidence)
    return NormalDist().inv_cdf(0.5 + confidence / 2.0)
