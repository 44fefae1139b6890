"""Size of the receiving objects."""

from __future__ import annotations

from hamster_bench.envs.factors.sizing import object_size_factor

FACTOR = object_size_factor("rec_obj_siz", "rec obj siz", "the receiving objects")
