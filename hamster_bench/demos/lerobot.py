"""Demonstrations as a LeRobotDataset of version 3.0, which LeRobot's own classes read and train from.

meta/info.json                                 features, sizes, where the rest lies
meta/tasks.parquet                             number of each instruction
meta/episodes/chunk-000/file-000.parquet       where each episode lies, and its statistics
meta/stats.json                                statistics of the whole
data/chunk-000/file-000.parquet                all numbers, one row a frame
videos/<key>/chunk-000/file-000.mp4            many episodes in one film
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import Demo
from hamster_bench.demos.exporting import complete_images, new_directory
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.contract import CONTROL_RATE, action_range
from hamster_bench.errors import InvalidOptionError, MissingDependencyError
from hamster_bench.scenario import Scenario

PICTURES = ("video", "image")

_VERSION = "v3.0"
_FPS = int(CONTROL_RATE)
# Where files end and the next begins, and files in a folder: LeRobot's own defaults.
_DATA_MEGABYTES, _VIDEO_MEGABYTES, _CHUNK_FILES = 100, 200, 1000
_QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
# Every n-th pixel in each direction is enough to know the mean colour.
_PIXEL_STRIDE = 4
# Visually lossless; a frame that can be reached directly at every second one, as LeRobot encodes, for quick random access.
_ENCODING = ["-crf", "18", "-g", "2"]

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
    _pyarrow()
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
                "video.fps": _FPS,
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
        self._films = {key: _Films(folder / "videos" / key) for key, kind in features.items() if kind["dtype"] == "video"}
        self._tables = _Tables(folder / "data", _schema(features))
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
        stats = {key: _stats(columns[key], self._features[key]["dtype"]) for key in self._features}
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

        pa, pq = _pyarrow()
        meta = self._folder / "meta"
        episodes = meta / "episodes" / "chunk-000" / "file-000.parquet"
        episodes.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self._episodes), episodes)
        pd.DataFrame({"task_index": list(self._tasks.values())}, index=list(self._tasks)).to_parquet(meta / "tasks.parquet")
        stats = {
            key: {name: value.tolist() for name, value in _aggregated([s[key] for s in self._stats]).items()}
            for key in self._features
        }
        (meta / "stats.json").write_text(json.dumps(stats, indent=1), encoding="utf-8")
        info = {
            "codebase_version": _VERSION,
            "robot_type": "panda",
            "total_episodes": len(self._episodes),
            "total_frames": self._frames,
            "total_tasks": len(self._tasks),
            "chunks_size": _CHUNK_FILES,
            "data_files_size_in_mb": _DATA_MEGABYTES,
            "video_files_size_in_mb": _VIDEO_MEGABYTES,
            "fps": _FPS,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4" if self._films else None,
            "features": self._features,
        }
        (meta / "info.json").write_text(json.dumps(info, indent=1), encoding="utf-8")


@dataclass
class _Files:
    """Numbered files in numbered folders."""

    folder: Path
    suffix: str
    number: int = -1

    def next(self) -> Path:
        self.number += 1
        file = self.folder / f"chunk-{self.chunk:03d}" / f"file-{self.index:03d}{self.suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @property
    def chunk(self) -> int:
        return self.number // _CHUNK_FILES

    @property
    def index(self) -> int:
        return self.number % _CHUNK_FILES


class _Tables:
    """The numbers of all frames, in Parquet files of limited size."""

    def __init__(self, folder: Path, schema: Any) -> None:
        self._files = _Files(folder, ".parquet")
        self._schema = schema
        self._writer: Any = None
        self._bytes = 0

    def add(self, columns: Mapping[str, Any]) -> dict[str, int]:
        pa, pq = _pyarrow()
        arrays = [_arrow(columns[name], self._schema.field(name).type) for name in self._schema.names]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        if self._writer is not None and self._bytes + table.nbytes > _DATA_MEGABYTES * 2**20:
            self.close()
        if self._writer is None:
            self._writer, self._bytes = pq.ParquetWriter(self._files.next(), self._schema, compression="zstd"), 0
        self._writer.write_table(table)
        self._bytes += table.nbytes
        return {"data/chunk_index": self._files.chunk, "data/file_index": self._files.index}

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


@dataclass
class _Films:
    """What one camera has seen in all episodes, in films of limited size."""

    folder: Path
    _files: _Files = field(init=False)
    _file: Path | None = None
    _encoder: Any = None
    _frames: int = 0

    def __post_init__(self) -> None:
        self._files = _Files(self.folder, ".mp4")

    def add(self, rgb: NDArray[np.uint8]) -> dict[str, Any]:
        if self._file is not None and self._file.stat().st_size > _VIDEO_MEGABYTES * 2**20:
            self.close()
        if self._encoder is None:
            self._open(rgb.shape[2], rgb.shape[1])
        first = self._frames
        for frame in rgb:
            self._encoder.send(np.ascontiguousarray(frame).tobytes())
        self._frames += len(rgb)
        return {
            "chunk_index": self._files.chunk,
            "file_index": self._files.index,
            "from_timestamp": first / _FPS,
            "to_timestamp": self._frames / _FPS,
        }

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
            self._file, self._encoder = None, None

    def _open(self, width: int, height: int) -> None:
        import imageio_ffmpeg

        self._file, self._frames = self._files.next(), 0
        self._encoder = imageio_ffmpeg.write_frames(
            str(self._file),
            (width, height),
            fps=_FPS,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            output_params=_ENCODING,
        )
        self._encoder.send(None)


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
        "timestamp": (numbers / _FPS).astype(np.float32),
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


def _schema(features: Mapping[str, dict[str, Any]]) -> Any:
    pa, _ = _pyarrow()

    def kind(feature: Mapping[str, Any]) -> Any:
        if feature["dtype"] == "image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        scalar = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}[feature["dtype"]]
        shape = feature["shape"]
        if shape == [1]:
            return scalar
        return pa.list_(scalar, shape[0]) if len(shape) == 1 else pa.list_(pa.list_(scalar))

    return pa.schema([(key, kind(feature)) for key, feature in features.items() if feature["dtype"] != "video"])


def _arrow(column: NDArray[Any], kind: Any) -> Any:
    pa, _ = _pyarrow()
    if pa.types.is_struct(kind):
        return pa.array([{"bytes": _png(picture), "path": None} for picture in column], kind)
    if column.ndim == 1:
        return pa.array(column, kind)
    if column.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel(), kind.value_type), column.shape[1])
    rows, height, width = column.shape
    lines = pa.ListArray.from_arrays(np.arange(0, column.size + 1, width, dtype=np.int32), pa.array(column.ravel()))
    return pa.ListArray.from_arrays(np.arange(0, rows * height + 1, height, dtype=np.int32), lines)


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, format="PNG", compress_level=1)
    return data.getvalue()


def _stats(column: NDArray[Any], kind: str) -> dict[str, NDArray[Any]]:
    """Statistics of a feature over the frames of an episode; of pictures by channel, (3, 1, 1), with 1 for full brightness."""
    if kind in ("video", "image"):
        sampled = column[:, ::_PIXEL_STRIDE, ::_PIXEL_STRIDE].reshape(-1, 3) / 255.0
        return {
            name: value if name == "count" else value.reshape(3, 1, 1) for name, value in _summary(sampled, len(column)).items()
        }
    return _summary(column.reshape(len(column), -1) if column.ndim == 1 else column, len(column))


def _summary(rows: NDArray[Any], count: int) -> dict[str, NDArray[Any]]:
    values = rows.astype(np.float64)
    summary: dict[str, NDArray[Any]] = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([count]),
    }
    return summary | dict(zip(_QUANTILES, np.quantile(values, list(_QUANTILES.values()), axis=0), strict=True))


def _aggregated(stats: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Statistics of all episodes; quantiles are means of the episodes' quantiles, as LeRobot aggregates them."""
    count = np.array([episode["count"][0] for episode in stats])

    def weighted(values: Iterable[NDArray[Any]]) -> NDArray[Any]:
        mean: NDArray[Any] = np.average(np.stack(list(values)), axis=0, weights=count)
        return mean

    mean = weighted(episode["mean"] for episode in stats)
    whole = {
        "min": np.min([episode["min"] for episode in stats], axis=0),
        "max": np.max([episode["max"] for episode in stats], axis=0),
        "mean": mean,
        "std": np.sqrt(weighted(episode["std"] ** 2 + (episode["mean"] - mean) ** 2 for episode in stats)),
        "count": np.array([count.sum()]),
    }
    return whole | {name: weighted(episode[name] for episode in stats) for name in _QUANTILES}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError("LeRobot's tables need pyarrow; install it with: pip install 'pyarrow>=18'") from error
    return pa, pq
