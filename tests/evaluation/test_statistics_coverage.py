"""How often intervals hold the truth, by simulation, over the rates and sizes that a benchmark has.

Counts are whole numbers, so that the coverage of any interval jumps up and down with the true rate; what an interval promises, and what
is checked here, is the mean over many rates of a kind. The exact interval is the exception: it holds for every rate, and so in excess on
the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from hamster_bench.evaluation.statistics import (
    Interval,
    clopper_pearson_interval,
    mean_over_columns,
    mean_over_strata,
    paired_difference,
    percentile_interval,
    resampled_means,
    wilson_interval,
)
from hamster_bench.evaluation.statistics.power import discordance
from hamster_bench.leaderboards.effects import average_effects
from hamster_bench.leaderboards.pairs import Pairs

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
LOW, HIGH = 0.94, 0.97
# Sets of data drawn in each world for the bootstrap, whose resamples they share.
SETS = 40

# Success rates of m tasks, drawn anew for every world.
RATES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "middling": lambda rng, m: rng.uniform(0.2, 0.8, m),
    "high": lambda rng, m: rng.uniform(0.9, 1.0, m),
    "low": lambda rng, m: rng.uniform(0.0, 0.1, m),
    "any": lambda rng, m: rng.uniform(0.0, 1.0, m),
    "equal": lambda rng, m: np.full(m, rng.uniform(0.05, 0.95)),
    "all or nothing": lambda rng, m: rng.beta(0.3, 0.3, m),
}

# Rates of both arms in m tasks, and the correlation of their outcomes.
EFFECTS: dict[str, Callable[[np.random.Generator, int], tuple[Array, Array, float]]] = {
    "a drop of 10": lambda rng, m: (*_drop(rng.uniform(0.2, 0.8, m), rng.normal(0.1, 0.1, m)), 0.5),
    "of a good agent": lambda rng, m: (*_drop(rng.uniform(0.9, 1.0, m), np.abs(rng.normal(0.0, 0.05, m))), 0.5),
    "of a poor agent": lambda rng, m: (*_scaled(rng.uniform(0.0, 0.1, m), 0.5), 0.5),
    "of strangers": lambda rng, m: (rng.uniform(0.0, 1.0, m), rng.uniform(0.0, 1.0, m), 0.0),
    "only losses": lambda rng, m: (*_scaled(rng.uniform(0.5, 1.0, m), 0.7), 1.0),
}


def _drop(rates: Array, by: Array) -> tuple[Array, Array]:
    return rates, np.clip(rates - by, 0.02, 0.98)


def _scaled(rates: Array, by: float) -> tuple[Array, Array]:
    return rates, by * rates


def held(interval: Interval, truth: Array | float) -> float:
    return float(np.mean((interval.low <= truth + 1e-12) & (truth - 1e-12 <= interval.high)))


@pytest.mark.parametrize("n", [10, 25, 50, 100])
def test_single_cells(n: int) -> None:
    rates = np.random.default_rng(0).uniform(0.0, 1.0, 20_000)
    k = np.random.default_rng(1).binomial(n, rates)
    wilson, exact = held(wilson_interval(k, n), rates), held(clopper_pearson_interval(k, n), rates)
    print(f"cell of {n}: Wilson {wilson:.3f}, Clopper-Pearson {exact:.3f}")
    assert LOW <= wilson <= HIGH
    assert 0.95 <= exact <= 0.99


@pytest.mark.parametrize("n", [10, 25])
def test_the_exact_interval_holds_for_every_rate(n: int) -> None:
    rates = np.linspace(0.001, 0.999, 400)
    low, high = clopper_pearson_interval(np.arange(n + 1), n)
    inside = (low[:, None] <= rates) & (rates <= high[:, None])
    assert (inside * binom.pmf(np.arange(n + 1)[:, None], n, rates)).sum(axis=0).min() >= 0.95 - 1e-9


@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize(("m", "n"), [(4, 10), (4, 25), (14, 10), (14, 25)])
def test_means_over_tasks(kind: str, m: int, n: int) -> None:
    worlds = []
    for world in range(60):
        rates = RATES[kind](np.random.default_rng(world), m)
        k = np.random.default_rng([world, 1]).binomial(n, rates, size=(150, m))
        estimates = np.array([mean_over_strata(row, n) for row in k])
        worlds.append(held(Interval(estimates[:, 1], estimates[:, 2]), rates.mean()))
    coverage = float(np.mean(worlds))
    print(f"mean over {m} tasks of {n}, {kind}: {coverage:.3f}")
    assert LOW - 0.003 <= coverage <= HIGH


@pytest.mark.parametrize("kind", EFFECTS)
@pytest.mark.parametrize(("m", "n"), [(1, 10), (1, 25), (1, 100), (5, 10), (5, 25), (14, 10), (14, 25)])
def test_paired_differences(kind: str, m: int, n: int) -> None:
    worlds, discordant = [], []
    for world in range(100):
        first, second, correlation = EFFECTS[kind](np.random.default_rng(world), m)
        cells = np.array([discordance(p, q, correlation) for p, q in zip(first, second, strict=True)])
        shares = np.column_stack([cells, np.maximum(1.0 - cells.sum(axis=1), 0.0)])
        draws = np.random.default_rng([world, 1]).multinomial(n, shares, size=(200, m))
        _, interval = paired_difference(draws[..., 0], draws[..., 1], n)
        worlds.append(held(interval, float((first - second).mean())))
        discordant.append(n * cells.sum())
    coverage, expected = float(np.mean(worlds)), float(np.mean(discordant))
    print(f"difference over {m} tasks of {n}, {kind}, {expected:.0f} discordant pairs: {coverage:.3f}")
    # So few pairs that differ can show few values: the interval must be generous to be right, as an exact one is.
    assert LOW - 0.003 <= coverage <= (HIGH if expected >= 10 else 1.0)


def check_bootstrap(name: str, covered: list[float]) -> None:
    """Shares covered in many worlds."""
    coverage, deviation = float(np.mean(covered)), float(np.std(covered) / np.sqrt(len(covered)))
    print(f"bootstrap, {name}: {coverage:.4f}, {deviation:.4f} from chance, {len(covered)} worlds")
    assert LOW <= coverage <= HIGH


@pytest.mark.parametrize("kind", ["a drop of 10", "of strangers", "only losses"])
@pytest.mark.parametrize(("m", "n"), [(5, 25), (14, 10), (14, 25)])
def test_bootstrap_of_paired_differences(kind: str, m: int, n: int) -> None:
    """Where 30 discordant pairs are to be expected; comparisons show no bootstrap where there are fewer."""
    covered = []
    strata, pair = np.repeat(np.arange(m), n), np.arange(n)
    for world in range(300):
        first, second, correlation = EFFECTS[kind](np.random.default_rng(world), m)
        cells = np.array([discordance(p, q, correlation) for p, q in zip(first, second, strict=True)])
        if n * cells.sum() < 30:
            continue
        shares = np.column_stack([cells, np.maximum(1.0 - cells.sum(axis=1), 0.0)])
        # One column for each set of data: pairs that only the first won come first, then those that only the second did.
        ends = np.cumsum(np.random.default_rng([world, 1]).multinomial(n, shares, size=(SETS, m)), axis=2)
        values = np.where(pair < ends[..., :1], 1.0, np.where(pair < ends[..., 1:2], -1.0, 0.0)).reshape(SETS, m * n).T
        interval = percentile_interval(resampled_means(values, np.ones_like(values), strata, resamples=1000, seed=world))
        covered.append(held(interval, float((first - second).mean())))
    check_bootstrap(f"difference over {m} tasks of {n}, {kind}", covered)


@pytest.mark.parametrize("kind", ["middling", "any", "equal"])
@pytest.mark.parametrize(("m", "n"), [(5, 25), (14, 10), (14, 25)])
def test_bootstrap_of_means(kind: str, m: int, n: int) -> None:
    """Where 30 successes and as many failures are to be expected."""
    covered = []
    strata = np.repeat(np.arange(m), n)
    for world in range(300):
        rates = RATES[kind](np.random.default_rng(world), m)
        if min(n * rates.sum(), n * (1.0 - rates).sum()) < 30:
            continue
        k = np.random.default_rng([world, 1]).binomial(1, rates[strata], size=(SETS, m * n)).T.astype(float)
        interval = percentile_interval(resampled_means(k, np.ones_like(k), strata, resamples=1000, seed=world))
        covered.append(held(interval, float(rates.mean())))
    check_bootstrap(f"mean over {m} tasks of {n}, {kind}", covered)


def _worlds_of_layouts(rng: np.random.Generator, shape: tuple[int, int, int], drop: float) -> tuple[list[Pairs], float]:
    """Pairs of two arms in (tasks, layouts, factors), and the true difference.

    What an arm does on a layout is much alike under all factors, and the arms are somewhat alike: shares of the variance of a normal
    variable that decides by a threshold.
    """
    tasks, layouts, factors = shape
    rates = np.clip(rng.uniform(0.2, 0.8, (tasks, 1)) + rng.normal(0.0, 0.05, (tasks, factors)), 0.02, 0.98)
    others = np.clip(rates - drop, 0.02, 0.98)
    decides = (
        np.sqrt(0.4) * rng.normal(size=(tasks, layouts, 1, 1))
        + np.sqrt(0.4) * rng.normal(size=(tasks, layouts, 1, 2))
        + np.sqrt(0.2) * rng.normal(size=(tasks, layouts, factors, 2))
    )
    won = np.where(decides < norm.ppf(np.stack([rates, others], -1))[:, None], "success", "failure")
    keys = tuple((f"{task:02d}", 0, layout, 0) for task in range(tasks) for layout in range(layouts))
    made = [
        Pairs(
            arms=("x", "y"),
            factor=str(factor),
            keys=keys,
            tasks=np.array([key[0] for key in keys]),
            first=won[:, :, factor, 0].ravel(),
            second=won[:, :, factor, 1].ravel(),
            without_partner=(0, 0),
        )
        for factor in range(factors)
    ]
    return made, float((rates - others).mean())


@pytest.mark.parametrize("drop", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(5, 10, 15), (14, 10, 15), (5, 25, 4)])
def test_averages_over_factors(shape: tuple[int, int, int], drop: float) -> None:
    worlds, covered, found = 400, [], []
    for world in range(worlds):
        pairs, truth = _worlds_of_layouts(np.random.default_rng(world), shape, drop)
        (average,) = average_effects(pairs)
        found.append(average.p <= 0.05)
        if average.bootstrap is not None:
            covered.append(average.bootstrap.low <= truth <= average.bootstrap.high)
    print(f"average over {shape}, drop {drop}: held {np.mean(covered):.3f} of {len(covered)}, p <= 0.05 in {np.mean(found):.3f}")
    deviation = np.sqrt(0.05 * 0.95 / worlds)
    assert len(covered) > 0.9 * worlds
    assert abs(np.mean(covered) - 0.95) <= 3.0 * deviation
    if drop == 0.0:
        assert np.mean(found) <= 0.05 + 3.0 * deviation
    else:
        assert np.mean(found) > 0.3


@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize("shared", [0.3, 0.8])
@pytest.mark.parametrize(("m", "n"), [(5, 10), (14, 10), (14, 25)])
def test_means_over_columns(kind: str, shared: float, m: int, n: int) -> None:
    """15 columns; ``shared`` is the part of the variance, of what decides, that an episode has in common with those of its layout."""
    worlds, found = 1000, []
    for world in range(worlds):
        rng = np.random.default_rng(world)
        rates = np.clip(RATES[kind](rng, m)[:, None] + rng.normal(0.0, 0.03, (m, 15)), 0.001, 0.999)
        decides = np.sqrt(shared) * rng.normal(size=(m, n, 1)) + np.sqrt(1.0 - shared) * rng.normal(size=(m, n, 15))
        won = (decides < norm.ppf(rates)[:, None]).reshape(m * n, 15)
        estimate = mean_over_columns(won, np.ones_like(won), np.repeat(np.arange(m), n))
        found.append(estimate.low <= rates.mean() <= estimate.high)
    print(f"mean over 15 columns, {m} tasks of {n}, {kind}, {shared} shared: {np.mean(found):.3f}")
    assert 0.91 <= np.mean(found) <= 0.98
