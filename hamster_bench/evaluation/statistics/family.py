"""Several tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values of a family of tests.

    The i-th smallest of m values becomes the largest of ``(m - j + 1) p_j`` over j <= i, at most 1 (Holm 1979, "A simple sequentially
    rejective multiple test procedure", Scandinavian Journal of Statistics 6). Calling what lies at or below a level significant errs
    anywhere in the family with at most that probability, however the tests depend on each other.

    Args:
        p: (m,) p-values; NaN stands for a comparison without data, which is no member of the family.

    Returns:
        (m,) adjusted values in the order given, NaN where ``p`` is.

    Raises:
        InvalidOptionError: a value lies outside [0, 1].
    """
    values = np.array(p, dtype=np.float64, ndmin=1)
    present = ~np.isnan(values)
    family = values[present]
    if not ((family >= 0.0) & (family <= 1.0)).all():
        raise InvalidOptionError(f"p-values lie between 0 and 1, got {p!r}")
    order = np.argsort(family, kind="stable")
    steps = family[order] * np.arange(len(family), 0, -1)
    adjusted = np.empty_like(family)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    values[present] = adjusted
    return values
