"""Privileged knowledge of a scene: what a scripted expert and the oracle path planner may ask of an engine.

Policies under test never see it; the runner hands it only to agents and planners that declare the need.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hamster_bench.scenario import Scenario


@dataclass(frozen=True)
class Waypoint:
    """One step of a task's scripted solution, in world coordinates at the moment it was asked for.

    Attributes:
        name: upstream's name, for instance ``"waypoint3"``.
        kind: ``"point"`` is reached by a straight or planned motion; ``"path"`` is a Cartesian path that is followed as it is.
        poses: (k, 7) float64, poses ``x y z qx qy qz qw`` of the gripper tip, world frame; k is 1 for a point.
        ignore_collisions: the motion to here is planned without collision checks.
        gripper: opening commanded after the waypoint is reached, 0 closed to 1 open; None leaves the gripper as it is.
    """

    name: str
    kind: Literal["point", "path"]
    poses: NDArray[np.float64]
    ignore_collisions: bool
    gripper: float | None


class Trial(Protocol):
    """A stretch of simulation that will be undone."""

    def observation(self) -> dict[str, Any]:
        """What an observation holds besides images and words."""
        ...

    def step(self, action: NDArray[np.float64]) -> bool:
        """One ``joint_position`` action (8,); whether the task is solved then."""
        ...


class Oracle(Protocol):
    """Privileged access to one running environment."""

    def preview(self) -> tuple[Waypoint, ...]:
        """The whole scripted solution as seen from the present state."""
        ...

    def preview_of(self, scenario: Scenario) -> tuple[Waypoint, ...]:
        """The whole scripted solution of another scenario of the same task, as seen from its start.

        The running episode is not touched: its state stays as it is, bit by bit.

        Raises:
            InvalidScenarioError: the scenario is of another task, or of a variation the task does not have.
            PlacementError: the scenario has no valid layout.
        """
        ...

    def waypoint(self, index: int) -> Waypoint:
        """Step ``index`` of the solution, evaluated now: waypoints ride on objects that may have moved."""
        ...

    def plan(self, waypoint: Waypoint) -> NDArray[np.float64]:
        """Joint targets (n, 7) [rad], one for each control step, that bring the gripper from where it is to the waypoint.

        Raises:
            PlanningError: no motion was found.
        """
        ...

    def trial(self) -> AbstractContextManager[Trial]:
        """Lets the simulation run on; at the end of the ``with`` block everything is as it was before, bit by bit."""
        ...
