"""The chance baseline: keyposes drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import AgentError


class RandomAgent:
    """Valid keyposes: position uniform in the workspace, orientation uniform over rotations, flags by the toss of a coin.

    It looks at nothing. What it reaches is what a task gives away for nothing.
    """

    action_mode: ActionMode = "keypose"
    needs = AgentNeeds()

    def __init__(self) -> None:
        self._rng: np.random.Generator | None = None

    def reset(self, context: EpisodeContext) -> None:
        """Takes the random stream of the new episode."""
        self._rng = context.rng

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """A random keypose (9,).

        Raises:
            AgentError: there was no reset before.
        """
        if self._rng is None:
            raise AgentError("the random agent must be reset before it acts")
        position = self._rng.uniform(WORKSPACE_LOWER, WORKSPACE_UPPER)
        # Four independent normal numbers at unit length are uniform over rotations (Muller 1959).
        quat_xyzw = self._rng.standard_normal(4)
        quat_xyzw /= np.linalg.norm(quat_xyzw)
        return np.concatenate([position, quat_xyzw, self._rng.integers(0, 2, size=2).astype(np.float64)])
