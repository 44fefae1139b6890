"""The expert reduced to keyposes: the ceiling of every policy that acts by keyposes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.demos.keyframes import KEYFRAME_RULES, KeyframeRule, Motion
from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import AgentError, AgentStopped
from hamster_bench.oracle import Oracle


class KeyposeExpertAgent:
    """Rehearses the expert's demonstration, then executes nothing but its keyframes.

    A keypose carries the ``ignore_collisions`` flag of the waypoint it stems from, and positions are clipped into the workspace, as in
    RVT's evaluation. After the last keyframe it repeats that one, which gives what still moves the time to come to rest.

    Args:
        rule: name of the keyframe rule.
    """

    action_mode: ActionMode = "keypose"
    needs = AgentNeeds(privileged=True)

    def __init__(self, rule: str = "peract") -> None:
        self._rule = KEYFRAME_RULES.get(rule)
        self._keyposes: list[NDArray[np.float64]] | None = None

    def reset(self, context: EpisodeContext) -> None:
        """Rehearses the episode.

        Raises:
            AgentError: the context has no oracle.
        """
        if context.oracle is None:
            raise AgentError("keypose_expert needs the oracle of the environment; run it where privileged agents are allowed")
        self._keyposes = _keyposes(context, context.oracle, self._rule)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,), the last one again and again.

        Raises:
            AgentError: there was no reset before.
            AgentStopped: the expert itself found no solution.
        """
        if self._keyposes is None:
            raise AgentError("keypose_expert must be reset before it acts")
        if not self._keyposes:
            raise AgentStopped("no_demonstration", "the expert found no solution of this scenario to take keyposes from")
        return self._keyposes.pop(0) if len(self._keyposes) > 1 else self._keyposes[0]


class KeyposePathsExpertAgent(KeyposeExpertAgent):
    """`KeyposeExpertAgent` with the rule that adds keyframes along Cartesian paths."""

    def __init__(self) -> None:
        super().__init__("peract_paths")


def _keyposes(context: EpisodeContext, oracle: Oracle, rule: KeyframeRule) -> list[NDArray[np.float64]]:
    expert = ExpertAgent()
    expert.reset(context)
    frames: list[tuple[dict[str, Any], bool, bool]] = []
    with oracle.trial() as trial:
        solved = False
        # As in RLBench, every waypoint is executed, also when the task is solved on the way.
        while not (solved and expert.finished):
            # The action that led here decides which motion the frame belongs to.
            observation, waited = trial.observation(), expert.waiting
            frame = (observation, expert.on_path, expert.ignoring_collisions)
            try:
                action = expert.act(observation)
            except AgentStopped:
                return []
            # As in RLBench's demonstrations, frames in which the arm only waits, above all for the fingers, are left out.
            if not (waited and expert.waiting):
                frames.append(frame)
            solved = trial.step(action) or solved
        frames.append((trial.observation(), expert.on_path, expert.ignoring_collisions))
    poses = np.array([observation["gripper_pose"] for observation, _, _ in frames])
    is_open = np.array([observation["gripper_open"][0] > 0.5 for observation, _, _ in frames])
    velocities = np.array([observation["joint_velocities"] for observation, _, _ in frames])
    keyframes = rule(Motion(is_open, velocities, poses[:, :3], np.array([on_path for _, on_path, _ in frames])))
    return [_keypose(poses[k], bool(is_open[k]), ignore_collisions=frames[k][2]) for k in keyframes]


def _keypose(pose: NDArray[np.float64], is_open: bool, ignore_collisions: bool) -> NDArray[np.float64]:
    position = np.clip(pose[:3], WORKSPACE_LOWER, WORKSPACE_UPPER)
    return np.concatenate([position, pose[3:] / np.linalg.norm(pose[3:]), [float(is_open), float(ignore_collisions)]])
