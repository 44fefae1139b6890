"""Intervals against their definitions and against scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binomtest

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import mean_over_strata, proportion, wilson_interval

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.5, 0.999)


@given(counts, levels)
def test_wilson_limits_equal_scipys(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    expected = binomtest(k, n).proportion_ci(confidence_level=confidence, method="wilson")
    ours = wilson_interval(k, n, confidence)
    np.testing.assert_allclose([ours.low, ours.high], [expected.low, expected.high], atol=1e-12)


@given(counts, levels)
def test_wilson_limits_solve_the_score_equation(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    share = k / n

    def score(p: float) -> float:
        return (share - p) ** 2 - z * z * p * (1.0 - p) / n

    # The share itself is a second root where k is 0 or n; it is stepped around.
    low, high = wilson_interval(k, n, confidence)
    if k > 0:
        assert low == pytest.approx(brentq(score, 0.0, share - 1e-6), abs=1e-9)
    if k < n:
        assert high == pytest.approx(brentq(score, share + 1e-6, 1.0), abs=1e-9)


def test_wilson_edges_are_exact() -> None:
    low, high = wilson_interval([0, 5, 0], [5, 5, 0])
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert (low[2], high[2]) == (0.0, 1.0)
    assert math.isnan(proportion(0, 0))
    assert proportion([1, 3], [4, 4]).tolist() == [0.25, 0.75]
    assert wilson_interval(np.ones((2, 3)), 4).low.shape == (2, 3)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0.5, 5), (1, float("nan")), (1, float("inf")), ([1, 2], [1, 1])])
def test_impossible_counts_are_refused(k: object, n: object) -> None:
    for function in (proportion, wilson_interval, mean_over_strata):
        with pytest.raises(InvalidOptionError, match="0 <= successes <= n"):
            function(k, n)  # type: ignore[operator]


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_levels_are_refused(confidence: float) -> None:
    for function in (wilson_interval, mean_over_strata):
        with pytest.raises(InvalidOptionError, match="between 0 and 1"):
            function(1, 2, confidence)


@given(counts)
def test_mean_of_one_stratum_is_wilson(count: tuple[int, int]) -> None:
    estimate = mean_over_strata([count[0]], [count[1]])
    np.testing.assert_allclose(estimate, [count[0] / count[1], *wilson_interval(*count)], atol=1e-12)


@given(counts, st.integers(1, 12), levels)
def test_mean_of_equal_strata_is_wilson_of_the_pooled_counts(count: tuple[int, int], strata: int, confidence: float) -> None:
    k, n = count
    estimate = mean_over_strata([k] * strata, n, confidence)
    np.testing.assert_allclose(estimate[1:], wilson_interval(k * strata, n * strata, confidence), atol=1e-9)


@given(st.lists(counts, min_size=1, max_size=20))
def test_mean_weighs_strata_equally_and_lies_in_its_interval(strata: list[tuple[int, int]]) -> None:
    k, n = np.transpose(strata)
    estimate = mean_over_strata(k, n)
    assert estimate.mean == pytest.approx(np.mean(k / n))
    assert 0.0 <= estimate.low <= estimate.mean <= estimate.high <= 1.0
    assert estimate.low < estimate.high


def test_differences_between_strata_are_no_uncertainty() -> None:
    alike, apart = mean_over_strata([50] * 4, 100), mean_over_strata([1, 1, 99, 99], 100)
    assert alike.mean == apart.mean
    assert apart.high - apart.low < 0.5 * (alike.high - alike.low)


def test_mean_skips_strata_without_episodes() -> None:
    assert mean_over_strata([3, 0, 4], [4, 0, 8]) == mean_over_strata([3, 4], [4, 8])
    nothing = mean_over_strata([0, 0], [0, 0])
    assert math.isnan(nothing.mean)
    assert nothing[1:] == (0.0, 1.0)


@pytest.mark.parametrize("n", [10, 25])
@pytest.mark.parametrize(
    "shares", [(0.02, 0.5, 0.98, 0.9), (0.97, 0.98, 0.99, 0.96), (0.5,) * 4, (0.9, 0.1) * 2, (0.02,) * 14, (0.97,) * 14]
)
def test_mean_interval_covers_the_truth(shares: tuple[float, ...], n: int) -> None:
    draws = np.random.default_rng(0).binomial(n, shares, size=(1500, len(shares)))
    covered = np.mean([low <= np.mean(shares) <= high for _, low, high in (mean_over_strata(k, n) for k in draws)])
    assert covered >= 0.92 - 3.0 * np.sqrt(0.92 * 0.08 / 1500)


def test_mean_interval_of_unequal_strata_covers_the_truth() -> None:
    shares, n = np.array([0.9, 0.2, 0.6, 0.99]), np.array([5, 60, 20, 10])
    draws = np.random.default_rng(1).binomial(n, shares, size=(1500, 4))
    covered = np.mean([low <= shares.mean() <= high for _, low, high in (mean_over_strata(k, n) for k in draws)])
    assert 0.92 <= covered <= 0.995
