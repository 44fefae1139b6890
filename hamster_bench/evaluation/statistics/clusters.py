"""Tests of differences that come in clusters, such as those of one scenario under many factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.bootstrap import SEED

FLIPS = 20_000
SIGN_FLIP_NAME = f"sign-flip test, {FLIPS} draws, PCG64 seed {SEED}"

# Sums of the same contributions in other orders differ in their last bits, and must count as equal.
_TIE = 1e-12
_BLOCK = 1000


def sign_flip_p(contributions: ArrayLike, *, flips: int = FLIPS, seed: int = SEED) -> float:
    """Two-sided p-value of a sum of independent contributions, by flipping their signs.

    If two arms do not differ, exchanging them within a cluster changes nothing: the contribution of each cluster to the difference may
    as well have the other sign, whatever depends on what inside the cluster. The p-value is the share of drawn sign patterns whose sum
    lies at least as far from 0 as the sum found; the pattern found counts among the drawn ones, which makes the test valid for any
    number of draws (Phipson and Smyth 2010, "Permutation p-values should never be zero").

    Args:
        contributions: (clusters,) what each adds to the difference.
        flips: number of sign patterns that are drawn.
        seed: seed of the generator.

    Returns:
        The p-value, from 1 / (flips + 1) to 1; 1 without contributions.

    Raises:
        InvalidOptionError: contributions are not finite or not (clusters,), or a number is out of range.
    """
    given = np.asarray(contributions, dtype=np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise InvalidOptionError(f"contributions are finite numbers (clusters,), got an array {given.shape}")
    if flips < 1 or seed < 0:
        raise InvalidOptionError(f"flips must be from 1 and the seed from 0, got {flips} and {seed}")
    # Those that add nothing draw nothing either, so that scenarios on which the arms agree change no p-value.
    some = given[given != 0.0]
    found = abs(some.sum()) - _TIE * np.abs(some).sum()
    generator = np.random.Generator(np.random.PCG64(seed))
    as_far = 1
    for start in range(0, flips, _BLOCK):
        signs = generator.integers(0, 2, size=(min(_BLOCK, flips - start), len(some))) * 2.0 - 1.0
        as_far += int((np.abs(signs @ some) >= found).sum())
    return as_far / (flips + 1)
