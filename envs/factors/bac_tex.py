"""Background texture: what the walls look like."""

from __future__ import annotations

from hamster_bench.envs.factors.texturing import surface_texture_factor

FACTOR = surface_texture_factor(
    name="bac_tex",
    column="bac tex",
    surface="walls",
    summary="texture of the four walls, the same on all",
    distribution="uniform over the textures; one repetition covers 4 m",
)
