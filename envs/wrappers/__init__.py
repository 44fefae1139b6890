"""Gymnasium wrappers that add the 2D path to observations."""

from hamster_bench.envs.wrappers.channels import PathChannels
from hamster_bench.envs.wrappers.overlay import PathOverlay
from hamster_bench.envs.wrappers.points import PathPoints
from hamster_bench.envs.wrappers.proposal import PlannerRecord

__all__ = ["PathChannels", "PathOverlay", "PathPoints", "PlannerRecord"]
