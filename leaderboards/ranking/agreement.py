"""How far raters agree."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from hamster_bench.errors import InvalidOptionError
from hamster_bench.leaderboards.ranking_table import Rank


def kendall_w(ranks: Sequence[Sequence[float]]) -> float:
    """Kendall's coefficient of concordance of m raters who each ranked the same n things, corrected for ties.

    ``W = 12 S / (m^2 (n^3 - n) - m T)`` with S the sum of squares of the rank sums about their mean and T the sum of t^3 - t over all
    groups of t tied ranks (Kendall and Gibbons, "Rank correlation methods", 5th edition, ch. 6). 1: all agree; 0: no more than chance.

    Args:
        ranks: (m, n); ties have the mean of the ranks they take up.

    Returns:
        W; NaN with less than two raters or two things, or where every rater ties everything.

    Raises:
        InvalidOptionError: raters ranked different numbers of things.
    """
    if len({len(row) for row in ranks}) > 1:
        raise InvalidOptionError("every rater ranks the same things")
    table = np.asarray(ranks, dtype=np.float64).reshape(len(ranks), -1)
    m, n = table.shape
    if m < 2 or n < 2:
        return math.nan
    sums = table.sum(axis=0)
    ties = sum(count**3 - count for row in table.tolist() for count in Counter(row).values())
    whole = m * m * (n**3 - n) - m * ties
    return math.nan if whole <= 0 else float(12.0 * np.sum((sums - sums.mean()) ** 2) / whole)


def krippendorff_alpha(units: Iterable[Sequence[float]]) -> float:
    """Krippendorff's alpha for ordinal values; units may have different numbers of raters.

    ``alpha = 1 - D_observed / D_expected`` from the coincidences o of values within units; the distance of two values is the squared
    number of values between them, halves of their own numbers included (Krippendorff 2004, "Content analysis", 2nd edition, ch. 11).
    1: all agree; 0: no more than chance; below: less than chance.

    Args:
        units: the values that one thing was given by its raters; units with less than two are left out.

    Returns:
        alpha; NaN where no unit has two values, or all values are equal.
    """
    listed = [list(map(float, unit)) for unit in units]
    pairable = [unit for unit in listed if len(unit) >= 2]
    values = sorted({value for unit in pairable for value in unit})
    if len(values) < 2:
        return math.nan
    place = {value: i for i, value in enumerate(values)}
    o = np.zeros((len(values), len(values)))
    for unit in pairable:
        counts = np.zeros(len(values))
        for value in unit:
            counts[place[value]] += 1
        o += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    n = o.sum(axis=1)
    before = np.cumsum(n)
    between = np.abs(before[:, None] - before[None, :])
    # Values from the lower to the higher of two, each of these two by half.
    lower = np.minimum(np.arange(len(n))[:, None], np.arange(len(n))[None, :])
    higher = np.maximum(np.arange(len(n))[:, None], np.arange(len(n))[None, :])
    distance = (between + n[lower] - (n[lower] + n[higher]) / 2.0) ** 2
    np.fill_diagonal(distance, 0.0)
    expected = float((np.outer(n, n) * distance).sum()) / (n.sum() - 1.0)
    return float(1.0 - float((o * distance).sum()) / expected)


def agreement(ranks: Iterable[Rank]) -> tuple[float, float, int]:
    """Mean of Kendall's W over pictures with two raters or more, alpha over all of them, and the number of such pictures."""
    pictures: defaultdict[tuple[str, str], defaultdict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for rank in ranks:
        pictures[rank.set, rank.picture][rank.rater][rank.planner] = rank.rank
    shared = [list(raters.values()) for raters in pictures.values() if len(raters) > 1]
    planners = list(shared[0][0]) if shared else []
    tables = [[[rater[name] for name in planners] for rater in raters] for raters in shared]
    coefficients = [w for w in map(kendall_w, tables) if not math.isnan(w)]
    units = [column for table in tables for column in zip(*table, strict=True)]
    mean = sum(coefficients) / len(coefficients) if coefficients else math.nan
    return mean, krippendorff_alpha(units), len(shared)
