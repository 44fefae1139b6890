"""Privileged access to a running original: RLBench's own waypoints and planner."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import JOINT_LOWER, JOINT_UPPER
from hamster_bench.envs.rlbench.conversion import joints_from_original
from hamster_bench.errors import InvalidOptionError
from hamster_bench.oracle import Trial, Waypoint
from hamster_bench.scenario import Scenario


class Caller(Protocol):
    """Calls the simulator."""

    def __call__(self, name: str, /, **arguments: Any) -> Any:
        """Calls it by name."""
        ...


@dataclass(frozen=True)
class OriginalOracle:
    """The `Oracle` of the original: what its scripted demonstrations do, step by step.

    Attributes:
        call: calls the simulator.
    """

    call: Caller

    def preview(self) -> tuple[Waypoint, ...]:
        """The whole scripted solution as seen from the present state."""
        return tuple(map(_waypoint, self.call("preview")))

    def preview_of(self, scenario: Scenario) -> tuple[Waypoint, ...]:
        """Cannot be had: there is one scene in the simulator.

        Raises:
            InvalidOptionError: always.
        """
        raise InvalidOptionError(
            "the engine coppeliasim cannot look at another scenario while one is running; use the engine mujoco"
        )

    def waypoint(self, index: int) -> Waypoint:
        """Step ``index`` of the solution, evaluated now. Asked for in order, each begins when it is asked for."""
        return _waypoint(self.call("waypoint", index=index))

    def plan(self, waypoint: Waypoint) -> NDArray[np.float64]:
        """Joint targets (n, 7) [rad], one for each control step, as RLBench's demonstrations send them; see `Oracle.plan`."""
        targets = self.call(
            "plan",
            name=waypoint.name,
            kind=waypoint.kind,
            pose=np.asarray(waypoint.poses[0], dtype=np.float64),
            ignore_collisions=waypoint.ignore_collisions,
        )
        return np.clip(joints_from_original(targets), JOINT_LOWER, JOINT_UPPER)

    def trial(self) -> AbstractContextManager[Trial]:
        """Cannot be had: the simulator's state cannot be put back bit by bit.

        Raises:
            InvalidOptionError: always.
        """
        raise InvalidOptionError(
            "the engine coppeliasim cannot undo what was simulated; use the engine mujoco, or the agent expert"
        )


def _waypoint(described: dict[str, Any]) -> Waypoint:
    return Waypoint(
        name=described["name"],
        kind=described["kind"],
        poses=np.asarray(described["poses"], dtype=np.float64),
        ignore_collisions=described["ignore_collisions"],
        gripper=described["gripper"],
    )
