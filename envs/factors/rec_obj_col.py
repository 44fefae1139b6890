"""Colour of the receiving objects."""

from __future__ import annotations

from hamster_bench.envs.factors.coloring import object_color_factor

FACTOR = object_color_factor("rec_obj_col", "rec obj col", "the receiving objects")
