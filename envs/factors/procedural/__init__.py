"""Textures made by this project: each a function of its name alone, 256 x 256 RGB, tiling, the same bits on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.factors.procedural import (
    bricks,
    fabrics,
    grounds,
    metals,
    noises,
    papers,
    patterns,
    plants,
    prints,
    stones,
    tiles,
    woods,
)
from hamster_bench.envs.factors.procedural.fields import Recipe, Stream

# A texture's name is its place in its family and seeds its randomness: new recipes go to the end of a family.
_FAMILIES: Mapping[str, tuple[Recipe, ...]] = {
    "botanical": plants.BOTANICALS,
    "brick": bricks.RECIPES,
    "camouflage": plants.CAMOUFLAGES,
    "dots": prints.DOTS,
    "fabric": fabrics.FABRICS,
    "gradient": noises.GRADIENTS,
    "ground": grounds.RECIPES,
    "metal": metals.RECIPES,
    "noise": noises.NOISES,
    "paper": papers.RECIPES,
    "pattern": patterns.RECIPES,
    "plaid": fabrics.PLAIDS,
    "skin": plants.SKINS,
    "stone": stones.RECIPES,
    "stripes": prints.STRIPES,
    "tile": tiles.RECIPES,
    "wood": woods.RECIPES,
}

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {f"{family}_{number:02d}": recipe for family, recipes in sorted(_FAMILIES.items()) for number, recipe in enumerate(recipes)}
)
"""How each texture is made, by its name, sorted."""

REVISION = 1
"""Raised whenever a texture changes, so that no image of an older release is taken from a cache."""


def make_texture(name: str) -> NDArray[np.uint8]:
    """Makes one of the textures in :data:`RECIPES`: (256, 256, 3), RGB.

    Raises:
        KeyError: there is no texture of this name.
    """
    image = RECIPES[name](Stream(name))
    pixels: NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return pixels
