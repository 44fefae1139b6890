"""What a comparison will be able to see, before it is run."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.proportions import normal_quantile

Direction = Literal["drop", "rise"]
ALPHA = 0.05
POWER = 0.8

# Pairs beyond which one more task, or a smaller question, is the better advice.
LARGEST = 10_000_000
# How far from its mean, in standard deviations, the number of discordant pairs is followed: 2e-15 lies beyond.
_REACH = 8.0
_RESOLUTION = 1e-6


def discordance(first: float, second: float, correlation: float) -> tuple[float, float]:
    """Probabilities that only the first, and only the second, arm of a pair succeeds.

    Args:
        first: success rate of the first arm.
        second: success rate of the second arm.
        correlation: correlation of the two outcomes on a scenario, from 0 (as if unmatched). One that these rates cannot have is taken
            as the largest they can.

    Raises:
        InvalidOptionError: a number lies outside [0, 1].
    """
    for name, value in (("a success rate", first), ("a success rate", second), ("the correlation", correlation)):
        if not 0.0 <= value <= 1.0:
            raise InvalidOptionError(f"{name} lies between 0 and 1, got {value!r}")
    both = first * second + correlation * math.sqrt(first * (1.0 - first) * second * (1.0 - second))
    both = min(both, first, second)
    return first - both, second - both


def mcnemar_power(pairs: int, first_only: float, second_only: float, alpha: float = ALPHA) -> float:
    """Probability that the exact two-sided McNemar test finds a difference.

    The number of discordant pairs is binomial; given it, so is the number of those the first arm wins. The sum over both is exact but
    for a part below 1e-14.

    Args:
        pairs: number of matched pairs, over all tasks.
        first_only: probability that only the first arm succeeds.
        second_only: probability that only the second does.
        alpha: level of the test.

    Raises:
        InvalidOptionError: a number is out of range.
    """
    from scipy.stats import binom

    _check_design(pairs, alpha)
    share = first_only + second_only
    if min(first_only, second_only) < 0.0 or share > 1.0 + 1e-12:
        raise InvalidOptionError("probabilities of discordant pairs lie between 0 and 1, and so does their sum")
    share = min(share, 1.0)
    if share == 0.0:
        return 0.0
    reach = _REACH * math.sqrt(pairs * share * (1.0 - share)) + _REACH
    discordant = np.arange(max(0, math.floor(pairs * share - reach)), min(pairs, math.ceil(pairs * share + reach)) + 1)
    # The largest tail count that is rejected: twice its probability is alpha at most. The quantile is the smallest at or above it.
    critical = binom.ppf(alpha / 2.0, discordant, 0.5)
    critical = np.where(2.0 * binom.cdf(critical, discordant, 0.5) <= alpha, critical, critical - 1.0)
    win = first_only / share
    rejected = binom.cdf(critical, discordant, win) + binom.sf(discordant - critical - 1.0, discordant, win)
    rejected = np.where(critical >= 0.0, rejected, 0.0)
    return float(min(binom.pmf(discordant, pairs, share) @ rejected, 1.0))


def unpaired_power(n: int, first: float, second: float, alpha: float = ALPHA) -> float:
    """Probability, by the normal approximation, that the score test of two independent rates finds a difference.

    ``Phi((|p1 - p2| sqrt(n) - z sqrt(2 p (1 - p))) / sqrt(p1 (1 - p1) + p2 (1 - p2)))`` with the mean rate p (Fleiss, Levin and Paik
    2003, "Statistical Methods for Rates and Proportions", section 4.2).

    Args:
        n: episodes of each arm, over all tasks.
        first: success rate of the first arm.
        second: success rate of the second arm.
        alpha: level of the test.

    Raises:
        InvalidOptionError: a number is out of range.
    """
    _check_design(n, alpha)
    pooled = (first + second) / 2.0
    spread = math.sqrt(first * (1.0 - first) + second * (1.0 - second))
    excess = abs(first - second) * math.sqrt(n) - normal_quantile(1.0 - alpha) * math.sqrt(2.0 * pooled * (1.0 - pooled))
    if spread == 0.0:
        return 1.0 if excess > 0.0 else 0.0
    return 0.5 * math.erfc(-excess / spread / math.sqrt(2.0))


def comparison_power(n: int, baseline: float, effect: float, *, correlation: float | None, alpha: float = ALPHA) -> float:
    """Power of the comparison of a rate with one that differs by ``effect``.

    Args:
        n: pairs, or episodes of each arm, over all tasks.
        baseline: success rate of the first arm.
        effect: by how much the second arm's rate lies above (or, below 0, under) it.
        correlation: of the two outcomes on a scenario; None for arms on different scenarios.
        alpha: level of the test.

    Raises:
        InvalidOptionError: a number is out of range.
    """
    other = baseline + effect
    if not (0.0 <= baseline <= 1.0 and -1e-12 <= other <= 1.0 + 1e-12):
        raise InvalidOptionError(f"success rates lie between 0 and 1, got {baseline!r} and {other!r}")
    other = min(max(other, 0.0), 1.0)
    if correlation is None:
        return unpaired_power(n, baseline, other, alpha)
    return mcnemar_power(n, *discordance(baseline, other, correlation), alpha)


def detectable_effect(
    n: int, baseline: float, direction: Direction, *, correlation: float | None, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The smallest drop or rise from a rate that is found with a given probability.

    Args:
        n: pairs, or episodes of each arm, over all tasks.
        baseline: success rate of the first arm.
        direction: whether the second arm's rate is lower or higher.
        correlation: of the two outcomes on a scenario; None for arms on different scenarios.
        alpha: level of the test.
        power: the probability.

    Returns:
        The size of the difference, to 1e-6; None where even the largest that the baseline leaves room for is missed too often.

    Raises:
        InvalidOptionError: a number is out of range.
    """
    _check_power(alpha, power)
    sign, room = (-1.0, baseline) if direction == "drop" else (1.0, 1.0 - baseline)

    def found(size: float) -> bool:
        return comparison_power(n, baseline, sign * size, correlation=correlation, alpha=alpha) >= power

    if not found(room):
        return None
    low, high = 0.0, room
    while high - low > _RESOLUTION:
        middle = (low + high) / 2.0
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


def needed_episodes(
    baseline: float, effect: float, *, correlation: float | None, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """The number of pairs (or episodes of each arm) that finds a difference with a given probability.

    Power rises with the number but for small steps back, which the exact test's discreteness makes; the answer is from where on it stays.

    Args:
        baseline: success rate of the first arm.
        effect: by how much the second arm's rate lies above (or, below 0, under) it.
        correlation: of the two outcomes on a scenario; None for arms on different scenarios.
        alpha: level of the test.
        power: the probability.

    Returns:
        The number over all tasks; None beyond `LARGEST`.

    Raises:
        InvalidOptionError: a number is out of range, or the effect is 0.
    """
    _check_power(alpha, power)
    if effect == 0.0:
        raise InvalidOptionError("an effect of 0 cannot be found by any number of episodes; name the smallest one that matters")

    def found(n: int) -> bool:
        return comparison_power(n, baseline, effect, correlation=correlation, alpha=alpha) >= power

    high = 1
    while not found(high):
        high *= 2
        if high > LARGEST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    # Steps back reach a few per cent in n at most; where one of the next numbers misses, the answer lies behind it.
    misses = [n for n in range(high, high + max(high // 20, 10)) if high < 4000 and not found(n)]
    return misses[-1] + 1 if misses else high


def _check_design(n: int, alpha: float) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LARGEST:
        raise InvalidOptionError(f"the number of episodes must be a whole number from 1 to {LARGEST}, got {n!r}")
    if not 0.0 < alpha < 1.0:
        raise InvalidOptionError(f"the level alpha lies between 0 and 1, got {alpha!r}")


def _check_power(alpha: float, power: float) -> None:
    if not 0.0 < alpha < power < 1.0:
        raise InvalidOptionError(f"alpha and power lie between 0 and 1, and power above alpha; got {alpha!r} and {power!r}")
