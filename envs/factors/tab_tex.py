"""Table texture: what the table top looks like."""

from __future__ import annotations

from hamster_bench.envs.factors.texturing import surface_texture_factor

FACTOR = surface_texture_factor(
    name="tab_tex",
    column="tab tex",
    surface="table",
    summary="texture of the table top",
    distribution="uniform over the textures; one repetition covers 1 m",
)
