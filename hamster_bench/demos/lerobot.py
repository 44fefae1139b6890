"""Demonstrations as a LeRobotDataset of version 3.0, which LeRobot's own classes read and train from.

meta/info.json                                 features, sizes, where the rest lies
meta/tasks.parquet                             number of each instruction
meta/episodes/chunk-000/file-000.parquet       where each episode lies, and its statistics
meta/stats.json                                statistics of the whole
data/chunk-000/file-000.parquet                all numbers, one row a frame
videos/<key>/chunk-000/file-000.mp4            many episodes in one film
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import Demo
from hamster_bench.demos.exporting import complete_images, new_directory
from hamster_bench.demos.lerobot_files import CHUNK_FILES, DATA_MEGABYTES, FPS, VIDEO_MEGABYTES, Films, Tables, pyarrow_modules
from hamster_bench.demos.lerobot_statistics import aggregated, stats_of
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.contract import action_range
from hamster_bench.errors import InvalidOptionError
from hamster_bench.scenario import Scenario

PICTURES = ("video", "image")

_VERSION = "v3.0"

_JOINTS = [f"joint{i}" for i in range(1, 8)]
_POSE = ["x", "y", "z", "qx", "qy", "qz", "qw"]

Stats = dict[str, dict[str, NDArray[Any]]]


def export_lerobot(
    store: DemoStore,
    out: Path,
    scenarios: Iterable[Scenario] | None = None,
    *,
    pictures: str = "video",
    depth: bool = False,
    report: Callable[[Scenario], None] = lambda scenario: None,
) -> int:
    """Exports demonstrations into a new directory; gives their number.

    ``observation.state`` is the 7 joint positions [rad] and the gripper (1 open), ``action`` the ``joint_position`` action. Frames follow
    each other at 20 a second; ``control_step`` says where frames of waiting were left out. Columns ``scenario`` and ``path.<camera>`` of
    the episodes' table hold the scenario's id and the oracle's path (JSON, fractions of the image).

    Args:
        store: the demonstrations.
        out: where to; appears when all is written.
        scenarios: which; all by default.
        pictures: ``"video"`` (H.264, small) or ``"image"`` (PNG inside the tables, without loss).
        depth: also ``observation.depth.<camera>``, float32 [m].
        report: called with each one done.

    Raises:
        StoreError: one cannot be read, or the directory exists or cannot be written.
        InvalidOptionError: there are no demonstrations, they have images of keyframes only, or images of odd size are to become a film.
        MissingDependencyError: pyarrow is not installed.
    """
    if pictures not in PICTURES:
        raise InvalidOptionError(f"pictures must be one of {', '.join(PICTURES)}, got {pictures!r}")
    complete_images(store, "a LeRobotDataset")
    chosen = tuple(store.scenarios() if scenarios is None else scenarios)
    if not chosen:
        raise InvalidOptionError(f"{store.directory} holds no demonstrations to export")
    height, width = store.settings.image_size
    if pictures == "video" and (height % 2 or width % 2):
        raise InvalidOptionError(f"films have an even height and width, the images are {height} x {width}; use pictures='image'")
    pyarrow_modules()
    features = _features(store, pictures, depth)
    with new_directory(out) as folder:
        writer = _Writer(folder, features)
        try:
            for scenario in chosen:
                writer.add(store.read(scenario))
                report(scenario)
        finally:
            writer.close()
        writer.finish()
    return len(chosen)


def _features(store: DemoStore, pictures: str, depth: bool) -> dict[str, dict[str, Any]]:
    def numbers(kind: str, names: Sequence[str] | None, count: int = 1) -> dict[str, Any]:
        return {"dtype": kind, "shape": [count], "names": list(names) if names else None}

    height, width = store.settings.image_size
    features: dict[str, dict[str, Any]] = {
        "observation.state": numbers("float32", [*_JOINTS, "gripper_open"], 8),
        "observation.joint_velocities": numbers("float32", _JOINTS, 7),
        "observation.gripper_pose": numbers("float32", _POSE, 7),
        "action": numbers("float32", action_range("joint_position").names, 8),
        "control_step": numbers("int64", None),
        "next.done": numbers("bool", None),
    }
    features |= {f"keyframe.{rule}": numbers("bool", None) for rule in next(iter(store.headers())).keyframes}
    for camera in store.settings.cameras:
        shape = {"shape": [height, width, 3], "names": ["height", "width", "channels"]}
        features[f"observation.images.{camera}"] = {"dtype": pictures} | shape
        if pictures == "video":
            features[f"observation.images.{camera}"]["info"] = {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": FPS,
                "video.channels": 3,
                "has_audio": False,
            }
        if depth:
            features[f"observation.depth.{camera}"] = {"dtype": "float32", "shape": [height, width], "names": ["height", "width"]}
    for name, kind in (
        ("timestamp", "float32"),
        *((n, "int64") for n in ("frame_index", "episode_index", "index", "task_index")),
    ):
        features[name] = numbers(kind, None)
    return features


class _Writer:
    """Writes one dataset, episode by episode."""

    def __init__(self, folder: Path, features: dict[str, dict[str, Any]]) -> None:
        self._folder = folder
        self._features = features
        self._films = {key: Films(folder / "videos" / key) for key, kind in features.items() if kind["dtype"] == "video"}
        self._tables = Tables(folder / "data", features)
        self._tasks: dict[str, int] = {}
        self._episodes: list[dict[str, Any]] = []
        self._stats: list[Stats] = []
        self._frames = 0

    def add(self, demo: Demo) -> None:
        task = self._tasks.setdefault(demo.instruction, len(self._tasks))
        columns = _columns(demo, len(self._episodes), self._frames, task, self._features)
        episode: dict[str, Any] = {
            "episode_index": len(self._episodes),
            "tasks": [demo.instruction],
            "length": len(demo),
            "dataset_from_index": self._frames,
            "dataset_to_index": self._frames + len(demo),
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
            "scenario": demo.scenario.id,
        }
        for camera in demo.images:
            path = demo.paths.get(camera)
            episode[f"path.{camera}"] = None if path is None else path.to_json()
        episode |= self._tables.add({key: column for key, column in columns.items() if key not in self._films})
        for key, films in self._films.items():
            episode |= {f"videos/{key}/{name}": value for name, value in films.add(columns[key]).items()}
        stats = {key: stats_of(columns[key], self._features[key]["dtype"]) for key in self._features}
        for key, values in stats.items():
            episode |= {f"stats/{key}/{name}": value.tolist() for name, value in values.items()}
        self._stats.append(stats)
        self._episodes.append(episode)
        self._frames += len(demo)

    def close(self) -> None:
        self._tables.close()
        for films in self._films.values():
            films.close()

    def finish(self) -> None:
        import pandas as pd

        pa, pq = pyarrow_modules()
        meta = self._folder / "meta"
        episodes = meta / "episodes" / "chunk-000" / "file-000.parquet"
        episodes.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self._episodes), episodes)
        pd.DataFrame({"task_index": list(self._tasks.values())}, index=list(self._tasks)).to_parquet(meta / "tasks.parquet")
        stats = {
            key: {name: value.tolist() for name, value in aggregated([s[key] for s in self._stats]).items()}
            for key in self._features
        }
        (meta / "stats.json").write_text(json.dumps(stats, indent=1), encoding="utf-8")
        info = {
            "codebase_version": _VERSION,
            "robot_type": "panda",
            "total_episodes": len(self._episodes),
            "total_frames": self._frames,
            "total_tasks": len(self._tasks),
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": DATA_MEGABYTES,
            "video_files_size_in_mb": VIDEO_MEGABYTES,
            "fps": FPS,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4" if self._films else None,
            "features": self._features,
        }
        (meta / "info.json").write_text(json.dumps(info, indent=1), encoding="utf-8")


def _columns(demo: Demo, episode: int, first: int, task: int, features: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of an episode, one row a frame, by feature."""
    steps, count = demo.steps, len(demo)
    numbers = np.arange(count)
    columns: dict[str, Any] = {
        "observation.state": np.concatenate([steps.joint_positions, steps.gripper_open[:, None]], axis=1, dtype=np.float32),
        "observation.joint_velocities": steps.joint_velocities.astype(np.float32),
        "observation.gripper_pose": steps.gripper_pose.astype(np.float32),
        "action": steps.actions.astype(np.float32),
        "control_step": steps.control_step,
        "next.done": numbers == count - 1,
        "timestamp": (numbers / FPS).astype(np.float32),
        "frame_index": numbers,
        "episode_index": np.full(count, episode),
        "index": numbers + first,
        "task_index": np.full(count, task),
    }
    columns |= {f"keyframe.{rule}": np.isin(numbers, keyframes) for rule, keyframes in demo.keyframes.items()}
    for camera, images in demo.images.items():
        columns[f"observation.images.{camera}"] = images.rgb
        columns[f"observation.depth.{camera}"] = images.depth
    return {key: columns[key] for key in features}
