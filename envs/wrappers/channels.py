"""The path drawn as an image of its own, beside the camera's."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from hamster_bench.envs.wrappers.proposal import PathProposal, PlannerChoice
from hamster_bench.paths import DRAWING_STYLES, rasterise_path


class PathChannels(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds ``<camera>_path`` to every observation: the path drawn on black, of the size and type of ``<camera>_rgb``, which stays as it is.

    The two images make the six colour channels of HAMSTER's "Concat" policies: ``np.concatenate([rgb, path], axis=2)``. Without a path
    the image is black. The path is proposed at reset, and again where ``refresh`` says so; ``info`` tells it, its age, what the planner
    said and why it failed (see `PathProposal.info`).

    Args:
        env: an environment that observes ``camera``.
        planner: a planner, the name of one, or None to use the path that a path wrapper further inside has proposed.
        camera: name of the camera whose image the path refers to.
        style: name of a drawing style.
        refresh: when a new path is proposed: ``"first_frame"`` (at reset alone), ``"every_3_keyposes"`` or ``"gripper_change"``.

    Raises:
        InvalidOptionError: the environment does not observe this camera, ``planner`` is not a planner, or ``refresh`` is no rule.
        UnknownNameError: no planner or no style has this name.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        planner: PlannerChoice = "oracle",
        camera: str = "front",
        style: str = "hamster",
        refresh: str = "first_frame",
    ) -> None:
        # A planner may hold a connection or a network, which cannot be copied.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, planner=planner, camera=camera, style=style, refresh=refresh)
        gymnasium.Wrapper.__init__(self, env)
        DRAWING_STYLES.get(style)
        self._proposal = PathProposal(env, planner, camera, refresh)
        self._key = f"{camera}_path"
        self._style = style
        image_space = env.observation_space.spaces[f"{camera}_rgb"]  # type: ignore[attr-defined]
        self._height, self._width = image_space.shape[:2]
        self._image = self._drawn()
        self.observation_space = spaces.Dict(
            {
                **env.observation_space.spaces,  # type: ignore[attr-defined]
                self._key: spaces.Box(0, 255, (self._height, self._width, 3), np.uint8),
            }
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and proposes the path of the new episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._proposal.start(self.env, observation, info)
        self._image = self._drawn()
        return self._with_path(observation), {**info, **self._proposal.info()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step of the environment, and a new path where one is due."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self._proposal.advance(self.env, observation, info, ended=terminated or truncated):
            self._image = self._drawn()
        return self._with_path(observation), reward, terminated, truncated, {**info, **self._proposal.info()}

    def _drawn(self) -> NDArray[np.uint8]:
        path = self._proposal.path
        if path is None:
            return np.zeros((self._height, self._width, 3), dtype=np.uint8)
        return rasterise_path(path, self._height, self._width, self._style).alone()

    def _with_path(self, observation: Any) -> dict[str, Any]:
        return {**observation, self._key: self._image.copy()}
