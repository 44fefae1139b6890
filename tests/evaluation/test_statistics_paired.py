"""Differences of matched arms, exact tests and families of tests against their definitions, scipy and statsmodels."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import (
    Estimate,
    clopper_pearson_interval,
    holm,
    mcnemar_p,
    mean_over_strata,
    paired_difference,
    unpaired_difference,
    wilson_interval,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.5, 0.999)


@st.composite
def pair_counts(draw: st.DrawFn, largest: int = 60) -> tuple[int, int, int]:
    n = draw(st.integers(1, largest))
    b = draw(st.integers(0, n))
    return b, draw(st.integers(0, n - b)), n


@given(counts, levels)
def test_clopper_pearson_limits_equal_scipys_and_statsmodels(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    ours = clopper_pearson_interval(k, n, confidence)
    np.testing.assert_allclose(ours, binomtest(k, n).proportion_ci(confidence, method="exact"), atol=1e-9)
    np.testing.assert_allclose(ours, proportion_confint(k, n, alpha=1.0 - confidence, method="beta"), atol=1e-9)


@given(counts, levels)
def test_wilson_limits_equal_statsmodels(count: tuple[int, int], confidence: float) -> None:
    theirs = proportion_confint(*count, alpha=1.0 - confidence, method="wilson")
    np.testing.assert_allclose(wilson_interval(*count, confidence), theirs, atol=1e-9)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_equals_scipys_and_statsmodels(b: int, c: int) -> None:
    ours = float(mcnemar_p(b, c))
    assert ours == pytest.approx(mcnemar([[0, b], [c, 0]], exact=True).pvalue, abs=1e-9)
    if b + c:
        assert ours == pytest.approx(binomtest(b, b + c).pvalue, abs=1e-9)
    assert ours == float(mcnemar_p(c, b))


@settings(max_examples=20)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_holm_equals_statsmodels(p: list[float]) -> None:
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-9)


def test_holm_leaves_out_what_has_no_p_value() -> None:
    assert holm([0.01, math.nan, 0.04])[[0, 2]].tolist() == [0.02, 0.04]
    assert math.isnan(holm([0.01, math.nan])[1])
    assert holm([]).shape == (0,)
    with pytest.raises(InvalidOptionError, match="between 0 and 1"):
        holm([0.5, 1.5])


@given(counts, counts, st.floats(0.6, 0.99))
def test_unpaired_difference_of_wilson_intervals_is_newcombes(
    first: tuple[int, int], second: tuple[int, int], confidence: float
) -> None:
    one, other = (Estimate(k / n, *map(float, wilson_interval(k, n, confidence))) for k, n in (first, second))
    theirs = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff", alpha=1.0 - confidence)
    np.testing.assert_allclose(unpaired_difference(one, other)[1:], theirs, atol=1e-9)


@given(pair_counts())
def test_limits_of_one_stratum_solve_tangos_score_equation(count: tuple[int, int, int]) -> None:
    """With the nuisance parameter found by maximising the likelihood, not by Tango's formula."""
    b, c, n = count
    z = NormalDist().inv_cdf(0.975)
    difference, interval = paired_difference([b], [c], [n])
    assert float(difference) == pytest.approx((b - c) / n)

    def score(delta: float) -> float:
        def minus_log_likelihood(second: float) -> float:
            shares = ((b, second + delta), (c, second), (n - b - c, 1.0 - 2.0 * second - delta))
            return -sum(k * math.log(max(share, 1e-300)) for k, share in shares if k)

        lowest, highest = max(0.0, -delta), (1.0 - delta) / 2.0
        found = minimize_scalar(minus_log_likelihood, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-12}).x
        best = min((found, lowest, highest), key=minus_log_likelihood)
        return (b / n - c / n - delta) ** 2 - z * z / n * (2.0 * best + delta - delta**2)

    for limit, end, side in ((interval.low, -1.0, -1), (interval.high, 1.0, 1)):
        middle = (b - c) / n
        if abs(middle - end) < 1e-9:
            assert float(limit) == pytest.approx(end, abs=1e-9)
            continue
        near, far = middle + side * 1e-6, end * (1.0 - 1e-9)
        assert score(far) >= -1e-6
        if score(far) > 1e-6:
            assert float(limit) == pytest.approx(brentq(score, near, far), abs=2e-5)


@given(st.lists(pair_counts(), min_size=1, max_size=15), levels)
def test_swapping_the_arms_mirrors_the_interval(strata: list[tuple[int, int, int]], confidence: float) -> None:
    b, c, n = np.transpose(strata)
    difference, (low, high) = paired_difference(b, c, n, confidence)
    mirrored, (mirrored_low, mirrored_high) = paired_difference(c, b, n, confidence)
    np.testing.assert_allclose([mirrored, mirrored_low, mirrored_high], [-difference, -high, -low], atol=1e-9)
    assert -1.0 <= low <= difference <= high <= 1.0
    assert low < high


@given(pair_counts(), st.integers(1, 8))
def test_equal_strata_give_the_interval_of_the_pooled_pairs(count: tuple[int, int, int], m: int) -> None:
    b, c, n = count
    _, strata = paired_difference([b] * m, [c] * m, [n] * m)
    _, pooled = paired_difference([b * m], [c * m], [n * m])
    np.testing.assert_allclose(strata, pooled, atol=1e-9)


def test_differences_between_strata_are_no_uncertainty() -> None:
    _, alike = paired_difference([10] * 4, [10] * 4, [25] * 4)
    _, apart = paired_difference([20, 20, 0, 0], [0, 0, 20, 20], [25] * 4)
    assert apart.high - apart.low < 0.75 * (alike.high - alike.low)


def test_strata_without_pairs_are_left_out_and_rows_are_independent() -> None:
    difference, interval = paired_difference([[3, 0, 4], [1, 1, 1]], [[1, 0, 0], [0, 0, 0]], [[9, 0, 8], [5, 5, 5]])
    alone, alone_interval = paired_difference([3, 4], [1, 0], [9, 8])
    assert (difference[0], interval.low[0], interval.high[0]) == (alone, alone_interval.low, alone_interval.high)
    for empty in ([0], []):
        nothing, (low, high) = paired_difference(empty, empty, empty)
        assert math.isnan(nothing)
        assert (low, high) == (-1.0, 1.0)


@pytest.mark.parametrize(("b", "c", "n"), [(3, 3, 5), (-1, 0, 5), (0.5, 0, 5), (1, 1, math.inf), (math.nan, 0, 5)])
def test_impossible_pairs_are_refused(b: float, c: float, n: float) -> None:
    with pytest.raises(InvalidOptionError, match="must be whole"):
        paired_difference([b], [c], [n])


def test_matching_narrows_the_interval_of_correlated_arms() -> None:
    # 60 and 50 of 100, with ever more agreement on single scenarios.
    first, second = mean_over_strata([60], [100]), mean_over_strata([50], [100])
    unpaired = unpaired_difference(first, second)
    widths = []
    for agreeing in (0, 20, 30):
        _, (low, high) = paired_difference([40 - agreeing], [30 - agreeing], [100])
        widths.append(float(high - low))
    assert widths[0] > widths[1] > widths[2]
    assert widths[1] < 0.85 * (unpaired.high - unpaired.low)
