"""Privileged access to a running simulation: its waypoints and its planner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.simulation import Simulation
from hamster_bench.errors import InvalidScenarioError
from hamster_bench.oracle import Waypoint
from hamster_bench.scenario import Scenario


@dataclass(frozen=True)
class SceneOracle:
    """The `Oracle` of one simulation."""

    simulation: Simulation

    def preview(self) -> tuple[Waypoint, ...]:
        """The whole scripted solution as seen from the present state."""
        return tuple(self.waypoint(step) for step in range(len(self.simulation.solution)))

    def preview_of(self, scenario: Scenario) -> tuple[Waypoint, ...]:
        """The whole scripted solution of another scenario of the task; see `Oracle.preview_of`."""
        task = self.simulation.task
        if scenario.task != task.name or scenario.variation >= task.variation_count:
            raise InvalidScenarioError(
                f"scenario {scenario.id} is none of {task.name!r}, variations 0 to {task.variation_count - 1}, the task that is running"
            )
        # A scene of its own: a reset changes the compiled model and the solution, which no snapshot covers. Compiling takes 50 ms.
        other = Simulation(task, self.simulation.grasping.mode)
        other.reset(scenario)
        return SceneOracle(other).preview()

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

    @contextmanager
    def trial(self) -> Iterator[SimulationTrial]:
        """Lets the simulation run on and then puts it back; see `Oracle.trial`."""
        saved = self.simulation.snapshot()
        try:
            yield SimulationTrial(self.simulation)
        finally:
            self.simulation.restore(saved)


@dataclass(frozen=True)
class SimulationTrial:
    """The `Trial` of one simulation."""

    simulation: Simulation

    def observation(self) -> dict[str, Any]:
        """What an observation holds besides images and words."""
        return self.simulation.proprioception()

    def step(self, action: NDArray[np.float64]) -> bool:
        """One ``joint_position`` action (8,); whether the task is solved then."""
        self.simulation.joint_position(action)
        return self.simulation.success()
