"""Reads recorded demonstrations of the original simulator, and what became of them when it replayed their keyposes itself.

A folder holds one ``<task>.npz`` a task. Arrays are plain numbers; ``meta_json`` is JSON text as bytes. Poses are ``x y z qx qy qz qw`` in
the world, [m]; the keyframes, and every second frame at least, are stored.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.envs.rlbench.conversion import camera_from_original
from hamster_bench.errors import InvalidOptionError
from hamster_bench.geometry import Camera

FloatArray = NDArray[np.float64]

# Actions of the variant `hold`, and repetitions of the last keyframe in `dense10`, as the recordings' replays have them.
_HOLD_ACTIONS = 25
_DENSE_STRIDE = 10
_DENSE_REPEATS = 15


@dataclass(frozen=True)
class Recording:
    """One recorded demonstration.

    Attributes:
        task: name of the task.
        key: name of the episode within its file.
        episode: its number.
        variation: RLBench variation.
        base_pose: (7,) of the task base.
        object_poses: pose (7,) of every object of the task after the reset, by name.
        frames: numbers of the frames that are stored.
        gripper_poses: (m, 7) pose of the gripper tip at each of them.
        gripper_open: (m,) 1 open, 0 closed.
        keyframes: numbers of the keyframes.
        solved_there: variants of replaying that succeeded in the original from the same start.
        replayed_there: variants that the original tried from the same start.
        front_rgb: (h, w, 3) uint8, first frame of the front camera.
        front_depth: (h, w) float64 [m], planar.
        camera: the front camera, in this project's convention.
    """

    task: str
    key: str
    episode: int
    variation: int
    base_pose: FloatArray
    object_poses: Mapping[str, FloatArray]
    frames: NDArray[np.int64]
    gripper_poses: FloatArray
    gripper_open: FloatArray
    keyframes: NDArray[np.int64]
    solved_there: tuple[str, ...]
    replayed_there: tuple[str, ...]
    front_rgb: NDArray[np.uint8]
    front_depth: FloatArray
    camera: Camera

    def keyposes(self, variant: str) -> FloatArray:
        """Keyposes (n, 9) of a variant of replaying. All ignore collisions, as the original's replays did."""
        return _VARIANTS[variant](self)

    def _actions(self, frames: list[int], *, clipped: bool) -> FloatArray:
        rows = np.searchsorted(self.frames, frames)
        poses = self.gripper_poses[rows].copy()
        if clipped:
            poses[:, :3] = np.clip(poses[:, :3], WORKSPACE_LOWER, WORKSPACE_UPPER)
        poses[:, 3:] /= np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
        flags = np.stack([(self.gripper_open[rows] > 0.5).astype(np.float64), np.ones(len(rows))], axis=1)
        return np.concatenate([poses, flags], axis=1)


def _strict(recording: Recording) -> FloatArray:
    return recording._actions(recording.keyframes.tolist(), clipped=False)


def _hold(recording: Recording) -> FloatArray:
    frames = recording.keyframes.tolist()
    return recording._actions(frames + frames[-1:] * (_HOLD_ACTIONS - len(frames)), clipped=True)


def _dense(recording: Recording) -> FloatArray:
    keyframes = recording.keyframes.tolist()
    frames = sorted({*keyframes, *range(_DENSE_STRIDE, keyframes[-1], _DENSE_STRIDE)})
    return recording._actions(frames + frames[-1:] * _DENSE_REPEATS, clipped=True)


_VARIANTS: Mapping[str, Callable[[Recording], FloatArray]] = {"strict": _strict, "hold": _hold, "dense10": _dense}
VARIANTS = tuple(_VARIANTS)
"""Variants of replaying: ``strict`` sends the keyframes as they are; ``hold`` clips them into the workspace and repeats the last one up
to 25 actions; ``dense10`` adds every tenth frame and repeats the last keyframe 15 times."""


def recorded_tasks(folder: Path) -> dict[str, Path]:
    """Tasks of which a folder has recordings, and their files.

    Raises:
        InvalidOptionError: there is no such folder, or no recording in it.
    """
    if not folder.is_dir():
        raise InvalidOptionError(f"{folder} is no folder; recordings are a folder with one <task>.npz a task")
    files = {file.stem: file for file in sorted(folder.glob("*.npz"))}
    if not files:
        raise InvalidOptionError(f"{folder} holds no recordings, which are files <task>.npz")
    return files


def read_recordings(file: Path) -> Iterator[Recording]:
    """The demonstrations of one file, in order, one in memory at a time.

    Raises:
        InvalidOptionError: the file is no recording.
    """
    try:
        # Opened here: numpy leaves a file open that it cannot read.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            meta = json.loads(bytes(arrays["meta_json"]).decode())
            for episode in meta["episodes"]:
                yield _recording(arrays, str(meta["task"]), episode)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidOptionError(
            f"{file} is no file of recorded demonstrations (an .npz of numbers with 'meta_json'): {type(error).__name__}: {error}"
        ) from error


def _recording(arrays: Mapping[str, Any], task: str, episode: Mapping[str, Any]) -> Recording:
    key = str(episode["key"])

    def numbers(name: str) -> FloatArray:
        return np.asarray(arrays[f"{key}.{name}"], dtype=np.float64)

    replays = [replay for replay in episode["replays"] if replay["same_start"] and replay["variant"] in _VARIANTS]
    depth = numbers("front_depth_mm") / 1000.0
    keyframes = np.asarray(arrays[f"{key}.keyframes"], dtype=np.int64)
    frames = np.asarray(arrays[f"{key}.frame_index"], dtype=np.int64)
    if not len(keyframes) or not np.isin(keyframes, frames).all():
        raise ValueError(f"episode {key} has no keyframes, or not all of them are stored")
    return Recording(
        task=task,
        key=key,
        episode=int(episode["episode"]),
        variation=int(episode["variation"]),
        base_pose=_unit(numbers("base_pose")),
        object_poses={
            str(name): _unit(pose) for name, pose in zip(episode["object_names"], numbers("object_poses"), strict=True)
        },
        frames=frames,
        gripper_poses=numbers("gripper_pose"),
        gripper_open=numbers("gripper_open"),
        keyframes=keyframes,
        solved_there=tuple(v for v in VARIANTS if any(r["variant"] == v and r["success"] for r in replays)),
        replayed_there=tuple(v for v in VARIANTS if any(r["variant"] == v for r in replays)),
        front_rgb=np.asarray(arrays[f"{key}.front_rgb"], dtype=np.uint8),
        front_depth=depth,
        camera=camera_from_original(arrays["front_intrinsics"], arrays["front_extrinsics"], *depth.shape),
    )


def _unit(pose: FloatArray) -> FloatArray:
    unit = pose.copy()
    unit[3:] /= np.linalg.norm(unit[3:])
    return unit
