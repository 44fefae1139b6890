"""Reads demonstrations that RLBench and THE COLOSSEUM have recorded: folders of PNG images and pickled observations."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench import __version__
from hamster_bench.demos.demo import CameraImages, Demo, Steps
from hamster_bench.demos.keyframes import KEYFRAME_RULES
from hamster_bench.demos.recording import motion_of
from hamster_bench.demos.restricted_pickle import BrokenPickleError, Record, load_restricted
from hamster_bench.demos.rlbench_sets import task_and_factor
from hamster_bench.envs.contract import JOINT_LOWER, JOINT_UPPER
from hamster_bench.envs.rlbench.conversion import camera_from_original, depth_from_png, depth_in_metres, joints_from_original
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, PathError
from hamster_bench.paths import Path2D
from hamster_bench.paths.projection import project_track
from hamster_bench.scenario import Scenario

CAMERAS = ("front", "left_shoulder", "right_shoulder", "overhead", "wrist")
_LOW_DIM = "low_dim_obs.pkl"
_DESCRIPTIONS = "variation_descriptions.pkl"
_VARIATION = "variation_number.pkl"
_EPISODE = re.compile(r"episode(\d+)", re.ASCII)
_VARIATION_FOLDER = re.compile(r"variation(\d+)", re.ASCII)
_DECODERS = min(4, os.cpu_count() or 1)


class RecordedDemoError(HamsterBenchError):
    """A recorded episode is not complete or not of the form it should have."""


@dataclass(frozen=True, order=True)
class RecordedEpisode:
    """Where a recorded episode lies, and which scenario stands for it.

    Attributes:
        scenario: task and factor by the folder's name, RLBench variation, number of the episode.
        folder: of the episode.
    """

    scenario: Scenario
    folder: Path


def find_episodes(folder: Path, seed: int = 0) -> tuple[RecordedEpisode, ...]:
    """Every recorded episode below a folder, by task and scenario.

    Folders are ``<task>`` or ``<task>_<number of the factor set>``, then ``variation<k>`` or ``all_variations`` or nothing, ``episodes``
    and ``episode<n>``.

    Args:
        folder: of a data set, or of one task of it.
        seed: base seed of the scenarios that stand for the episodes; their draws are the recorded ones all the same.

    Raises:
        InvalidOptionError: there is no episode.
        UnsafePickleError: the number of a variation is something else.
    """
    found = []
    for file in sorted(folder.glob(f"**/{_LOW_DIM}")) if folder.is_dir() else ():
        match = _EPISODE.fullmatch(file.parent.name)
        if match is not None and file.parent.parent.name == "episodes":
            found.append(RecordedEpisode(_scenario(file.parent, int(match[1]), seed), file.parent))
    if not found:
        raise InvalidOptionError(
            f"{folder} holds no recorded episodes; they lie in <task>/variation0/episodes/episode0 with a {_LOW_DIM} each"
        )
    return tuple(sorted(found))


def read_episode(episode: RecordedEpisode, cameras: Sequence[str] | None = None, *, every_image: bool = True) -> Demo:
    """One recorded episode as a demonstration in this project's frames and units.

    RLBench does not record the steps in which only the fingers move, so control steps are counted by frames; it tells neither which
    motion follows a path nor, but in PerAct's branch, which one ignores collisions.

    Args:
        episode: where it lies.
        cameras: whose images to read; all that were recorded by default.
        every_image: keep those of all frames; otherwise of the first one and of all keyframes.

    Raises:
        RecordedDemoError: it is not complete.
        UnsafePickleError: a pickle names something that is no part of a demonstration; nothing of it was run.
        BrokenPickleError: a pickle cannot be read.
    """
    folder = episode.folder
    observations = _observations(folder)
    steps = _steps(folder, observations)
    motion = motion_of(steps)
    keyframes = {rule: KEYFRAME_RULES.get(rule)(motion).astype(np.int64) for rule in KEYFRAME_RULES.names()}
    chosen = list(range(len(steps))) if every_image else np.unique(np.concatenate([[0], *keyframes.values()])).tolist()
    images = {
        camera: _images(folder, camera, observations, chosen)
        for camera in (recorded_cameras(folder) if cameras is None else cameras)
    }
    instructions = _instructions(folder, episode.scenario)
    return Demo(
        scenario=episode.scenario,
        instruction=instructions[0],
        instructions=instructions,
        steps=steps,
        images=images,
        keyframes=keyframes,
        paths=_paths(steps, images),
        versions={"hamster_bench": __version__, "engine": "coppeliasim"},
    )


def recorded_cameras(folder: Path) -> tuple[str, ...]:
    """Cameras with colour and depth in an episode's folder."""
    return tuple(name for name in CAMERAS if (folder / f"{name}_rgb").is_dir() and (folder / f"{name}_depth").is_dir())


def image_size(folder: Path, camera: str) -> tuple[int, int]:
    """Height and width [pixel] of a camera's images in an episode's folder.

    Raises:
        RecordedDemoError: it has no first image.
    """
    pixels = _decoded(folder / f"{camera}_rgb" / "0.png")
    return int(pixels.shape[0]), int(pixels.shape[1])


def _scenario(folder: Path, number: int, seed: int) -> Scenario:
    above = folder.parent.parent
    match = _VARIATION_FOLDER.fullmatch(above.name)
    variation = int(match[1]) if match else 0
    if (folder / _VARIATION).exists():
        held = load_restricted(folder / _VARIATION)
        if isinstance(held, bool) or not isinstance(held, (int, np.integer)):
            raise BrokenPickleError(f"{folder / _VARIATION} holds no number")
        variation = int(held)
    name = (above.parent if match or above.name == "all_variations" else above).name
    task, factor = task_and_factor(name)
    return Scenario(task=task, variation=variation, factor=factor, episode=number, seed=seed)


def _observations(folder: Path) -> list[Record]:
    demo = load_restricted(folder / _LOW_DIM)
    observations = demo.get("_observations") if isinstance(demo, Record) else demo
    if not isinstance(observations, list) or not observations or not all(isinstance(seen, Record) for seen in observations):
        raise RecordedDemoError(f"{folder / _LOW_DIM} holds no list of observations")
    return observations


def _steps(folder: Path, observations: Sequence[Record]) -> Steps:
    def column(name: str, width: int) -> NDArray[np.float64]:
        values = [seen.get(name) for seen in observations]
        try:
            array = np.array(values, dtype=np.float64).reshape(len(observations), width)
        except (TypeError, ValueError) as error:
            raise RecordedDemoError(f"{folder}: not every observation has {name} ({width} numbers)") from error
        if not np.isfinite(array).all():
            raise RecordedDemoError(f"{folder}: {name} holds what is no number")
        return array

    joints = joints_from_original(column("joint_positions", 7))
    is_open = column("gripper_open", 1)[:, 0] > 0.5
    targets = joints.copy()
    for number, seen in enumerate(observations):
        command = _command(seen)
        if command is not None:
            targets[number] = joints_from_original(command)
    # A frame is what the command before it led to.
    following = np.minimum(np.arange(len(observations)) + 1, len(observations) - 1)
    actions = np.concatenate(
        [np.clip(targets[following], JOINT_LOWER, JOINT_UPPER), is_open[following, None].astype(np.float64)], axis=1
    )
    ignoring = [bool(seen.get("ignore_collisions") or False) for seen in observations]
    return Steps(
        control_step=np.arange(len(observations), dtype=np.int64),
        joint_positions=joints,
        joint_velocities=column("joint_velocities", 7),
        gripper_pose=column("gripper_pose", 7),
        gripper_open=is_open,
        actions=actions,
        on_path=np.zeros(len(observations), dtype=np.bool_),
        ignore_collisions=np.array(ignoring, dtype=np.bool_),
    )


def _command(seen: Record) -> NDArray[np.float64] | None:
    """Joint targets (7,) that led to a frame, where it was recorded; RLBench of 2024 has another name for it and adds the gripper."""
    for name, size in (("executed_demo_joint_position_action", 7), ("joint_position_action", 8)):
        command = _misc(seen).get(name)
        if isinstance(command, np.ndarray) and command.shape == (size,) and np.isfinite(command).all():
            return command[:7]
    return None


def _misc(seen: Record) -> Mapping[str, Any]:
    misc = seen.get("misc")
    return misc if isinstance(misc, dict) else {}


def _images(folder: Path, camera: str, observations: Sequence[Record], chosen: Sequence[int]) -> CameraImages:
    for kind in ("rgb", "depth"):
        count = len(list((folder / f"{camera}_{kind}").glob("*.png")))
        if count != len(observations):
            raise RecordedDemoError(f"{folder / f'{camera}_{kind}'} has {count} images for {len(observations)} observations")
    files = [folder / f"{camera}_{kind}" / f"{number}.png" for kind in ("rgb", "depth") for number in chosen]
    # Decoding is most of the work, and other threads run meanwhile.
    with ThreadPoolExecutor(_DECODERS) as pool:
        parts = pool.map(lambda part: [_decoded(file) for file in part], [files[first::_DECODERS] for first in range(_DECODERS)])
        shared = list(parts)
    pixels = [shared[number % _DECODERS][number // _DECODERS] for number in range(len(files))]
    shapes = {image.shape for image in pixels}
    if len(shapes) > 1:
        raise RecordedDemoError(f"{folder}: the images of {camera} are of several sizes: {sorted(shapes)}")
    height, width = pixels[0].shape[:2]
    colours, codes = pixels[: len(chosen)], pixels[len(chosen) :]
    depth = np.empty((len(chosen), height, width), dtype=np.float32)
    intrinsics, extrinsics = np.empty((len(chosen), 3, 3)), np.empty((len(chosen), 4, 4))
    for row, number in enumerate(chosen):
        misc = _misc(observations[number])
        try:
            near, far = float(misc[f"{camera}_camera_near"]), float(misc[f"{camera}_camera_far"])
            seen = camera_from_original(misc[f"{camera}_camera_intrinsics"], misc[f"{camera}_camera_extrinsics"], height, width)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RecordedDemoError(f"{folder}: observation {number} does not tell where the camera {camera} is") from error
        depth[row] = depth_in_metres(depth_from_png(codes[row]), near, far)
        intrinsics[row], extrinsics[row] = seen.intrinsics, seen.T_world_camera
    return CameraImages(np.array(chosen, dtype=np.int64), np.array(colours, dtype=np.uint8), depth, intrinsics, extrinsics)


def _decoded(file: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(file, formats=("PNG",)) as image:
            return np.asarray(image.convert("RGB") if image.mode != "RGB" else image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RecordedDemoError(f"{file} cannot be read as a PNG image: {error}") from error


def _instructions(folder: Path, scenario: Scenario) -> tuple[str, ...]:
    for place in (folder, folder.parent.parent):
        if (place / _DESCRIPTIONS).exists():
            texts = load_restricted(place / _DESCRIPTIONS)
            if isinstance(texts, (list, tuple)) and texts and all(isinstance(text, str) for text in texts):
                return tuple(texts)
            raise RecordedDemoError(f"{place / _DESCRIPTIONS} holds no list of instructions")
    if scenario.task in TASKS and scenario.variation < TASKS.get(scenario.task).variation_count:
        return TASKS.get(scenario.task).instructions(scenario.variation)
    raise RecordedDemoError(f"{folder} has no {_DESCRIPTIONS}, and {scenario.task} is no task of this project")


def _paths(steps: Steps, images: Mapping[str, CameraImages]) -> dict[str, Path2D]:
    """The gripper's way in the first image of each camera that sees something of it."""
    paths = {}
    for name, seen in images.items():
        try:
            paths[name] = project_track(steps.gripper_pose[:, :3], steps.gripper_open, seen.camera(0)).simplified()
        except PathError:
            continue
    return paths


def episodes_in(folder: Path, seed: int = 0) -> Iterator[Demo]:
    """Every recorded episode below a folder, one in memory at a time; see `read_episode` and `find_episodes`."""
    for episode in find_episodes(folder, seed):
        yield read_episode(episode)
