"""Means and differences of what comes in clusters, such as the episodes of one scenario under many factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.bootstrap import SEED
from hamster_bench.evaluation.statistics.proportions import CONFIDENCE, Estimate, check_confidence, normal_quantile

FLIPS = 20_000
SIGN_FLIP_NAME = f"sign-flip test, {FLIPS} draws, PCG64 seed {SEED}"

# Sums of the same contributions in other orders differ in their last bits, and must count as equal.
_TIE = 1e-12
# What rounding leaves of the variance of what does not vary; that of a single episode in a hundred million is more.
_NOTHING = 1e-20
_BLOCK = 1000


def sign_flip_p(contributions: ArrayLike, *, flips: int = FLIPS, seed: int = SEED) -> float:
    """Two-sided p-value of a sum of independent contributions, by flipping their signs.

    If two arms do not differ, exchanging them within a cluster changes nothing: the contribution of each cluster to the difference may
    as well have the other sign, whatever depends on what inside the cluster. The p-value is the share of drawn sign patterns whose sum
    lies at least as far from 0 as the sum found; the pattern found counts among the drawn ones, which makes the test valid for any
    number of draws (Phipson and Smyth 2010, "Permutation p-values should never be zero").

    Args:
        contributions: (clusters,) what each adds to the difference.
        flips: number of sign patterns that are drawn.
        seed: seed of the generator.

    Returns:
        The p-value, from 1 / (flips + 1) to 1; 1 without contributions.

    Raises:
        InvalidOptionError: contributions are not finite or not (clusters,), or a number is out of range.
    """
    given = np.asarray(contributions, dtype=np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise InvalidOptionError(f"contributions are finite numbers (clusters,), got an array {given.shape}")
    if flips < 1 or seed < 0:
        raise InvalidOptionError(f"flips must be from 1 and the seed from 0, got {flips} and {seed}")
    # Those that add nothing draw nothing either, so that scenarios on which the arms agree change no p-value.
    some = given[given != 0.0]
    found = abs(some.sum()) - _TIE * np.abs(some).sum()
    generator = np.random.Generator(np.random.PCG64(seed))
    as_far = 1
    for start in range(0, flips, _BLOCK):
        signs = generator.integers(0, 2, size=(min(_BLOCK, flips - start), len(some))) * 2.0 - 1.0
        as_far += int((np.abs(signs @ some) >= found).sum())
    return as_far / (flips + 1)


def mean_over_columns(successes: ArrayLike, n: ArrayLike, strata: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Unweighted mean over columns (factors) of the unweighted means over strata (tasks) of success rates, with an interval.

    A unit is what the columns have in common: a layout of a task. Its outcomes in several columns are not independent. The interval is
    Wilson's with the effective number of episodes of a clustered sample (Korn and Graubard 1998, "Confidence intervals for proportions
    with small expected number of positive counts estimated from survey data"; Franco et al. 2019, "Comparative study of confidence
    intervals for proportions in complex sample surveys")::

        N = P (1 - P) / V (z / t)^2,    V = sum over strata of n_t / (n_t - 1) sum over units of d^2

    P being the mean; d what a unit adds to it above the mean of its stratum, with the weights that its episodes have in P; z and t the
    quantiles of the normal distribution and of Student's with as many degrees of freedom as there are units beyond one in each
    stratum. N is at most the number of episodes; where nothing varies it is the number of units, as if all columns said the same. The
    only unit of a stratum counts with the variance that P gives it.

    The interval speaks of new layouts of these strata under these columns.

    Args:
        successes: (units, columns) whole numbers.
        n: (units, columns) whole numbers of episodes, 0 where a unit has none in a column.
        strata: (units,) the stratum of each unit, as any sortable values.
        confidence: two-sided level, between 0 and 1.

    Returns:
        The estimate, over the columns and strata with episodes; without any its mean is NaN and its interval (0, 1).

    Raises:
        InvalidOptionError: shapes do not fit, not 0 <= successes <= n, or a level outside (0, 1).
    """
    from scipy.special import stdtrit

    check_confidence(confidence)
    k, total = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    _, stratum = np.unique(np.asarray(strata), return_inverse=True)
    if k.ndim != 2 or k.shape != total.shape or stratum.shape != k.shape[:1]:
        raise InvalidOptionError(
            f"successes and n are (units, columns) and strata (units,), got {k.shape}, {total.shape} and {stratum.shape}"
        )
    if not ((k >= 0) & (k <= total)).all():
        raise InvalidOptionError("successes must be from 0 to the number of episodes")
    inside = np.eye(stratum.max(initial=-1) + 1)[stratum]
    episodes = inside.T @ total
    if not episodes.any():
        return Estimate(float("nan"), 0.0, 1.0)
    seen = episodes > 0
    # What an episode of each stratum (rows) weighs in each column: columns weigh equally, and strata in a column.
    weight = np.divide(1.0, episodes * seen.sum(axis=0) * seen.any(axis=0).sum(), out=np.zeros_like(episodes), where=seen)
    rate = np.divide(inside.T @ k, episodes, out=np.zeros_like(episodes), where=seen)
    # Sums of weights come to 1 but for rounding.
    mean = 1.0 if (k == total).all() else float((weight * (inside.T @ k)).sum())
    units = np.bincount(stratum, weights=total.any(axis=1), minlength=len(episodes))
    beyond = (weight[stratum] * (k - total * rate[stratum])).sum(axis=1)
    single = mean * (1.0 - mean) * ((weight * episodes).sum(axis=1) ** 2)
    spread = np.bincount(stratum, weights=beyond**2, minlength=len(episodes)) * units / np.maximum(units - 1.0, 1.0)
    variance = float(np.where(units == 1, single, spread).sum())
    freedom = max(float((units - 1.0).clip(0.0).sum()), 1.0)
    z = normal_quantile(confidence)
    effective_n = float(units.sum())
    if variance > _NOTHING:
        shrink = (z / float(stdtrit(freedom, (1.0 + confidence) / 2.0))) ** 2
        effective_n = min(mean * (1.0 - mean) / variance * shrink, float(total.sum()))
    centre = mean + z * z / (2.0 * effective_n)
    half_width = z * np.sqrt(mean * (1.0 - mean) / effective_n + z * z / (4.0 * effective_n**2))
    scale = 1.0 + z * z / effective_n
    low, high = max((centre - half_width) / scale, 0.0), min((centre + half_width) / scale, 1.0)
    return Estimate(mean, 0.0 if mean == 0.0 else float(low), 1.0 if mean == 1.0 else float(high))
