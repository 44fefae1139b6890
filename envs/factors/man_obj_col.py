"""Colour of the manipulated objects."""

from __future__ import annotations

from hamster_bench.envs.factors.coloring import object_color_factor

FACTOR = object_color_factor("man_obj_col", "man obj col", "the manipulated objects")
