"""Seeds that mean the same episode wherever and whenever they are used."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np


def seed_generators(numbers: int, shuffles: int) -> None:
    """Seeds the generators that everybody in the process draws from.

    Args:
        numbers: for numpy's.
        shuffles: for Python's.
    """
    np.random.seed(numbers % 2**32)
    random.seed(shuffles)


def seed_factors_apart(scene: Any, factor_seed: int | None, layout_seed: int, shuffle_seed: int) -> None:
    """Lets what factors draw from numpy's own generator leave the placement as it is without them.

    Args:
        scene: RLBench's, or THE COLOSSEUM's extension of it, which alone has factors.
        factor_seed: for both generators while factors act; None leaves everything as it is.
        layout_seed: for numpy's generator afterwards.
        shuffle_seed: for Python's generator afterwards.
    """
    manager = getattr(scene, "_var_manager", None)
    if manager is None or factor_seed is None:
        return
    act = type(manager).on_init_episode

    def seeded() -> None:
        seed_generators(factor_seed, factor_seed)
        act(manager)
        seed_generators(layout_seed, shuffle_seed)

    manager.on_init_episode = seeded


def list_folders_in_order() -> None:
    """Has THE COLOSSEUM list its textures and models by name: in the order of the directory a seed means another one elsewhere."""
    listed = os.listdir
    if getattr(listed, "in_order", False):
        return

    def in_order(*arguments: Any) -> list[str]:
        return sorted(listed(*arguments))

    in_order.in_order = True  # type: ignore[attr-defined]
    vars(os)["listdir"] = in_order
