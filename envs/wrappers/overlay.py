"""The path drawn over an image of the observation."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from hamster_bench.envs.wrappers.proposal import PathProposal, PlannerChoice
from hamster_bench.paths import DRAWING_STYLES, PathDrawing, rasterise_path


class PathOverlay(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Draws the path over ``<camera>_rgb`` of every observation; without a path the image stays as it is.

    The path is proposed at reset, and again where ``refresh`` says so, from the image as it is without the path; ``info`` tells the
    path, its age, what the planner said and why it failed (see `PathProposal.info`).

    Args:
        env: an environment that observes ``camera``.
        planner: a planner, the name of one, or None to use the path that a path wrapper further inside has proposed.
        camera: name of the camera whose image the path refers to and is drawn over.
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
        self._key = f"{camera}_rgb"
        self._style = style
        self._drawing: PathDrawing | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and proposes the path of the new episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._proposal.start(self.env, observation, info)
        self._rasterise(observation)
        return self._with_path(observation), {**info, **self._proposal.info()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step of the environment, and a new path where one is due."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self._proposal.advance(self.env, observation, info, ended=terminated or truncated):
            self._rasterise(observation)
        return self._with_path(observation), reward, terminated, truncated, {**info, **self._proposal.info()}

    def _rasterise(self, observation: Any) -> None:
        path = self._proposal.path
        height, width = observation[self._key].shape[:2]
        self._drawing = None if path is None else rasterise_path(path, height, width, self._style)

    def _with_path(self, observation: Any) -> Any:
        if self._drawing is None:
            return observation
        return {**observation, self._key: self._drawing.over(observation[self._key])}
