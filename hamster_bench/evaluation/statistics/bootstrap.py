"""A stratified bootstrap of scenarios, joint over every column of a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.proportions import CONFIDENCE, Interval, check_confidence

RESAMPLES = 4000
SEED = 20_250_209
BOOTSTRAP_NAME = f"stratified bootstrap of scenarios, {RESAMPLES} resamples, PCG64 seed {SEED}"


def resampled_means(
    sums: ArrayLike, counts: ArrayLike, strata: ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """Unweighted means over strata, computed anew from resampled units.

    A unit is what all columns have in common: an episode number and seed of a task, met by every agent and under every factor. Units are
    drawn within their stratum (task), and a drawn unit brings its values in all columns, so that differences between columns keep the
    correlation that matched pairs have.

    Of the n units of a stratum n - 1 are drawn, with replacement. Drawing n, as is common, makes the variance too small by the factor
    (n - 1) / n; with n - 1 it is exactly right for a mean (McCarthy and Snowden 1985, "The bootstrap and finite population sampling").

    Args:
        sums: (units, columns) sums of the values of each unit in each column.
        counts: (units, columns) numbers of values behind them, 0 where a unit has none.
        strata: (units,) the stratum of each unit, as any sortable values.
        resamples: number of resamples.
        seed: seed of the generator.

    Returns:
        (resamples, columns) means over the strata that have values in the column, NaN where none has.

    Raises:
        InvalidOptionError: shapes do not fit, or a number is out of range.
    """
    total, number = np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    _, stratum = np.unique(np.asarray(strata), return_inverse=True)
    if total.ndim != 2 or total.shape != number.shape or stratum.shape != total.shape[:1]:
        raise InvalidOptionError(
            f"sums and counts are (units, columns) and strata (units,), got {total.shape}, {number.shape} and {stratum.shape}"
        )
    if resamples < 1 or seed < 0:
        raise InvalidOptionError(f"resamples must be from 1 and the seed from 0, got {resamples} and {seed}")
    generator = np.random.Generator(np.random.PCG64(seed))
    mean = np.zeros((resamples, total.shape[1]))
    present = np.zeros_like(mean)
    for index in range(stratum.max(initial=-1) + 1):
        inside = np.flatnonzero(stratum == index)
        weights = _weights(generator, len(inside), resamples)
        n = weights @ number[inside]
        seen = n > 0
        mean += np.divide(weights @ total[inside], n, out=np.zeros_like(n), where=seen)
        present += seen
    return np.divide(mean, present, out=np.full_like(mean, np.nan), where=present > 0)


def percentile_interval(resampled: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Percentile interval of resampled figures.

    Args:
        resampled: (resamples, ...) figures, such as the difference of two columns of `resampled_means`.
        confidence: two-sided level, between 0 and 1.

    Returns:
        Limits (...), NaN where a figure is.

    Raises:
        InvalidOptionError: a level outside (0, 1).
    """
    check_confidence(confidence)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(np.asarray(resampled, dtype=np.float64), [tail, 1.0 - tail], axis=0)
    return Interval(np.asarray(low), np.asarray(high))


def _weights(generator: np.random.Generator, n: int, resamples: int) -> NDArray[np.float64]:
    """How often each of n units is drawn in each resample (resamples, n)."""
    draws = max(n - 1, 1)
    drawn = generator.integers(n, size=(resamples, draws)) + n * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.float64)
