"""Privileged access to a running simulation: its waypoints and its planner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.simulation import Simulation
from hamster_bench.oracle import Waypoint


@dataclass(frozen=True)
class SceneOracle:
    """The `Oracle` of one simulation."""

    simulation: Simulation

    def preview(self) -> tuple[Waypoint, ...]:
        """The whole scripted solution as seen from the present state."""
        return tuple(self.waypoint(step) for step in range(len(self.simulation.solution)))

    def waypoint(self, index: int) -> Waypoint:
        """Step ``index`` of the solution, evaluated now."""
        sites, _ = self.simulation.solution[index]
        return Waypoint(
            name=sites.name,
            kind="path" if sites.is_path else "point",
            poses=self.simulation.solution_poses(index),
            ignore_collisions=sites.ignore_collisions,
            gripper=sites.gripper,
        )

    def plan(self, waypoint: Waypoint) -> NDArray[np.float64]:
        """Joint targets (n, 7) [rad] that bring the gripper to the waypoint; see `Oracle.plan`."""
        if waypoint.kind == "path":
            return self.simulation.plan_along(waypoint.poses)
        return self.simulation.plan_to(waypoint.poses[0], waypoint.ignore_collisions)
