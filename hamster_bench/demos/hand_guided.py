"""Demonstrations of a robot that a person has led by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import CameraImages, Demo, Steps
from hamster_bench.demos.keyframes import KEYFRAME_RULES, Motion
from hamster_bench.envs.contract import CONTROL_RATE
from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.guiding import GuidedFrame
from hamster_bench.errors import InvalidOptionError, PathError
from hamster_bench.geometry import pose_compose
from hamster_bench.paths import Path2D
from hamster_bench.paths.projection import project_track
from hamster_bench.scenario import Scenario

# Frames that the person has marked, and those in which the gripper changed.
MARKED = "marked"
_FEWEST_FRAMES = 2


def guided_demo(
    frames: Sequence[GuidedFrame],
    scenario: Scenario,
    instruction: str,
    T_world_base: Sequence[float],
    versions: Mapping[str, str],
) -> Demo:
    """A demonstration made of what was recorded while a person led the arm.

    Its keyframes are those of every rule and, as ``marked``, the moments the person marked together with every change of the gripper and
    the end. Its paths are the gripper's way, projected into each camera's first picture: what an oracle would have said.

    Args:
        frames: recorded by `hamster_bench.envs.franka.guiding.guide`.
        scenario: what it is filed under.
        instruction: the task in words.
        T_world_base: pose (7,) of the robot's base.
        versions: of what made it.

    Raises:
        InvalidOptionError: fewer than two frames.
    """
    if len(frames) < _FEWEST_FRAMES:
        raise InvalidOptionError(f"a demonstration has at least {_FEWEST_FRAMES} frames, got {len(frames)}; was the arm moved?")
    joints = np.array([frame.joints for frame in frames])
    poses = np.array([pose_compose(T_world_base, kinematics.tip_pose(frame.joints)) for frame in frames])
    is_open = np.array([frame.gripper_open for frame in frames])
    ticks = np.maximum.accumulate(np.round(np.array([frame.time for frame in frames]) * CONTROL_RATE).astype(np.int64))
    # Numbers of control steps increase strictly, also where two frames were taken within one.
    ticks = np.maximum.accumulate(ticks - np.arange(len(ticks))) + np.arange(len(ticks))
    following = np.concatenate([joints[1:], joints[-1:]]), np.concatenate([is_open[1:], is_open[-1:]])
    steps = Steps(
        control_step=ticks - ticks[0],
        joint_positions=joints,
        joint_velocities=np.array([frame.joint_velocities for frame in frames]),
        gripper_pose=poses,
        gripper_open=is_open,
        # Where the person led the arm next stands for the target that an expert would have given.
        actions=np.concatenate([following[0], following[1][:, None].astype(np.float64)], axis=1),
        on_path=np.zeros(len(frames), dtype=bool),
        ignore_collisions=np.ones(len(frames), dtype=bool),
    )
    motion = Motion(steps.gripper_open, steps.joint_velocities, poses[:, :3], steps.on_path)
    keyframes = {rule: KEYFRAME_RULES.get(rule)(motion).astype(np.int64) for rule in KEYFRAME_RULES.names()}
    changes = np.flatnonzero(is_open[1:] != is_open[:-1]) + 1
    marked = np.flatnonzero([frame.keypose for frame in frames])
    keyframes[MARKED] = np.unique(np.concatenate([marked, changes, [len(frames) - 1]])).astype(np.int64)
    cameras = frames[0].views
    images = {name: _images(frames, name) for name in cameras}
    paths = {name: path for name in cameras if (path := _path(poses, is_open, frames, name)) is not None}
    return Demo(
        scenario=scenario,
        instruction=instruction,
        instructions=(instruction,),
        steps=steps,
        images=images,
        keyframes=keyframes,
        paths=paths,
        versions=dict(versions),
    )


def _images(frames: Sequence[GuidedFrame], name: str) -> CameraImages:
    views = [frame.views[name] for frame in frames]
    return CameraImages(
        frames=np.arange(len(frames), dtype=np.int64),
        rgb=np.array([view.frame.rgb for view in views]),
        depth=np.array([view.frame.depth for view in views]),
        intrinsics=np.array([view.camera.intrinsics for view in views]),
        extrinsics=np.array([view.camera.T_world_camera for view in views]),
    )


def _path(poses: NDArray[np.float64], is_open: NDArray[np.bool_], frames: Sequence[GuidedFrame], name: str) -> Path2D | None:
    try:
        return project_track(poses[:, :3], is_open, frames[0].views[name].camera).simplified()
    except PathError:
        return None
