"""Checks of draws that come from a record or a user instead of a factor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def check_numbers(values: Sequence[float] | float, low: float, high: float, count: int = 1) -> None:
    """Refuses what a factor cannot have drawn.

    Args:
        values: one number, or a list of them.
        low: the smallest that is drawn.
        high: the largest that is drawn.
        count: how many there are.

    Raises:
        ValueError: there are more or fewer, or one is out of the range.
        TypeError: one is no number.
    """
    for value in np.atleast_1d(np.asarray(values, dtype=object)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{value!r} is no number")
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.shape != (count,):
        raise ValueError(f"{values!r} must be {count} number(s)")
    if not ((array >= low) & (array <= high)).all():
        raise ValueError(f"{values!r} is not from {low} to {high}")


def check_names(names: Iterable[str], expected: Iterable[str]) -> None:
    """Refuses draws for other objects than the factor acts on.

    Raises:
        ValueError: one is missing, or one too many.
    """
    given, wanted = set(names), set(expected)
    if given != wanted:
        raise ValueError(f"they must be for {', '.join(sorted(wanted))}, got {', '.join(sorted(map(str, given))) or 'none'}")
