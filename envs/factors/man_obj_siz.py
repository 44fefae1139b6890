"""Size of the manipulated objects."""

from __future__ import annotations

from hamster_bench.envs.factors.sizing import object_size_factor

FACTOR = object_size_factor("man_obj_siz", "man obj siz", "the manipulated objects")
