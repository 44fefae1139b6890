"""A task's scripted solution: what its steps are now, and the motions that RLBench's demonstrations make for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.rlbench.motions import Motions
from hamster_bench.envs.rlbench.waypoints import describe_waypoint
from hamster_bench.errors import InvalidOptionError, UnknownNameError

FloatArray = NDArray[np.float64]

# Budget of RLBench's demonstrations.
_BUDGET: Mapping[str, int] = {"trials": 100, "max_configs": 10, "trials_per_goal": 10}
# A solution that starts over as long as a state of the scene asks for it is previewed up to this many times.
_MOST_PASSES = 10


class Solution:
    """The scripted solution in an episode; made when the episode starts.

    Args:
        task: RLBench's.
        motions: of the arm that solves it.
    """

    def __init__(self, task: Any, motions: Motions) -> None:
        self._task = task
        self._motions = motions
        self._initial = _remember(task)
        # Waypoints in the order of the solution by number, and whether each is skipped.
        self._visits: list[tuple[int, bool]] = []
        self._visited = 0
        self._begun = -1

    def preview(self) -> list[dict[str, Any]]:
        """The whole solution as seen from the present state; nothing stays changed."""
        now = _remember(self._task)
        _recall(self._task, self._initial)
        steps: list[dict[str, Any]] = []
        visits: list[tuple[int, bool]] = []
        try:
            waypoints = self._task.get_waypoints()
            for _ in range(_MOST_PASSES):
                for index, waypoint in enumerate(waypoints):
                    waypoint.start_of_path()
                    visits.append((index, bool(waypoint.skip)))
                    if not waypoint.skip:
                        steps.append(describe_waypoint(index, waypoint))
                if not self._task.should_repeat_waypoints():
                    break
        finally:
            _recall(self._task, now)
        self._visits = visits
        return steps

    def waypoint(self, index: int) -> dict[str, Any]:
        """Step ``index`` now. Asked for in order, each step begins when it is asked for, as in a demonstration.

        Raises:
            InvalidOptionError: there is no such step.
        """
        if not self._visits:
            self.preview()
        steps = [visit for visit, (_, skipped) in enumerate(self._visits) if not skipped]
        if not 0 <= index < len(steps):
            raise InvalidOptionError(f"the solution has steps 0 to {len(steps) - 1}, got {index}")
        if index > self._begun + 1:
            return self.preview()[index]
        waypoints = self._task.get_waypoints()
        if index == self._begun + 1:
            if self._begun >= 0:
                waypoints[self._visits[steps[self._begun]][0]].end_of_path()
            while self._visited <= steps[index]:
                waypoints[self._visits[self._visited][0]].start_of_path()
                self._visited += 1
            self._begun = index
        number = self._visits[steps[index]][0]
        return describe_waypoint(number, waypoints[number])

    def plan(self, name: str, kind: str, pose: FloatArray, ignore_collisions: bool) -> FloatArray:
        """Joint targets (n, 7) [rad], one a control step, that RLBench's demonstration would send on its way to a waypoint.

        Raises:
            PlanningError: no motion was found.
            UnknownNameError: the path to go along is no waypoint.
        """
        found = {f"waypoint{index}": waypoint for index, waypoint in enumerate(self._task.get_waypoints())}.get(name)
        if kind == "path":
            if found is None:
                raise UnknownNameError("waypoint", name, ())
            path = self._motions.path_along(found.get_waypoint_object())
        else:
            linear = found is not None and bool(getattr(found, "_linear_only", False))
            path = self._motions.path_to(
                pose[:3], pose[3:7], ignore_collisions=ignore_collisions, budget=None if linear else _BUDGET
            )
        return self._motions.targets_of(path)


@dataclass(frozen=True)
class _Memory:
    """Everything that following the scripted solution changes besides the scene."""

    task: dict[str, Any]
    poses: tuple[tuple[Any, Any, FloatArray], ...]
    skips: tuple[bool, ...]


def _remember(task: Any) -> _Memory:
    waypoints = task.get_waypoints()
    objects = [waypoint.get_waypoint_object() for waypoint in waypoints]
    parents = [thing.get_parent() for thing in objects]
    return _Memory(
        task=dict(vars(task)),
        poses=tuple(
            (thing, parent, np.array(thing.get_pose(relative_to=parent))) for thing, parent in zip(objects, parents, strict=True)
        ),
        skips=tuple(bool(waypoint.skip) for waypoint in waypoints),
    )


def _recall(task: Any, memory: _Memory) -> None:
    vars(task).clear()
    vars(task).update(memory.task)
    for thing, parent, pose in memory.poses:
        thing.set_pose(pose.tolist(), relative_to=parent, reset_dynamics=False)
    for waypoint, skip in zip(task.get_waypoints(), memory.skips, strict=True):
        waypoint.skip = skip
