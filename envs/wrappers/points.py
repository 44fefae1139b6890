"""The path as an array in the observation."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from hamster_bench.envs.wrappers.proposal import PathProposal, PlannerChoice
from hamster_bench.paths import MAX_POINTS, path_to_arrays


class PathPoints(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds the points of the path to every observation.

    ``path`` (32, 3) float32 holds x, y [fraction of the image of ``camera``] and the gripper state (1 open, 0 closed) of each point,
    zeros beyond the last one; ``path_mask`` (32,) int8 is 1 for rows that hold a point, all 0 when there is no path.
    The path is proposed at reset, and again where ``refresh`` says so; ``info`` tells it, its age, what the planner said and why it
    failed (see `PathProposal.info`). A path with more gripper changes than rows counts as a failure.

    Args:
        env: an environment that observes ``camera``.
        planner: a planner, the name of one, or None to use the path that a path wrapper further inside has proposed.
        camera: name of the camera whose image the path refers to.
        refresh: when a new path is proposed: ``"first_frame"`` (at reset alone), ``"every_3_keyposes"`` or ``"gripper_change"``.

    Raises:
        InvalidOptionError: the environment does not observe this camera, ``planner`` is not a planner, or ``refresh`` is no rule.
        UnknownNameError: no planner has this name.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        planner: PlannerChoice = "oracle",
        camera: str = "front",
        refresh: str = "first_frame",
    ) -> None:
        # A planner may hold a connection or a network, which cannot be copied.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, planner=planner, camera=camera, refresh=refresh)
        gymnasium.Wrapper.__init__(self, env)
        self._proposal = PathProposal(env, planner, camera, refresh, check=path_to_arrays)
        self._arrays = path_to_arrays(None)
        self.observation_space = spaces.Dict(
            {
                **env.observation_space.spaces,  # type: ignore[attr-defined]
                "path": spaces.Box(0.0, 1.0, (MAX_POINTS, 3), np.float32),
                "path_mask": spaces.MultiBinary(MAX_POINTS),
            }
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and proposes the path of the new episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._proposal.start(self.env, observation, info)
        self._arrays = path_to_arrays(self._proposal.path)
        return self._with_path(observation), {**info, **self._proposal.info()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step of the environment, and a new path where one is due."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self._proposal.advance(self.env, observation, info, ended=terminated or truncated):
            self._arrays = path_to_arrays(self._proposal.path)
        return self._with_path(observation), reward, terminated, truncated, {**info, **self._proposal.info()}

    def _with_path(self, observation: Any) -> dict[str, Any]:
        rows, mask = self._arrays
        return {**observation, "path": rows.copy(), "path_mask": mask.copy()}
