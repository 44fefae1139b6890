"""Planners that propose a 2D path from an image and an instruction."""

from hamster_bench.planners.contract import PLANNERS, PathPlanner, PlannerContext, Proposal, make_planner

__all__ = ["PLANNERS", "PathPlanner", "PlannerContext", "Proposal", "make_planner"]
