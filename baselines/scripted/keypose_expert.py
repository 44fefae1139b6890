"""The expert reduced to keyposes: the ceiling of every policy that acts by keyposes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.demos.demo import keyposes
from hamster_bench.demos.keyframes import KEYFRAME_RULES, KeyframeRule
from hamster_bench.demos.recording import follow, motion_of, steps_of
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
    with oracle.trial() as trial:

        def step(action: NDArray[np.float64]) -> tuple[dict[str, Any], bool]:
            solved = trial.step(action)
            return trial.observation(), solved

        try:
            steps = steps_of(follow(expert, trial.observation(), step))
        except AgentStopped:
            return []
    return list(keyposes(steps, rule(motion_of(steps))))
