"""Intervals for success rates.

Everything here is closed-form: no resampling, so no random numbers, and the same records always give the same figures.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Lower and upper limits, arrays of one shape (0-dimensional for scalars)."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Estimate(NamedTuple):
    """A proportion and its confidence limits, in [0, 1]."""

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
    z = _quantile(confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        half_width = z * np.sqrt(k * (total - k) / total + z * z / 4.0) / (total + z * z)
    centre = (k + z * z / 2.0) / (total + z * z)
    low = np.where(k == 0, 0.0, centre - half_width)
    high = np.where(k == total, 1.0, centre + half_width)
    return Interval(np.where(total == 0, 0.0, low), np.where(total == 0, 1.0, high))


def mean_over_strata(successes: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Unweighted mean of the success rates of several strata (tasks), with an interval.

    The strata count equally however many episodes each has; strata without episodes are left out. The interval is a score interval
    like Wilson's, from the variance that a mean over strata has::

        (mean - P)^2 <= z^2 / N (P (1 - P) - s^2),    N = m^2 / sum(1 / n_t) over m strata

    Differences between strata are no uncertainty: s^2 is by how much p_t (1 - p_t), averaged with the weights 1 / n_t, lies below what
    it were if all strata shared the mean. It is estimated from the centres of the strata's Wilson intervals less the bias of that, and
    is not below 0. With s^2 = 0 and equal n_t this is Wilson's interval of the pooled counts, which is too wide where strata differ.
    Simulated over 4 and 14 strata of 10 to 50 episodes, rates from 0.01 to 1, nominal 95 % intervals hold the true mean in 91 to 100 %,
    the low end being the dips near 0 and 1 that Wilson's own interval has.

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
    z = _quantile(confidence)
    seen = total > 0
    k, total = k[seen], total[seen]
    if not len(k):
        return Estimate(float("nan"), 0.0, 1.0)
    mean = float(np.mean(k / total))
    effective_n = len(k) ** 2 / float(np.sum(1.0 / total))
    spread = _spread(k, total, z)
    ratio = z * z / effective_n
    middle = 2.0 * mean + ratio
    root = float(np.sqrt(max(middle**2 - 4.0 * (1.0 + ratio) * (mean**2 + ratio * spread), 0.0)))
    low = 0.0 if not k.any() else (middle - root) / (2.0 * (1.0 + ratio))
    high = 1.0 if (k == total).all() else (middle + root) / (2.0 * (1.0 + ratio))
    return Estimate(mean, max(min(low, mean), 0.0), min(max(high, mean), 1.0))


def _spread(k: NDArray[np.float64], n: NDArray[np.float64], z: float) -> float:
    """The ``s^2`` of `mean_over_strata`."""
    centre = (k + z * z / 2.0) / (n + z * z)
    variance = centre * (1.0 - centre)
    shared = centre.mean() * (1.0 - centre.mean())
    bias = np.mean(variance / (n + z * z))
    return max(float(shared - np.average(variance, weights=1.0 / n) - bias), 0.0)


def _counts(successes: ArrayLike, n: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k, total = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not ((k >= 0) & (k <= total) & np.isfinite(total) & (k == np.floor(k)) & (total == np.floor(total))).all():
        raise InvalidOptionError(f"counts must be whole numbers with 0 <= successes <= n, got {successes!r} of {n!r}")
    return k, total


def _quantile(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise InvalidOptionError(f"a confidence level lies between 0 and 1, got {confidence!r}")
    return NormalDist().inv_cdf(0.5 + confidence / 2.0)
