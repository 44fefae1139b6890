"""The sign-flip test: against all sign patterns, under the hypothesis, and on contributions that are tied or nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import FLIPS, SIGN_FLIP_NAME, mcnemar_p, sign_flip_p
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
