"""Power and its inverses against enumeration and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial
from statsmodels.stats.proportion import power_proportions_2indep

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import mcnemar_p
from hamster_bench.evaluation.statistics.power import (
    comparison_power,
    detectable_effect,
    discordance,
    mcnemar_power,
    needed_episodes,
    unpaired_power,
)

shares = st.floats(0.0, 1.0)


@settings(max_examples=25)
@given(st.integers(1, 25), st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.floats(0.001, 0.3))
def test_power_is_the_sum_over_every_outcome_that_is_rejected(n: int, b: float, c: float, alpha: float) -> None:
    expected = sum(
        multinomial.pmf([i, j, n - i - j], n, [b, c, 1.0 - b - c])
        for i, j in itertools.product(range(n + 1), repeat=2)
        if i + j <= n and mcnemar_p(i, j) <= alpha
    )
    assert mcnemar_power(n, b, c, alpha) == pytest.approx(expected, abs=1e-9)


def test_power_of_no_difference_keeps_the_level() -> None:
    for n in (20, 350, 5000):
        assert mcnemar_power(n, 0.15, 0.15) <= 0.05
    assert mcnemar_power(100, 0.0, 0.0) == 0.0


@given(shares, shares, shares)
def test_discordance_has_the_rates_and_the_correlation(first: float, second: float, correlation: float) -> None:
    b, c = discordance(first, second, correlation)
    assert b - c == pytest.approx(first - second)
    assert min(b, c) >= 0.0
    assert b + c <= 1.0 + 1e-12


def test_unpaired_power_is_statsmodels() -> None:
    for n, first, second in ((350, 0.6, 0.5), (50, 0.9, 0.7), (1000, 0.2, 0.25)):
        theirs = power_proportions_2indep(first - second, second, n, return_results=False)
        # Theirs leaves the far tail out or in by its own options; it is below 1e-4 here.
        assert unpaired_power(n, first, second) == pytest.approx(float(theirs), abs=1e-3)


@settings(max_examples=20)
@given(st.integers(30, 2000), st.floats(0.05, 0.95), st.sampled_from(["drop", "rise"]), st.sampled_from([0.0, 0.5, 0.9, None]))
def test_detectable_effect_is_found_and_a_smaller_one_is_not(
    n: int, baseline: float, direction: str, correlation: float | None
) -> None:
    effect = detectable_effect(n, baseline, direction, correlation=correlation)  # type: ignore[arg-type]
    sign = -1.0 if direction == "drop" else 1.0
    room = baseline if direction == "drop" else 1.0 - baseline
    if effect is None:
        assert comparison_power(n, baseline, sign * room, correlation=correlation) < 0.8
    else:
        assert comparison_power(n, baseline, sign * effect, correlation=correlation) >= 0.8
        assert comparison_power(n, baseline, sign * (effect - 2e-6), correlation=correlation) < 0.8


@pytest.mark.parametrize(("baseline", "effect"), [(0.6, -0.1), (0.9, -0.3), (0.3, 0.2)])
@pytest.mark.parametrize("correlation", [0.0, 0.5, None])
def test_needed_episodes_are_enough_from_there_on(baseline: float, effect: float, correlation: float | None) -> None:
    n = needed_episodes(baseline, effect, correlation=correlation)
    assert n is not None
    assert all(comparison_power(m, baseline, effect, correlation=correlation) >= 0.8 for m in range(n, n + 40))
    assert comparison_power(n - 1, baseline, effect, correlation=correlation) < 0.8


def test_matching_saves_episodes() -> None:
    matched, unmatched = (needed_episodes(0.6, -0.05, correlation=c) for c in (0.6, None))
    assert matched is not None
    assert unmatched is not None
    assert matched < 0.5 * unmatched


def test_power_is_what_a_simulation_finds() -> None:
    b, c = discordance(0.6, 0.5, 0.5)
    draws = np.random.default_rng(0).multinomial(200, [b, c, 1.0 - b - c], size=20_000)
    found = (mcnemar_p(draws[:, 0], draws[:, 1]) <= 0.05).mean()
    assert found == pytest.approx(mcnemar_power(200, b, c), abs=0.01)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InvalidOptionError, match="effect of 0"):
        needed_episodes(0.5, 0.0, correlation=0.0)
    with pytest.raises(InvalidOptionError, match="between 0 and 1"):
        needed_episodes(0.5, 0.6, correlation=0.0)
    with pytest.raises(InvalidOptionError, match="whole number"):
        mcnemar_power(0, 0.1, 0.1)
    with pytest.raises(InvalidOptionError, match="power above alpha"):
        detectable_effect(100, 0.5, "drop", correlation=0.0, power=0.01)
    assert detectable_effect(5, 0.1, "drop", correlation=0.0) is None
