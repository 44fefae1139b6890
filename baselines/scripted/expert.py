"""The scripted expert: a task's own waypoints, followed with privileged knowledge of the scene."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.errors import AgentError, AgentStopped, PlanningError
from hamster_bench.oracle import Oracle

# Control steps (0.05 s each) to wait for the fingers. Their full stroke of 0.04 m takes 0.3 s, that is 6 steps; two more let a
# grasped object come to rest.
GRIPPER_STEPS = 8

# An arm that follows its targets freely ends within 0.1 degrees of them; twice that, [rad], is "arrived". While it pushes against
# something it may never arrive, so the wait for it is bounded (0.5 s).
ARRIVAL_TOLERANCE = 0.004
# It also stands still: half of the joint speed [rad/s] below which PerAct's keyframe rule sees a stop, so that it sees every waypoint.
ARRIVAL_SPEED = 0.05
ARRIVAL_STEPS = 10

# Objects that were let go may still fall or swing shut when the last waypoint is done; the success conditions get 0.5 s to hold.
FINAL_STEPS = 10


class ExpertAgent:
    """Goes through the waypoints of the task one by one, each evaluated and planned when its turn comes.

    After a waypoint it sets the gripper if the waypoint says so and waits for the fingers. It is the ceiling of a table, no policy.

    Attributes:
        on_path: whether the action given last follows a Cartesian path waypoint.
        ignoring_collisions: whether the action given last belongs to a motion planned without collision checks.
        waiting: whether the action given last holds the arm still, for it to come to rest or for the fingers to move.
        finished: whether all waypoints are behind it and it only holds still.
    """

    action_mode: ActionMode = "joint_position"
    needs = AgentNeeds(privileged=True)

    def __init__(self) -> None:
        self.on_path = False
        self.ignoring_collisions = False
        self.waiting = False
        self.finished = False
        self._joint_positions = np.zeros(7)
        self._joint_velocities = np.zeros(7)
        self._gripper = 1.0
        self._oracle: Oracle | None = None
        self._actions: Generator[NDArray[np.float64], None, None] | None = None

    def reset(self, context: EpisodeContext) -> None:
        """Prepares for a new episode.

        Raises:
            AgentError: the context has no oracle.
        """
        if context.oracle is None:
            raise AgentError("the expert needs the oracle of the environment; run it where privileged agents are allowed")
        self._oracle, self._actions = context.oracle, None
        self.on_path = self.ignoring_collisions = self.waiting = self.finished = False

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next control step (8,): 7 joint targets [rad] and the gripper opening.

        Raises:
            AgentError: there was no reset before.
            AgentStopped: ``waypoints_done`` after the last waypoint, ``planning:<reason>`` when a waypoint cannot be reached.
        """
        if self._oracle is None:
            raise AgentError("the expert must be reset before it acts")
        self._joint_positions = np.asarray(observation["joint_positions"], dtype=np.float64)
        self._joint_velocities = np.asarray(observation["joint_velocities"], dtype=np.float64)
        if self._actions is None:
            self._gripper = float(observation["gripper_open"][0])
            self._actions = self._solution(self._oracle)
        try:
            return next(self._actions)
        except StopIteration:
            raise AgentStopped("waypoints_done", "the expert has followed all waypoints") from None
        except PlanningError as error:
            raise AgentStopped(f"planning:{error.reason}", str(error)) from error

    def _solution(self, oracle: Oracle) -> Generator[NDArray[np.float64], None, None]:
        arm = self._joint_positions.copy()
        for index in range(len(oracle.preview())):
            waypoint = oracle.waypoint(index)
            self.on_path = waypoint.kind == "path"
            self.ignoring_collisions = waypoint.ignore_collisions or self.on_path
            for target in oracle.plan(waypoint):
                arm = np.array(target, dtype=np.float64)
                yield self._command(arm)
            for _ in range(ARRIVAL_STEPS):
                if self._stands_at(arm):
                    break
                self.waiting = True
                yield self._command(arm)
            if waypoint.gripper is not None:
                self._gripper = float(waypoint.gripper)
                self.waiting = True
                for _ in range(GRIPPER_STEPS):
                    yield self._command(arm)
            self.waiting = False
        self.on_path, self.finished = False, True
        for _ in range(FINAL_STEPS):
            yield self._command(arm)

    def _stands_at(self, arm: NDArray[np.float64]) -> bool:
        arrived = np.abs(self._joint_positions - arm).max() <= ARRIVAL_TOLERANCE
        return bool(arrived and np.abs(self._joint_velocities).max() <= ARRIVAL_SPEED)

    def _command(self, arm: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.append(arm, self._gripper)
