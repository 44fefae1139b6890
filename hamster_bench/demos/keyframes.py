"""Which frames of a demonstration are keyframes, those a keypose policy learns to reproduce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.paths.simplify import simplified_indices
from hamster_bench.registry import Registry

# All joint speeds below this [rad/s]: the arm stands (PerAct).
_STANDING = 0.1
# After a stop this many frames pass before the next one counts (PerAct).
_PAUSE = 4
# A Cartesian path is kept to within this [m]; wiping lanes lie 50 mm apart.
_PATH_TOLERANCE = 0.01


@dataclass(frozen=True)
class Motion:
    """What the keyframe rules look at: one row for each recorded frame.

    Attributes:
        gripper_open: (n,) bool.
        joint_velocities: (n, 7) [rad/s].
        positions: (n, 3) [m] of the gripper tip, world frame; needed by ``peract_paths`` alone.
        on_path: (n,) bool, whether a Cartesian path waypoint was being followed; needed by ``peract_paths`` alone.
    """

    gripper_open: NDArray[np.bool_]
    joint_velocities: NDArray[np.float64]
    positions: NDArray[np.float64] | None = None
    on_path: NDArray[np.bool_] | None = None


KeyframeRule = Callable[[Motion], NDArray[np.intp]]
KEYFRAME_RULES: Registry[KeyframeRule] = Registry("keyframe rule")


def peract(motion: Motion, *, wrap_around: bool = False) -> NDArray[np.intp]:
    """The rule of PerAct, RVT and 3D Diffuser Actor.

    A frame is a keyframe when the gripper's state differs from the frame before, when it is the last one, or when the arm stands: all
    joints slower than 0.1 rad/s, no stop in the last four frames, the gripper's state equal in the frames i-2 to i+1, and not one of
    the last two frames. Of two neighbouring keyframes at the end the earlier is dropped.

    Args:
        motion: the demonstration.
        wrap_around: at the first frames look back to the end of the demonstration, as PerAct's and RVT's code does with its negative
            indices; 3D Diffuser Actor stops at frame 0.
    """
    is_open: list[bool] = motion.gripper_open.tolist()
    standing = np.all(np.abs(motion.joint_velocities) < _STANDING, axis=1)
    count = len(is_open)
    keyframes: list[int] = []
    pause = 0
    for i in range(count):
        before = i - 2 if wrap_around else max(i - 2, 0)
        one_before = i - 1 if wrap_around else max(i - 1, 0)
        stopped = (
            pause <= 0
            and bool(standing[i])
            and i < count - 2
            and is_open[i] == is_open[i + 1] == is_open[one_before] == is_open[before]
        )
        pause = _PAUSE if stopped else pause - 1
        if i > 0 and (stopped or i == count - 1 or is_open[i] != is_open[i - 1]):
            keyframes.append(i)
    if len(keyframes) > 1 and keyframes[-1] - 1 == keyframes[-2]:
        del keyframes[-2]
    return np.array(keyframes, dtype=np.intp)


def peract_paths(motion: Motion) -> NDArray[np.intp]:
    """PerAct's keyframes and, where a Cartesian path is followed, as many more as keep straight lines between them within 1 cm of it.

    PerAct's rule sees only stops, so what a task does *inside* one waypoint (wiping to and fro, the swing of a stick) is lost to it.

    Raises:
        ValueError: the motion has no positions or does not tell where paths were followed.
    """
    if motion.positions is None or motion.on_path is None:
        raise ValueError("the rule 'peract_paths' needs positions and on_path of every frame")
    keyframes = set(peract(motion).tolist())
    edges = np.flatnonzero(np.diff(np.concatenate([[0], motion.on_path.astype(np.int8), [0]])))
    for start, stop in edges.reshape(-1, 2):
        first = max(start - 1, 0)
        keyframes.update((first + simplified_indices(motion.positions[first:stop], _PATH_TOLERANCE)).tolist())
    keyframes.discard(0)
    return np.array(sorted(keyframes), dtype=np.intp)


KEYFRAME_RULES.register("peract", peract)
KEYFRAME_RULES.register("peract_paths", peract_paths)


def motion_from(gripper_open: ArrayLike, joint_velocities: ArrayLike) -> Motion:
    """A `Motion` from plain lists, for instance of recorded numbers; a gripper open by more than half counts as open."""
    return Motion(np.asarray(gripper_open, dtype=np.float64) > 0.5, np.asarray(joint_velocities, dtype=np.float64))
