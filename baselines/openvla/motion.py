"""From what OpenVLA's models answer to actions of the mode ``delta_pose``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.contract import action_range
from hamster_bench.errors import AgentError

_LIMITS = action_range("delta_pose")


def delta_poses(answer: ArrayLike, steps: int = 1) -> NDArray[np.float64]:
    """An answer (7,) as ``delta_pose`` actions (steps, 7): change of position [m], of roll, pitch and yaw [rad], gripper 1 for open.

    A model of a data set with another rate than 20 Hz answers for a longer time: its change is then made in equal parts. Changes beyond
    the action mode's limits, and gripper values beyond 0 and 1, are cut.

    Args:
        answer: of the model.
        steps: control steps of 0.05 s it is for.

    Raises:
        AgentError: it is no action.
    """
    try:
        action = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AgentError(f"an answer of openvla is 7 numbers, got {answer!r}") from error
    if action.shape != (7,):
        raise AgentError(f"an answer of openvla is 7 numbers, got shape {action.shape}")
    parts = np.tile(np.append(action[:6] / steps, action[6]), (steps, 1))
    # What is no number stays one, for the environment to refuse.
    cut: NDArray[np.float64] = np.clip(parts, _LIMITS.low, _LIMITS.high)
    return cut
