"""Outcomes of two arms on the same scenarios."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# A scenario but for its factor.
Key = tuple[str, int, int, int]
Outcomes = Mapping[Key, str]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Outcomes of two arms on the same scenarios, in an order that further episodes only extend.

    Attributes:
        arms: what they are called.
        factor: the factor under which both, or the first arm alone, were run.
        keys: (pairs,) the scenarios.
        tasks: (pairs,) their tasks.
        first: (pairs,) outcomes of the first arm.
        second: (pairs,) outcomes of the second arm.
        without_partner: records of the first and of the second arm that the other arm lacks.
    """

    arms: tuple[str, str]
    factor: str
    keys: tuple[Key, ...]
    tasks: NDArray[np.str_]
    first: NDArray[np.str_]
    second: NDArray[np.str_]
    without_partner: tuple[int, int]

    @property
    def difference(self) -> NDArray[np.float64]:
        """(pairs,) 1 where only the first arm succeeded, -1 where only the second did."""
        first, second = (np.asarray(arm == "success", dtype=np.float64) for arm in (self.first, self.second))
        return first - second

    @property
    def layouts(self) -> list[tuple[str, int, int]]:
        """(pairs,) what the arms of a scenario share under all factors: task, episode and seed."""
        return [(key[0], key[2], key[3]) for key in self.keys]

    @property
    def broken(self) -> NDArray[np.bool_]:
        """(pairs,) those in which an arm ended as an error."""
        return np.asarray((self.first == "error") | (self.second == "error"))

    def where(self, kept: NDArray[np.bool_]) -> Pairs:
        """The pairs that are marked."""
        keys = tuple(itertools.compress(self.keys, kept))
        return replace(self, keys=keys, tasks=self.tasks[kept], first=self.first[kept], second=self.second[kept])


def match(first: Outcomes, second: Outcomes, arms: tuple[str, str], factor: str, partner: Callable[[Key], Key]) -> Pairs:
    """The scenarios of the first arm that have a partner in the second.

    Args:
        first: outcomes of the first arm.
        second: outcomes of the second arm.
        arms: what they are called.
        factor: the factor of the first arm.
        partner: the scenario that one of the first arm is paired with.
    """
    # Episode by episode rather than task by task, so that a run that is extended adds pairs at the end.
    order = sorted(first, key=lambda key: (key[2], key[3], key[0], key[1]))
    keys = tuple(key for key in order if partner(key) in second)
    used = {partner(key) for key in keys}
    return Pairs(
        arms=arms,
        factor=factor,
        keys=keys,
        tasks=np.array([key[0] for key in keys], dtype=np.str_),
        first=np.array([first[key] for key in keys], dtype=np.str_),
        second=np.array([second[partner(key)] for key in keys], dtype=np.str_),
        without_partner=(len(first) - len(keys), len(second) - len(used)),
    )
