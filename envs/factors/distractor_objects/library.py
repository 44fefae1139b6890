"""All kinds of distractor objects, by name."""

from __future__ import annotations

import math
from collections.abc import Callable

from hamster_bench.envs.factors.distractor_objects import desk, drugstore, food, packages, tableware, tins, tools, toys
from hamster_bench.envs.factors.distractor_objects.model import DistractorObject, Draft, finished
from hamster_bench.errors import InvalidOptionError, UnknownNameError

# Beyond these factors things stop looking like what they are.
SCALE_RANGE = (0.5, 1.5)

_FAMILIES = (packages, tins, drugstore, tableware, food, tools, toys, desk)
_DRAFTS: dict[str, Callable[[], Draft]] = {draft.__name__: draft for family in _FAMILIES for draft in family.OBJECTS}


def object_names() -> tuple[str, ...]:
    """Every kind of object, in a fixed order."""
    return tuple(_DRAFTS)


def make_object(name: str, scale: float = 1.0) -> DistractorObject:
    """Makes an object of a kind.

    Args:
        name: one of ``object_names()``.
        scale: factor on its natural size, from 0.5 to 1.5.

    Raises:
        UnknownNameError: there is no such kind.
        InvalidOptionError: the scale is out of its range.
    """
    if name not in _DRAFTS:
        raise UnknownNameError("distractor object", name, object_names())
    low, high = SCALE_RANGE
    if not (math.isfinite(scale) and low <= scale <= high):
        raise InvalidOptionError(f"the scale of a distractor object must be from {low} to {high}, got {scale!r}")
    return finished(name, _DRAFTS[name](), float(scale))
