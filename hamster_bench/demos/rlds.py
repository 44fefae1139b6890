"""Demonstrations as RLDS, the form OpenVLA's own scripts and Open X-Embodiment read, written without TensorFlow.

<name>/1.0.0/dataset_info.json
<name>/1.0.0/features.json
<name>/1.0.0/<name>-train.tfrecord-00000-of-00001
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.deltas import delta_actions
from hamster_bench.demos.demo import Demo
from hamster_bench.demos.exporting import complete_images, new_directory
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError
from hamster_bench.scenario import Scenario

DATA_SET = "hamster_bench"
_VERSION = "1.0.0"
_EPISODES_A_SHARD = 50
# Gripper tip: position [m] and quaternion xyzw, and whether it is open.
_STATE = 8

_FEATURES = "tensorflow_datasets.core.features"

Feature = Sequence[bytes] | NDArray[np.float32] | NDArray[np.int64]


def export_rlds(
    store: DemoStore,
    out: Path,
    scenarios: Iterable[Scenario] | None = None,
    report: Callable[[Scenario], None] = lambda scenario: None,
) -> int:
    """Exports demonstrations into a new directory; gives their number.

    A step holds ``observation/<camera>`` (PNG), ``observation/state`` (gripper pose and opening), ``action`` (``delta_pose``: the change of
    pose that follows, and the commanded opening), ``language_instruction``, and RLDS's reward, discount and flags. Frames in which nothing
    moves are left out.

    Args:
        store: the demonstrations.
        out: where to; appears when all is written.
        scenarios: which; all by default.
        report: called with each one done.

    Raises:
        StoreError: one cannot be read, or the directory exists or cannot be written.
        InvalidOptionError: the demonstrations have images of keyframes only, or there are none.
    """
    complete_images(store, "RLDS")
    chosen = list(store.scenarios() if scenarios is None else scenarios)
    if not chosen:
        raise InvalidOptionError(f"{store.directory} holds no demonstrations to export")
    shards = [chosen[first : first + _EPISODES_A_SHARD] for first in range(0, len(chosen), _EPISODES_A_SHARD)]
    size = 0
    with new_directory(out) as folder:
        place = folder / DATA_SET / _VERSION
        place.mkdir(parents=True)
        for number, shard in enumerate(shards):
            file = place / f"{DATA_SET}-train.tfrecord-{number:05d}-of-{len(shards):05d}"
            with file.open("wb") as stream:
                for scenario in shard:
                    for part in record(example(_episode(store.read(scenario), store.settings.cameras))):
                        size += stream.write(part)
                    report(scenario)
        information = _information(size, [len(shard) for shard in shards])
        (place / "dataset_info.json").write_text(json.dumps(information, indent=2), encoding="utf-8")
        features = _described(_structure(store.settings.cameras, store.settings.image_size))
        (place / "features.json").write_text(json.dumps(features, indent=2), encoding="utf-8")
    return len(chosen)


def example(features: Mapping[str, Feature]) -> bytes:
    """A ``tf.train.Example`` (protocol buffers, https://protobuf.dev/programming-guides/encoding) of named lists."""
    entries = []
    for name, values in sorted(features.items()):
        if isinstance(values, np.ndarray):
            floats = values.dtype == np.float32
            numbers = (
                values.astype("<f4").tobytes() if floats else b"".join(_varint(int(n) & (1 << 64) - 1) for n in values.ravel())
            )
            kind = _field(2 if floats else 3, _field(1, numbers))
        else:
            kind = _field(1, b"".join(_field(1, value) for value in values))
        entries.append(_field(1, _field(1, name.encode()) + _field(2, kind)))
    return _field(1, b"".join(entries))


def record(data: bytes) -> Iterator[bytes]:
    """A TFRecord: length, its checksum, the data, its checksum (https://www.tensorflow.org/tutorials/load_data/tfrecord)."""
    length = struct.pack("<Q", len(data))
    yield length + struct.pack("<I", _masked_checksum(length))
    yield data
    yield struct.pack("<I", _masked_checksum(data))


def _episode(demo: Demo, cameras: Sequence[str]) -> dict[str, Feature]:
    frames, actions = delta_actions(demo.steps)
    count = len(frames)
    state = np.concatenate([demo.steps.gripper_pose[frames], demo.steps.gripper_open[frames, None]], axis=1)
    last = np.arange(count) == count - 1
    steps: dict[str, Feature] = {
        "action": actions.astype(np.float32),
        "discount": np.ones(count, np.float32),
        "is_first": (np.arange(count) == 0).astype(np.int64),
        "is_last": last.astype(np.int64),
        "is_terminal": last.astype(np.int64),
        "language_instruction": [demo.instruction.encode()] * count,
        "observation/state": state.astype(np.float32),
        "reward": last.astype(np.float32),
    }
    for camera in cameras:
        images = demo.images[camera]
        steps[f"observation/{camera}"] = [_png(images.rgb[images.row(int(frame))]) for frame in frames]
    return {"episode_metadata/scenario": [demo.scenario.id.encode()]} | {
        f"steps/{name}": values for name, values in steps.items()
    }


def _png(image_rgb: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image_rgb).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _structure(cameras: Sequence[str], image_size: tuple[int, int]) -> dict[str, Any]:
    image = _feature("image_feature.Image", image={"shape": _shape(*image_size, 3), "dtype": "uint8", "encodingFormat": "png"})
    text = _feature("text_feature.Text", text={})
    flag, number = _scalar("bool"), _scalar("float32")
    observation = {camera: image for camera in cameras} | {"state": _tensor(_STATE)}
    steps = {
        "observation": _described(observation),
        "action": _tensor(7),
        "language_instruction": text,
        "reward": number,
        "discount": number,
        "is_first": flag,
        "is_last": flag,
        "is_terminal": flag,
    }
    return {
        "steps": _feature("dataset_feature.Dataset", sequence={"feature": _described(steps), "length": "-1"}),
        "episode_metadata": _described({"scenario": text}),
    }


def _feature(name: str, **content: Any) -> dict[str, Any]:
    return {"pythonClassName": f"{_FEATURES}.{name}", **content}


def _described(features: Mapping[str, Any]) -> dict[str, Any]:
    return _feature("features_dict.FeaturesDict", featuresDict={"features": dict(features)})


def _scalar(dtype: str) -> dict[str, Any]:
    return _feature("scalar.Scalar", tensor={"shape": {}, "dtype": dtype, "encoding": "none"})


def _tensor(count: int) -> dict[str, Any]:
    return _feature("tensor_feature.Tensor", tensor={"shape": _shape(count), "dtype": "float32", "encoding": "none"})


def _shape(*dimensions: int) -> dict[str, list[str]]:
    return {"dimensions": [str(n) for n in dimensions]}


def _information(size: int, lengths: Sequence[int]) -> dict[str, Any]:
    split = {
        "name": "train",
        "numBytes": str(size),
        "shardLengths": [str(n) for n in lengths],
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
    }
    return {
        "name": DATA_SET,
        "version": _VERSION,
        "description": "Demonstrations of HAMSTER-Bench; actions are delta_pose at 20 Hz.",
        "fileFormat": "tfrecord",
        "releaseNotes": {_VERSION: "Exported."},
        "splits": [split],
    }


def _field(number: int, data: bytes) -> bytes:
    """A field of bytes, texts, messages or packed numbers."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _checksum_table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        for _ in range(8):
            # CRC-32C (Castagnoli), bits reversed.
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)  # noqa: PLW2901 - the remainder so far
        table.append(number)
    return tuple(table)


_TABLE = _checksum_table()


def _masked_checksum(data: bytes) -> int:
    table, remainder = _TABLE, 0xFFFFFFFF
    for byte in data:
        remainder = remainder >> 8 ^ table[(remainder ^ byte) & 0xFF]
    remainder ^= 0xFFFFFFFF
    return ((remainder >> 15 | remainder << 17) + 0xA282EAD8) & 0xFFFFFFFF
