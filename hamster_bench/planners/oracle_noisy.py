"""The oracle's path with noise: how exact a path has to be."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.paths.path import Path2D
from hamster_bench.paths.resample import NOISE_DEVIATION, with_noise
from hamster_bench.planners.contract import PlannerContext
from hamster_bench.planners.oracle import OraclePlanner


class NoisyOraclePlanner:
    """Moves every point of the oracle's path by Gaussian noise; points stay in the image and gripper states as they are.

    Args:
        std: standard deviation of the noise on x and y [fraction of the image]. HAMSTER trained its policies with 0.01.

    Raises:
        InvalidOptionError: the deviation is negative or not finite.
    """

    privileged = True

    def __init__(self, *, std: float = NOISE_DEVIATION) -> None:
        if not (math.isfinite(std) and std >= 0.0):
            raise InvalidOptionError(f"the standard deviation of a path's noise is a number from 0, got {std!r}")
        self._std = std
        self._oracle = OraclePlanner()

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D | None:
        """The oracle's path, moved.

        Raises:
            PathError: the context lacks what is needed, or no part of the motion is visible.
        """
        path = self._oracle.propose(image_rgb, instruction, context)
        if path is None:
            return None
        return with_noise(path, context.rng, self._std)
