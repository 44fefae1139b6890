"""How far two raters agree beyond chance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.proportions import CONFIDENCE, Estimate, normal_quantile


def cohen_kappa(table: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Cohen's kappa of two raters, with an interval.

    ``kappa = (p_o - p_e) / (1 - p_e)``, p_o being the share in which they agree and p_e the one their own shares would give by chance
    (Cohen 1960). The interval is kappa -+ z times the large-sample deviation of Fleiss, Cohen and Everitt (1969), eq. 13, cut at -1 and 1.

    Args:
        table: (k, k) whole numbers: what the first rater put into category i and the second into category j.
        confidence: two-sided level, between 0 and 1.

    Returns:
        The estimate; NaN and (-1, 1) where both put everything into one category.

    Raises:
        InvalidOptionError: the table is not square, holds something else than counts, or nothing; or a level outside (0, 1).
    """
    counts = np.asarray(table, dtype=np.float64)
    z = normal_quantile(confidence)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InvalidOptionError(f"a table of agreement is square, got the shape {counts.shape}")
    if not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all() or not counts.any():
        raise InvalidOptionError("a table of agreement holds counts, one of them more than 0")
    n = counts.sum()
    shares = counts / n
    first, second = shares.sum(axis=1), shares.sum(axis=0)
    observed, by_chance = float(np.trace(shares)), float(first @ second)
    if by_chance == 1.0:
        return Estimate(math.nan, -1.0, 1.0)
    kappa = (observed - by_chance) / (1.0 - by_chance)
    both = first[None, :] + second[:, None]  # of cell (i, j): the first's share of j and the second's of i
    agreeing = float(np.sum(np.diag(shares) * (1.0 - np.diag(both) * (1.0 - kappa)) ** 2))
    disagreeing = (1.0 - kappa) ** 2 * float(np.sum((shares - np.diag(np.diag(shares))) * both**2))
    chance = (kappa - by_chance * (1.0 - kappa)) ** 2
    variance = max(agreeing + disagreeing - chance, 0.0) / (n * (1.0 - by_chance) ** 2)
    margin = z * math.sqrt(variance)
    return Estimate(kappa, max(kappa - margin, -1.0), min(kappa + margin, 1.0))
