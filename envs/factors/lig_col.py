"""Light colour."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_numbers
from hamster_bench.envs.factors.contract import Draw, Factor, Setting

# Upstream's range of every channel.
_LOW, _HIGH = 0.0, 0.5


def draw(setting: Setting, rng: np.random.Generator) -> Draw:
    """One colour for all three lights."""
    return {"rgb": rng.uniform(_LOW, _HIGH, 3).tolist()}


def apply(setting: Setting, drawn: Draw) -> None:
    """Sets the lights."""
    check_numbers(drawn["rgb"], _LOW, _HIGH, 3)
    setting.scene.set_lights(drawn["rgb"])


FACTOR = Factor(
    name="lig_col",
    column="lig col",
    summary="diffuse and specular colour of the three lights, one for all",
    distribution=f"every channel uniform in {_LOW} to {_HIGH}",
    draw=draw,
    apply=apply,
)
