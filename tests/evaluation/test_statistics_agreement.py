"""Cohen's kappa against statsmodels, its definition, and what cannot be rated."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from statsmodels.stats.inter_rater import cohens_kappa

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics import cohen_kappa

TABLES = st.integers(2, 4).flatmap(lambda k: hnp.arrays(np.int64, (k, k), elements=st.integers(1, 30)))


@given(TABLES, st.sampled_from([0.8, 0.95, 0.99]))
def test_kappa_and_limits_equal_statsmodels(table: np.ndarray, confidence: float) -> None:
    theirs = cohens_kappa(table)
    kappa, low, high = cohen_kappa(table, confidence)
    assert kappa == pytest.approx(float(theirs.kappa), abs=1e-9)
    margin = NormalDist().inv_cdf(0.5 + confidence / 2) * float(theirs.std_kappa)
    assert (low, high) == pytest.approx((max(kappa - margin, -1), min(kappa + margin, 1)), abs=1e-9)


@given(TABLES)
def test_kappa_does_not_depend_on_who_is_called_first(table: np.ndarray) -> None:
    assert cohen_kappa(table) == pytest.approx(cohen_kappa(table.T), abs=1e-12)


def test_extremes() -> None:
    assert cohen_kappa(np.diag([5, 7, 9])) == pytest.approx((1, 1, 1))
    assert cohen_kappa([[0, 5], [5, 0]]).mean == pytest.approx(-1)
    assert cohen_kappa([[4, 4], [4, 4]]).mean == pytest.approx(0)
    alike = cohen_kappa([[9, 0], [0, 0]])
    assert math.isnan(alike.mean)
    assert alike[1:] == (-1, 1)


@pytest.mark.parametrize("table", [[[1, 2]], [[0, 0], [0, 0]], [[1, -1], [0, 2]], [[0.5, 1], [1, 1]], [1, 2]])
def test_tables_that_are_none(table: list[list[float]]) -> None:
    with pytest.raises(InvalidOptionError, match="table of agreement"):
        cohen_kappa(table)


@pytest.mark.slow
def test_interval_holds_kappa_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for truth in (0.5, 0.65, 0.8):
        # Both raters see the same in a share `truth` of the cases, and draw alike else: kappa is that share.
        shares = truth * np.eye(3) / 3 + (1 - truth) / 9
        for counts in rng.multinomial(60, shares.ravel(), size=2000):
            _, low, high = cohen_kappa(counts.reshape(3, 3))
            covered.append(low <= truth <= high)
    print(f"kappa of 60: {np.mean(covered):.3f}")
    assert 0.92 <= np.mean(covered) <= 0.97
