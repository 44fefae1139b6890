"""Asking a planner for a path: what all path wrappers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from hamster_bench.errors import HamsterBenchError, InvalidOptionError, MissingDependencyError
from hamster_bench.geometry import Camera
from hamster_bench.paths import Path2D
from hamster_bench.planners import PathPlanner, PlannerContext, Proposal, make_planner
from hamster_bench.scenario import Scenario

PlannerChoice = str | PathPlanner | None


class PathProposal:
    """The path of the running episode: proposed once, from the first image.

    Args:
        env: the environment that is wrapped.
        planner: a planner, the name of one, or None to use the path that a path wrapper further inside has proposed.
        camera: name of the camera whose image the planner is shown.

    Raises:
        InvalidOptionError: the environment does not observe this camera, or ``planner`` is not a planner.
        UnknownNameError: no planner has this name.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], planner: PlannerChoice, camera: str) -> None:
        require_camera(env, camera)
        self._camera = camera
        self._planner = make_planner(planner) if isinstance(planner, str) else planner
        if self._planner is not None and not isinstance(self._planner, PathPlanner):
            raise InvalidOptionError(
                f"planner must be the name of a planner, an object with 'privileged' and 'propose', or None; got {planner!r}"
            )
        self.path: Path2D | None = None
        self._error: str | None = None
        self._age = 0

    def start(self, env: gymnasium.Env[Any, Any], observation: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Proposes the path of a new episode from the observation and info of its reset.

        A failure of the planner leaves the episode without a path.

        Raises:
            InvalidOptionError: no planner was given and no wrapper further inside has proposed a path.
        """
        self._age, self._error, self.path = 0, None, None
        if self._planner is None:
            if "path" not in info:
                raise InvalidOptionError(
                    "planner=None uses the path of a path wrapper further inside, and there is none; name a planner"
                )
            self.path, self._error = info["path"], info["path_error"]
            return
        try:
            answer = self._planner.propose(
                np.array(observation[f"{self._camera}_rgb"]), info["instruction"], self._context(env, observation, info)
            )
            self.path = answer.path if isinstance(answer, Proposal) else answer
        except MissingDependencyError:
            # Every episode would fail in the same way: the user has to install something first.
            raise
        except HamsterBenchError as error:
            self.fail(error)

    def advance(self) -> None:
        """Counts one step of the episode."""
        self._age += 1

    def fail(self, error: HamsterBenchError) -> None:
        """Goes on without a path because of this error."""
        self.path, self._error = None, f"{type(error).__name__}: {error}"

    def info(self) -> dict[str, Any]:
        """What the wrappers add to ``info`` on reset and on every step.

        ``path`` (`Path2D` or None), ``path_age`` (steps since it was proposed) and ``path_error`` (why there is none although the
        planner was asked, or None).
        """
        return {"path": self.path, "path_age": self._age, "path_error": self._error}

    def _context(self, env: gymnasium.Env[Any, Any], observation: Mapping[str, Any], info: Mapping[str, Any]) -> PlannerContext:
        scenario = Scenario.from_id(info["scenario"])
        height, width = observation[f"{self._camera}_rgb"].shape[:2]
        privileged = self._planner is not None and self._planner.privileged
        return PlannerContext(
            scenario=scenario,
            rng=scenario.rng("planner"),
            camera=Camera(
                width=width,
                height=height,
                intrinsics=np.array(observation[f"{self._camera}_intrinsics"], dtype=np.float64),
                T_world_camera=np.array(observation[f"{self._camera}_extrinsics"], dtype=np.float64),
            ),
            gripper_pose=np.array(observation["gripper_pose"], dtype=np.float64),
            gripper_open=bool(observation["gripper_open"][0] > 0.5),
            oracle=getattr(env.unwrapped, "oracle", None) if privileged else None,
        )


def require_camera(env: gymnasium.Env[Any, Any], camera: str) -> None:
    """Refuses an environment whose observations lack a camera.

    Raises:
        InvalidOptionError: they do.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Dict):
        raise InvalidOptionError(f"path wrappers need observations of spaces.Dict, got {type(space).__name__}")
    if f"{camera}_rgb" not in space.spaces:
        seen = [key.removesuffix("_rgb") for key in space.spaces if key.endswith("_rgb")]
        raise InvalidOptionError(
            f"the environment does not observe camera {camera!r} (it has: {', '.join(seen) or 'none'}); make it with cameras=({camera!r},)"
        )
