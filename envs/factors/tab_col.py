"""Table colour."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_numbers
from hamster_bench.envs.factors.contract import Draw, Factor, Setting

# Upstream's range of every channel.
_LOW, _HIGH = 0.25, 1.0


def draw(setting: Setting, rng: np.random.Generator) -> Draw:
    """A colour for the table top."""
    return {"rgb": rng.uniform(_LOW, _HIGH, 3).tolist()}


def apply(setting: Setting, drawn: Draw) -> None:
    """Paints the table top."""
    check_numbers(drawn["rgb"], _LOW, _HIGH, 3)
    setting.scene.set_table_color(drawn["rgb"])


FACTOR = Factor(
    name="tab_col",
    column="tab col",
    summary="colour of the table top",
    distribution=f"every channel uniform in {_LOW} to {_HIGH}",
    draw=draw,
    apply=apply,
)
