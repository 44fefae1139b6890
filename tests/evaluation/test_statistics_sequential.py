"""Tests that may be looked at while episodes are added."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from hamster_bench.errors import InvalidOptionError, MissingDependencyError
from hamster_bench.evaluation.statistics.sequential import STEP_SIZES, always_valid_p, step_decision


def test_p_value_is_the_inverse_of_the_largest_evidence() -> None:
    first, second = [1, 1, 0, 1, 1, 1, 0, 1], [0, 0, 0, 0, 1, 0, 1, 0]
    evidence, b, c = [Fraction(1)], 0, 0
    for x, y in zip(first, second, strict=True):
        b, c = b + (x > y), c + (y > x)
        evidence.append(Fraction(2 ** (b + c) * math.factorial(b) * math.factorial(c), math.factorial(b + c + 1)))
    assert always_valid_p(first, second) == pytest.approx(float(1 / max(evidence)), rel=1e-12)
    assert always_valid_p([], []) == 1.0
    assert always_valid_p([1, 0], [1, 0]) == 1.0


def test_more_pairs_never_take_evidence_back() -> None:
    outcomes = np.random.default_rng(0).binomial(1, 0.5, size=(2, 300))
    looks = [always_valid_p(outcomes[0, :n], outcomes[1, :n]) for n in range(0, 301, 10)]
    assert looks == sorted(looks, reverse=True)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_looking_after_every_pair_keeps_the_level(rate: float) -> None:
    draws = np.random.default_rng(1).binomial(1, rate, size=(2000, 2, 300))
    wrong = np.mean([always_valid_p(first, second) <= 0.05 for first, second in draws])
    assert wrong <= 0.05


def test_a_difference_is_found() -> None:
    rng = np.random.default_rng(2)
    found = [always_valid_p(rng.binomial(1, 0.8, 200), rng.binomial(1, 0.5, 200)) <= 0.05 for _ in range(200)]
    assert np.mean(found) > 0.95


@pytest.mark.parametrize(("first", "second"), [([1, 0], [1]), ([0.5], [1]), ([[1]], [[0]])])
def test_outcomes_that_are_no_pairs_are_refused(first: object, second: object) -> None:
    with pytest.raises(InvalidOptionError, match="zeros and ones"):
        always_valid_p(first, second)  # type: ignore[arg-type]


def test_step_decides_for_the_better_arm_early_and_the_same_every_time() -> None:
    pytest.importorskip("sequentialized_barnard_tests", reason="the extra sequential is not installed")
    rng = np.random.default_rng(3)
    good, poor = rng.binomial(1, 0.9, 150), rng.binomial(1, 0.4, 150)
    winner, after = step_decision(good, poor, 150)
    assert winner == "first"
    assert after < 40
    assert step_decision(poor, good, 150) == ("second", after)
    assert step_decision(good, poor, 150) == (winner, after)
    # What comes after the decision changes nothing, and without a decision all pairs were looked at.
    assert step_decision(good[:after], poor[:after], 150) == (winner, after)
    assert step_decision(good, good, 150) == ("undecided", 150)
    assert step_decision(good, poor, 3) == ("undecided", 3)


@pytest.mark.slow
def test_step_keeps_its_level_also_for_matched_arms() -> None:
    pytest.importorskip("sequentialized_barnard_tests", reason="the extra sequential is not installed")
    rng = np.random.default_rng(4)
    for agreement in (0.0, 0.7):
        wrong = 0
        for _ in range(300):
            first = rng.binomial(1, 0.6, 200)
            second = np.where(rng.random(200) < agreement, first, rng.binomial(1, 0.6, 200))
            wrong += step_decision(first, second, 200)[0] == "second"
        assert wrong / 300 <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / 300)


def test_step_says_what_it_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidOptionError, match="at most 500 planned"):
        step_decision([1], [0], max(STEP_SIZES) + 1)
    monkeypatch.setitem(__import__("sys").modules, "sequentialized_barnard_tests", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hamster-bench\[sequential\]'"):
        step_decision([1], [0], 10)
