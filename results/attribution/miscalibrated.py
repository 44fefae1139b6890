"""An agent whose camera is not where it thinks: a sound path is followed beside itself, as after a bad hand-eye calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import EpisodeContext
from hamster_bench.baselines.scripted.path_lift import PathLiftAgent

_SMALLEST, _LARGEST = 0.04, 0.14  # [m]


class MiscalibratedPathLift:
    """`PathLiftAgent` that takes the camera for being 4 to 14 cm beside its place, along the table, in a direction drawn an episode."""

    action_mode = PathLiftAgent.action_mode
    needs = PathLiftAgent.needs

    def __init__(self) -> None:
        self._agent = PathLiftAgent()
        self._shift = np.zeros(3)

    def reset(self, context: EpisodeContext) -> None:
        """Draws the error of the calibration."""
        self._agent.reset(context)
        length, angle = context.rng.uniform(_SMALLEST, _LARGEST), context.rng.uniform(0.0, 2.0 * np.pi)
        self._shift = length * np.array([np.cos(angle), np.sin(angle), 0.0])

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next keypose (9,), lifted with the wrong camera."""
        T_world_camera = np.array(observation["front_extrinsics"], dtype=np.float64)
        T_world_camera[:3, 3] += self._shift
        return self._agent.act({**observation, "front_extrinsics": T_world_camera})
