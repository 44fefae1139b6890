"""Texture of the receiving objects."""

from __future__ import annotations

from hamster_bench.envs.factors.texturing import object_texture_factor

FACTOR = object_texture_factor("rec_obj_tex", "rec obj tex", "the receiving objects")
