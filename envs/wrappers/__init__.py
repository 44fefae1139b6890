"""Gymnasium wrappers that add the 2D path to observations."""

from hamster_bench.envs.wrappers.overlay import PathOverlay
from hamster_bench.envs.wrappers.points import PathPoints

__all__ = ["PathOverlay", "PathPoints"]
