"""Clustered outcomes. The sign-flip test: against all sign patterns, under the hypothesis, and on contributions that are tied or
nothing. The mean over columns: what it weighs, and what of its columns counts as evidence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import (
    FLIPS,
    SIGN_FLIP_NAME,
    mcnemar_p,
    mean_over_columns,
    mean_over_strata,
    sign_flip_p,
    wilson_interval,
)
from hamster_bench.evaluation.statistics.bootstrap import SEED


def exact(contributions: NDArray[np.float64]) -> float:
    """The p-value from every sign pattern there is."""
    patterns = np.array(list(itertools.product((-1.0, 1.0), repeat=len(contributions))))
    return float(np.mean(np.abs(patterns @ contributions) >= abs(contributions.sum()) - 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_it_comes_near_the_exact_p_value(seed: int) -> None:
    contributions = np.random.default_rng(seed).normal(0.4, 1.0, 12)
    assert sign_flip_p(contributions) == pytest.approx(exact(contributions), abs=0.012)


@pytest.mark.parametrize(("first_only", "second_only"), [(12, 3), (7, 7), (0, 9)])
def test_with_equal_contributions_it_is_mcnemar_s(first_only: int, second_only: int) -> None:
    contributions = np.repeat([1.0 / 140.0, -1.0 / 140.0], [first_only, second_only])
    assert sign_flip_p(contributions) == pytest.approx(float(mcnemar_p(first_only, second_only)), abs=0.012)


def test_it_is_two_sided_and_needs_no_unit() -> None:
    contributions = np.random.default_rng(0).normal(0.3, 1.0, 40)
    assert sign_flip_p(contributions) == sign_flip_p(-contributions) == sign_flip_p(1e-6 * contributions)


def test_clusters_that_add_nothing_change_nothing() -> None:
    contributions = np.random.default_rng(1).normal(0.3, 1.0, 25)
    padded = np.zeros(100)
    padded[::4] = contributions
    assert sign_flip_p(padded) == sign_flip_p(contributions)


def test_no_p_value_is_zero() -> None:
    assert sign_flip_p(np.ones(200)) == 1.0 / (FLIPS + 1)
    assert sign_flip_p([]) == sign_flip_p([0.0, 0.0]) == 1.0


def test_it_errs_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    # Contributions of very unequal size, as tasks and factors with few scenarios make them.
    p = np.array([sign_flip_p(rng.normal(0.0, 1.0, 30) * rng.exponential(1.0, 30), flips=400) for _ in range(2000)])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(p <= level) == pytest.approx(level, abs=3.0 * np.sqrt(level * (1 - level) / len(p)) + 1.0 / 400)


def test_the_draws_are_named() -> None:
    assert str(FLIPS) in SIGN_FLIP_NAME
    assert str(SEED) in SIGN_FLIP_NAME


@pytest.mark.parametrize("contributions", [[[1.0]], [np.nan], [np.inf, 1.0], 3.0])
def test_other_contributions_are_refused(contributions: ArrayLike) -> None:
    with pytest.raises(InvalidOptionError, match="finite numbers"):
        sign_flip_p(contributions)


@pytest.mark.parametrize("numbers", [{"flips": 0}, {"seed": -1}])
def test_other_numbers_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(InvalidOptionError, match="must be from"):
        sign_flip_p([1.0], **numbers)


TASKS = np.repeat(["a", "b", "c"], 20)
WON = np.random.default_rng(5).binomial(1, [[0.7]] * 20 + [[0.5]] * 20 + [[0.2]] * 20).astype(float)


def test_columns_that_say_the_same_are_no_evidence() -> None:
    won = np.tile([[1.0], [0.0]], (30, 1))
    one = mean_over_columns(won, np.ones_like(won), TASKS)
    many = mean_over_columns(np.repeat(won, 15, axis=1), np.ones((60, 15)), TASKS)
    assert list(many) == pytest.approx(list(one))


def test_columns_that_know_nothing_of_each_other_are() -> None:
    won = np.random.default_rng(6).binomial(1, 0.5, (60, 15)).astype(float)
    low, high = mean_over_columns(won, np.ones_like(won), TASKS)[1:]
    pooled = wilson_interval(won.sum(), won.size)
    assert high - low == pytest.approx(float(pooled.high - pooled.low), rel=0.25)


def test_a_single_column_has_about_the_interval_of_a_mean_over_strata() -> None:
    estimate = mean_over_columns(WON, np.ones_like(WON), TASKS)
    reference = mean_over_strata(WON.reshape(3, 20).sum(axis=1), [20, 20, 20])
    assert estimate.mean == pytest.approx(reference.mean)
    assert estimate.high - estimate.low == pytest.approx(reference.high - reference.low, rel=0.1)


def test_tasks_weigh_equally_in_a_column_and_columns_in_the_mean() -> None:
    # Task a: 3 of 4 in the first column; task b: 1 of 2 in the first column, 0 of 2 in the second.
    successes = [[1, 0], [1, 0], [1, 0], [0, 0], [1, 0], [0, 0]]
    n = [[1, 0]] * 4 + [[1, 1]] * 2
    assert mean_over_columns(successes, n, list("aaaabb")).mean == pytest.approx(((0.75 + 0.5) / 2 + 0.0) / 2)


def test_units_and_columns_without_episodes_change_nothing() -> None:
    padded, n = np.zeros((80, 3)), np.zeros((80, 3))
    padded[:60, :1], n[:60, :1] = WON, 1
    assert mean_over_columns(padded, n, [*TASKS, *"d" * 10, *"a" * 10]) == mean_over_columns(WON, np.ones_like(WON), TASKS)


@pytest.mark.parametrize("won", [0.0, 1.0])
def test_where_nothing_varies_units_count_once(won: float) -> None:
    estimate = mean_over_columns(np.full((60, 15), won), np.ones((60, 15)), TASKS)
    reference = wilson_interval(60 * won, 60)
    assert list(estimate) == pytest.approx([won, float(reference.low), float(reference.high)])


def test_a_single_unit_of_a_task_says_little_of_it() -> None:
    low, high = mean_over_columns([[1, 1], [0, 0]], np.ones((2, 2)), ["a", "b"])[1:]
    assert high - low > 0.9


def test_nothing_gives_nothing() -> None:
    mean, low, high = mean_over_columns(np.zeros((4, 2)), np.zeros((4, 2)), ["a"] * 4)
    assert np.isnan(mean)
    assert (low, high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("successes", "n", "strata"),
    [([[2]], [[1]], ["a"]), ([[-1]], [[1]], ["a"]), ([1], [1], ["a"]), ([[1]], [[1, 1]], ["a"]), ([[1]], [[1]], ["a", "b"])],
)
def test_counts_that_cannot_be_are_refused(successes: ArrayLike, n: ArrayLike, strata: ArrayLike) -> None:
    with pytest.raises(InvalidOptionError, match=r"units|successes"):
        mean_over_columns(successes, n, strata)
