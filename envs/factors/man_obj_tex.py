"""Texture of the manipulated objects."""

from __future__ import annotations

from hamster_bench.envs.factors.texturing import object_texture_factor

FACTOR = object_texture_factor("man_obj_tex", "man obj tex", "the manipulated objects")
