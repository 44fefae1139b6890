"""Household objects that do not belong to any task: what the distractor factor puts on the table.

Every object is made of numbers alone, in a few milliseconds, and is the same on every machine. One module holds one family of things;
sizes and masses are close to those of the YCB object set where it has the kind.
"""

from __future__ import annotations

from hamster_bench.envs.factors.distractor_objects.library import SCALE_RANGE, make_object, object_names
from hamster_bench.envs.factors.distractor_objects.model import Box, Cylinder, DistractorObject, Hull, Part, Sphere

__all__ = ["SCALE_RANGE", "Box", "Cylinder", "DistractorObject", "Hull", "Part", "Sphere", "make_object", "object_names"]
