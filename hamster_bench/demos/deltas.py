"""The motion of a demonstration as small changes of the gripper's pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import Steps
from hamster_bench.envs.contract import action_range
from hamster_bench.geometry import euler_xyz_from_quat_xyzw, quat_xyzw_inverse, quat_xyzw_multiply

_LIMITS = action_range("delta_pose")
# Frames in which neither arm [m, rad] nor gripper changes teach a policy to stand still.
_STILL_POSITION, _STILL_ROTATION = 1e-4, 1e-3


def delta_actions(steps: Steps) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The motion of a demonstration as ``delta_pose`` actions.

    Returns:
        Frames (n,) from which there is something to do, and the actions (n, 7) that lead to the frame after each: change of position [m]
        and of roll, pitch and yaw [rad] about the world's axes, within the limits of the action mode, and the opening that is commanded.
    """
    position = np.diff(steps.gripper_pose[:, :3], axis=0)
    rotation = np.array(
        [
            euler_xyz_from_quat_xyzw(quat_xyzw_multiply(after, quat_xyzw_inverse(before)))
            for before, after in zip(steps.gripper_pose[:-1, 3:], steps.gripper_pose[1:, 3:], strict=True)
        ]
    ).reshape(-1, 3)
    opening = np.clip(steps.actions[:-1, 7:8], 0.0, 1.0)
    actions = np.clip(np.concatenate([position, rotation, opening], axis=1), _LIMITS.low, _LIMITS.high)
    # A change of the gripper counts with the frame that commands it.
    changed = np.abs(np.diff(steps.actions[:, 7], prepend=steps.actions[0, 7]))[:-1] > 0.0
    moving = (np.abs(position).max(axis=1) > _STILL_POSITION) | (np.abs(rotation).max(axis=1) > _STILL_ROTATION)
    frames = np.flatnonzero(moving | changed)
    return frames, actions[frames]
