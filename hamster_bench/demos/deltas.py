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


def delta_actions(steps: Steps, control_steps: int = 1) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The motion of a demonstration as ``delta_pose`` actions, or as changes over several control steps.

    Args:
        steps: of the demonstration.
        control_steps: how many frames of 0.05 s one action is for; actions follow each other without overlap. What a policy of a lower
            rate learns from: carried out, each of its actions is made in so many equal parts.

    Returns:
        Frames (n,) from which there is something to do, and the actions (n, 7) that lead to the frame ``control_steps`` after each, or to
        the last one: change of position [m] and of roll, pitch and yaw [rad] about the world's axes, within ``control_steps`` times the
        limits of the action mode, and the opening that is commanded first.
    """
    poses, openings = steps.gripper_pose, steps.actions[:, 7]
    starts = np.arange(0, len(poses) - 1, control_steps)
    ends = np.minimum(starts + control_steps, len(poses) - 1)
    position = poses[ends, :3] - poses[starts, :3]
    rotation = np.array(
        [
            euler_xyz_from_quat_xyzw(quat_xyzw_multiply(after, quat_xyzw_inverse(before)))
            for before, after in zip(poses[starts, 3:], poses[ends, 3:], strict=True)
        ]
    ).reshape(-1, 3)
    opening = np.clip(openings[starts, None], 0.0, 1.0)
    furthest = np.append(np.full(6, float(control_steps)), 1.0)
    actions = np.clip(np.concatenate([position, rotation, opening], axis=1), furthest * _LIMITS.low, furthest * _LIMITS.high)
    # A change of the gripper counts with the first action that commands it.
    changed = np.abs(np.diff(openings[starts], prepend=openings[:1])) > 0.0
    moving = (np.abs(position).max(axis=1) > _STILL_POSITION) | (np.abs(rotation).max(axis=1) > _STILL_ROTATION)
    acting = np.flatnonzero(moving | changed)
    return starts[acting], actions[acting]
