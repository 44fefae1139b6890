"""The observation and action contract that every engine keeps.

Observations and actions carry the same names, shapes, units and frames whether they come from the embedded engine, the original
simulator or a robot. Everything an engine needs to keep the contract is here: spaces, and the checks an action must pass before
anything moves.
"""

from __future__ import annotations

import copy
import functools
import string
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode
from hamster_bench.errors import (
    ActionNotFiniteError,
    ActionRangeError,
    ActionShapeError,
    OutsideWorkspaceError,
    QuaternionNormError,
    UnknownNameError,
)

ACTION_MODES: tuple[str, ...] = get_args(ActionMode)

# Control steps per second of simulated time; RLBench steps by 0.05 s.
CONTROL_RATE = 20.0

# Joint limits of the Franka Emika Robot [rad] (maker's control parameters, "Panda").
JOINT_LOWER = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
JOINT_UPPER = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
# Largest joint speeds [rad/s], same source.
JOINT_SPEED_LIMIT = np.array([2.1750, 2.1750, 2.1750, 2.1750, 2.6100, 2.6100, 2.6100])

# Limits for targets of the gripper tip [m]: the plane 0.65 x 0.91 m at (0.25, 0, 0.752), 0.2 m wider on every side, 1 m high.
WORKSPACE_LOWER = np.array([-0.275, -0.655, 0.752])
WORKSPACE_UPPER = np.array([0.775, 0.655, 1.752])
# Poses read from a float32 observation may lie this much outside after rounding [m].
_WORKSPACE_ROUNDING = 1e-6

# Largest change of pose in one 0.05 s step of `delta_pose`: [m] and [rad] a component.
DELTA_POSITION_LIMIT = 0.05
DELTA_ROTATION_LIMIT = 0.25

# A float32 unit quaternion is off by about 1e-7; RLBench refuses beyond about 1e-5, which float16 policies cannot meet.
QUATERNION_NORM_TOLERANCE = 1e-4

OPEN_THRESHOLD = 0.5
# Above this the last number of a keypose switches collision checks off.
IGNORE_COLLISIONS_THRESHOLD = 0.5

# How an object is held: attached by a closing gripper, as in RLBench, or by contact forces alone.
GraspMode = Literal["attach", "friction"]
GRASP_MODES: tuple[GraspMode, ...] = get_args(GraspMode)

# Bounds of the observation space, far beyond what occurs: lengths [m], joint speeds [rad/s], focal lengths [pixel].
_FARTHEST = 100.0
_FASTEST_JOINT = 100.0
_LARGEST_FOCAL_LENGTH = 1e5

INSTRUCTION_CHARACTERS = string.ascii_letters + string.digits + " .,;:!?'-_()/"
INSTRUCTION_MAX_LENGTH = 256


@dataclass(frozen=True)
class ActionRange:
    """Lowest and highest value of every component of an action mode, and what the components are called."""

    names: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@functools.cache
def action_range(mode: str) -> ActionRange:
    """Components of an action mode.

    Raises:
        UnknownNameError: there is no such action mode.
    """
    names: tuple[str, ...]
    if mode == "keypose":
        low = np.concatenate([WORKSPACE_LOWER, -np.ones(4), [0.0, 0.0]])
        high = np.concatenate([WORKSPACE_UPPER, np.ones(4), [1.0, 1.0]])
        names = ("x", "y", "z", "qx", "qy", "qz", "qw", "gripper_open", "ignore_collisions")
    elif mode == "delta_pose":
        limit = np.array([DELTA_POSITION_LIMIT] * 3 + [DELTA_ROTATION_LIMIT] * 3)
        low, high = np.append(-limit, 0.0), np.append(limit, 1.0)
        names = ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper_open")
    elif mode == "joint_position":
        low, high = np.append(JOINT_LOWER, 0.0), np.append(JOINT_UPPER, 1.0)
        names = (*(f"joint{i}" for i in range(1, 8)), "gripper_open")
    else:
        raise UnknownNameError("action mode", mode, ACTION_MODES)
    return ActionRange(names, low, high)


class KeyposeSpace(spaces.Box):
    """The box of keyposes, of which only those with a unit quaternion are actions; samples are such."""

    def sample(self, mask: None = None, probability: None = None) -> NDArray[np.float64]:
        """A random keypose: position uniform in the box, orientation uniform over rotations, flags 0 or 1."""
        action = super().sample(mask=mask, probability=probability).astype(np.float64)
        quat_xyzw = self.np_random.standard_normal((*self.shape[:-1], 4))
        action[..., 3:7] = quat_xyzw / np.linalg.norm(quat_xyzw, axis=-1, keepdims=True)
        action[..., 7:] = self.np_random.integers(0, 2, size=(*self.shape[:-1], 2))
        return action


@batch_space.register(KeyposeSpace)
def _batch_keypose_space(space: KeyposeSpace, n: int = 1) -> KeyposeSpace:
    """Keyposes of ``n`` environments at once, so that samples of vectorised environments are actions too."""
    low, high = np.repeat(space.low[None], n, axis=0), np.repeat(space.high[None], n, axis=0)
    return KeyposeSpace(low=low, high=high, dtype=np.float64, seed=copy.deepcopy(space.np_random))


def action_space(mode: str) -> spaces.Box:
    """The Gymnasium space of an action mode.

    Raises:
        UnknownNameError: there is no such action mode.
    """
    limits = action_range(mode)
    space = KeyposeSpace if mode == "keypose" else spaces.Box
    return space(low=limits.low, high=limits.high, dtype=np.float64)


def observation_space(cameras: tuple[str, ...], height: int, width: int, segmentation: bool = False) -> spaces.Dict:
    """The Gymnasium space of observations.

    Args:
        cameras: names of the cameras.
        height: of every image [pixel].
        width: of every image [pixel].
        segmentation: whether ``<camera>_segmentation`` is there: (height, width) int32 object numbers, 0 the background.
    """
    parts: dict[str, spaces.Space[Any]] = {}
    for camera in cameras:
        parts[f"{camera}_rgb"] = spaces.Box(0, 255, (height, width, 3), np.uint8)
        parts[f"{camera}_depth"] = spaces.Box(0.0, _FARTHEST, (height, width), np.float32)
        if segmentation:
            parts[f"{camera}_segmentation"] = spaces.Box(0, np.iinfo(np.int32).max, (height, width), np.int32)
        parts[f"{camera}_intrinsics"] = spaces.Box(0.0, _LARGEST_FOCAL_LENGTH, (3, 3), np.float64)
        parts[f"{camera}_extrinsics"] = spaces.Box(-_FARTHEST, _FARTHEST, (4, 4), np.float64)
    parts["joint_positions"] = spaces.Box(-2.0 * np.pi, 2.0 * np.pi, (7,), np.float64)
    parts["joint_velocities"] = spaces.Box(-_FASTEST_JOINT, _FASTEST_JOINT, (7,), np.float64)
    parts["gripper_pose"] = spaces.Box(-_FARTHEST, _FARTHEST, (7,), np.float64)
    parts["gripper_open"] = spaces.Box(0.0, 1.0, (1,), np.float64)
    parts["instruction"] = spaces.Text(INSTRUCTION_MAX_LENGTH, min_length=1, charset=INSTRUCTION_CHARACTERS)
    return spaces.Dict(parts)


def validate_action(action: object, mode: str) -> NDArray[np.float64]:
    """The action as a fresh float64 array, once it has passed every check that needs no simulator.

    Args:
        action: what the agent gave.
        mode: the action mode it is meant for.

    Raises:
        ActionShapeError: not an array of numbers of the mode's shape.
        ActionNotFiniteError: NaN or an infinity.
        OutsideWorkspaceError: a keypose's position is outside the workspace box.
        QuaternionNormError: a keypose's quaternion is not of unit length.
        ActionRangeError: a component is outside its range.
    """
    limits = action_range(mode)
    shape = limits.low.shape
    try:
        given = np.asarray(action)
        if given.dtype.kind not in "biuf" or isinstance(action, np.ma.MaskedArray):
            raise TypeError("not an array of real numbers")
        array = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ActionShapeError(f"a {mode} action is {shape[0]} numbers {limits.names}, got {action!r}") from error
    if array.shape != shape:
        raise ActionShapeError(f"a {mode} action has shape {shape} {limits.names}, got shape {array.shape}")
    if not np.isfinite(array).all():
        wrong = ", ".join(f"{n} = {v}" for n, v in zip(limits.names, array, strict=True) if not np.isfinite(v))
        raise ActionNotFiniteError(f"a {mode} action must be finite, got {wrong}")
    if mode == "keypose":
        check_workspace(array[:3])
        norm = float(np.linalg.norm(array[3:7]))
        if abs(norm - 1.0) > QUATERNION_NORM_TOLERANCE:
            raise QuaternionNormError(
                f"the quaternion (qx, qy, qz, qw) of a keypose must have length 1 within {QUATERNION_NORM_TOLERANCE}, "
                f"got length {norm:.6g}; divide it by its length"
            )
        array[3:7] /= norm
    outside = (array < limits.low - 1e-9) | (array > limits.high + 1e-9)
    if mode == "keypose":
        outside[:7] = False
    if outside.any():
        wrong = ", ".join(
            f"{n} = {v:.6g} (allowed {lo:.6g} to {hi:.6g})"
            for n, v, lo, hi, out in zip(limits.names, array, limits.low, limits.high, outside, strict=True)
            if out
        )
        raise ActionRangeError(f"a {mode} action is out of range: {wrong}")
    return array


def check_workspace(position_world: NDArray[np.float64]) -> None:
    """Refuses a target position (3,) [m] outside the workspace box.

    Raises:
        OutsideWorkspaceError: it is outside.
    """
    low, high = WORKSPACE_LOWER - _WORKSPACE_ROUNDING, WORKSPACE_UPPER + _WORKSPACE_ROUNDING
    if ((position_world < low) | (position_world > high)).any():
        box = ", ".join(f"{a} {lo} to {hi}" for a, lo, hi in zip("xyz", WORKSPACE_LOWER, WORKSPACE_UPPER, strict=True))
        raise OutsideWorkspaceError(f"target position {np.round(position_world, 4).tolist()} is outside the workspace ({box} m)")
