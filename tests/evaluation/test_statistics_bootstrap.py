"""The joint bootstrap: its draws, its variance and what it resamples together."""

from __future__ import annotations

import numpy as np
import pytest

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import BOOTSTRAP_NAME, RESAMPLES, percentile_interval, resampled_means
from hamster_bench.evaluation.statistics.bootstrap import SEED

STRATA = np.repeat(["a", "b", "c"], [12, 20, 7])
VALUES = np.random.default_rng(3).binomial(1, [0.8, 0.5], size=(39, 2)).astype(float)
ONES = np.ones_like(VALUES)


def test_draws_are_the_same_every_time_and_named() -> None:
    first, again = (resampled_means(VALUES, ONES, STRATA) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.shape == (RESAMPLES, 2)
    assert resampled_means(VALUES, ONES, STRATA, seed=SEED + 1).tobytes() != first.tobytes()
    assert str(SEED) in BOOTSTRAP_NAME
    assert str(RESAMPLES) in BOOTSTRAP_NAME


def test_variance_is_the_unbiased_one_of_a_mean_over_strata() -> None:
    resampled = resampled_means(VALUES, ONES, STRATA, resamples=40_000)
    groups = [VALUES[name == STRATA] for name in "abc"]
    variance = sum(group.var(axis=0, ddof=1) / len(group) for group in groups) / 9.0
    np.testing.assert_allclose(resampled.mean(axis=0), np.mean([group.mean(axis=0) for group in groups], axis=0), atol=2e-3)
    np.testing.assert_allclose(resampled.var(axis=0), variance, rtol=0.03)


def test_columns_are_resampled_together() -> None:
    """The difference of a column and its copy, and of a column and its copy less 0.3, is the same in all resamples."""
    columns = np.column_stack([VALUES[:, 0], VALUES[:, 0], VALUES[:, 0] - 0.3])
    resampled = resampled_means(columns, np.ones_like(columns), STRATA)
    assert (resampled[:, 0] == resampled[:, 1]).all()
    np.testing.assert_allclose(resampled[:, 0] - resampled[:, 2], 0.3)


def test_several_values_of_a_unit_stay_together_and_units_without_values_weigh_nothing() -> None:
    sums, counts = 2.0 * VALUES, 2.0 * ONES
    np.testing.assert_allclose(resampled_means(sums, counts, STRATA), resampled_means(VALUES, ONES, STRATA))
    partly = ONES.copy()
    partly[STRATA == "b", 0] = 0.0
    resampled = resampled_means(VALUES * partly, partly, STRATA)
    without = np.mean([VALUES[name == STRATA, 0].mean() for name in "ac"])
    assert resampled[:, 0].mean() == pytest.approx(without, abs=0.01)
    nothing = resampled_means(VALUES, 0.0 * ONES, STRATA)
    assert np.isnan(nothing).all()
    assert np.isnan(percentile_interval(nothing).low).all()


def test_percentiles() -> None:
    low, high = percentile_interval(np.arange(1001.0), 0.9)
    assert (float(low), float(high)) == pytest.approx((50.0, 950.0))


@pytest.mark.parametrize(
    ("sums", "counts", "strata"),
    [(VALUES[:, 0], ONES[:, 0], STRATA), (VALUES, ONES[1:], STRATA), (VALUES, ONES, STRATA[1:])],
)
def test_shapes_that_do_not_fit_are_refused(sums: np.ndarray, counts: np.ndarray, strata: np.ndarray) -> None:
    with pytest.raises(InvalidOptionError, match="units, columns"):
        resampled_means(sums, counts, strata)
