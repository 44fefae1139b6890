"""One demonstration: what the expert did in one scenario, as policies learn from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.geometry import Camera
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Steps:
    """What is known of every frame of a demonstration besides its images; T frames.

    As in RLBench's demonstrations, frames in which the arm only waits, above all for the fingers, are left out; `control_step` tells
    where.

    Attributes:
        control_step: (T,) int64, number of 0.05 s control steps since the start of the episode; strictly increasing from 0.
        joint_positions: (T, 7) float64 [rad].
        joint_velocities: (T, 7) float64 [rad/s].
        gripper_pose: (T, 7) float64, x y z [m] qx qy qz qw of the tip, world frame.
        gripper_open: (T,) bool.
        actions: (T, 8) float64, the ``joint_position`` action taken at each frame: 7 joint targets [rad] and the gripper opening, 0 to 1.
            Nothing follows the last frame, whose action repeats the one that led there.
        on_path: (T,) bool, whether the motion that led to the frame follows a Cartesian path waypoint.
        ignore_collisions: (T,) bool, whether that motion was planned without collision checks.
    """

    control_step: NDArray[np.int64]
    joint_positions: NDArray[np.float64]
    joint_velocities: NDArray[np.float64]
    gripper_pose: NDArray[np.float64]
    gripper_open: NDArray[np.bool_]
    actions: NDArray[np.float64]
    on_path: NDArray[np.bool_]
    ignore_collisions: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.control_step)


# Type and shape after the first axis of every array of `Steps`.
STEP_ARRAYS: Mapping[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "control_step": (np.int64, ()),
    "joint_positions": (np.float64, (7,)),
    "joint_velocities": (np.float64, (7,)),
    "gripper_pose": (np.float64, (7,)),
    "gripper_open": (np.bool_, ()),
    "actions": (np.float64, (8,)),
    "on_path": (np.bool_, ()),
    "ignore_collisions": (np.bool_, ()),
}


@dataclass(frozen=True, eq=False)
class CameraImages:
    """What one camera saw in F frames of a demonstration.

    Attributes:
        frames: (F,) int64, indices of these frames among the demonstration's T, strictly increasing.
        rgb: (F, H, W, 3) uint8.
        depth: (F, H, W) float32 [m], planar.
        intrinsics: (F, 3, 3) float64 [pixel].
        extrinsics: (F, 4, 4) float64, T_world_camera.
    """

    frames: NDArray[np.int64]
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    intrinsics: NDArray[np.float64]
    extrinsics: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    def row(self, frame: int) -> int:
        """Which row of the arrays holds this frame of the demonstration.

        Raises:
            InvalidOptionError: there is no image of it.
        """
        row = int(np.searchsorted(self.frames, frame))
        if row == len(self.frames) or self.frames[row] != frame:
            raise InvalidOptionError(f"frame {frame} has no image here; there are images of the frames {self.frames.tolist()}")
        return row

    def camera(self, frame: int) -> Camera:
        """Intrinsics and pose of the camera in a frame of the demonstration.

        Raises:
            InvalidOptionError: there is no image of it.
        """
        row = self.row(frame)
        height, width = self.depth.shape[1:]
        return Camera(width=width, height=height, intrinsics=self.intrinsics[row], T_world_camera=self.extrinsics[row])


@dataclass(frozen=True, eq=False, kw_only=True)
class Demo:
    """One demonstration.

    Attributes:
        scenario: the episode.
        instruction: the phrasing drawn for the scenario, which an agent in this scenario would be given.
        instructions: all phrasings.
        steps: every frame without its images.
        images: of each camera, by name; of all frames or of some, as was recorded and as was asked for when reading.
        keyframes: indices (k,) of frames by each keyframe rule's name.
        paths: the oracle's path in the first frame of each camera; cameras that see nothing of the motion are missing.
        versions: of what made it: this package, engine, assets, libraries.
    """

    scenario: Scenario
    instruction: str
    instructions: tuple[str, ...]
    steps: Steps
    images: Mapping[str, CameraImages]
    keyframes: Mapping[str, NDArray[np.int64]]
    paths: Mapping[str, Path2D]
    versions: Mapping[str, str]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.steps)

    def keyframes_of(self, rule: str) -> NDArray[np.int64]:
        """Indices (k,) of the keyframes by a rule.

        Raises:
            UnknownNameError: the demonstration has no keyframes by this rule.
        """
        if rule not in self.keyframes:
            raise UnknownNameError("keyframe rule", rule, self.keyframes)
        return self.keyframes[rule]

    def keyposes(self, rule: str) -> NDArray[np.float64]:
        """The keyframes of a rule as ``keypose`` actions (k, 9).

        Raises:
            UnknownNameError: the demonstration has no keyframes by this rule.
        """
        return keyposes(self.steps, self.keyframes_of(rule))

    def digest(self) -> str:
        """SHA-256 [hexadecimal] of everything but the versions; equal whenever the content is, however it is stored."""
        digest = hashlib.sha256()
        described = {
            "scenario": self.scenario.id,
            "instruction": self.instruction,
            "instructions": list(self.instructions),
            "paths": {camera: path.to_json() for camera, path in self.paths.items()},
        }
        digest.update(json.dumps(described, sort_keys=True).encode())
        for field in fields(self.steps):
            _feed(digest, field.name, getattr(self.steps, field.name))
        for rule in sorted(self.keyframes):
            _feed(digest, f"keyframes/{rule}", self.keyframes[rule])
        for camera in sorted(self.images):
            for field in fields(self.images[camera]):
                _feed(digest, f"{camera}/{field.name}", getattr(self.images[camera], field.name))
        return digest.hexdigest()


def keyposes(steps: Steps, frames: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float64]:
    """Frames as ``keypose`` actions (k, 9): where the gripper is, whether it is open, whether the way there ignores collisions.

    Positions are clipped into the workspace, as in RVT's evaluation.
    """
    chosen = np.asarray(frames, dtype=np.int64)
    position = np.clip(steps.gripper_pose[chosen, :3], WORKSPACE_LOWER, WORKSPACE_UPPER)
    quat_xyzw = steps.gripper_pose[chosen, 3:]
    quat_xyzw = quat_xyzw / np.linalg.norm(quat_xyzw, axis=1, keepdims=True)
    flags = np.stack([steps.gripper_open[chosen], steps.ignore_collisions[chosen]], axis=1).astype(np.float64)
    return np.concatenate([position, quat_xyzw, flags], axis=1)


def _feed(digest: hashlib._Hash, name: str, array: NDArray[np.generic]) -> None:
    little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest.update(f"\n{name} {little_endian.dtype.str} {little_endian.shape}\n".encode())
    digest.update(little_endian.data)
