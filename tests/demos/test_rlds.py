"""Demonstrations as RLDS: what is written is read back here, and by TensorFlow Datasets where it is installed."""

from __future__ import annotations

import importlib.util
import io
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hamster_bench.demos.deltas import delta_actions
from hamster_bench.demos.demo import Demo
from hamster_bench.demos.rlds import DATA_SET, example, export_rlds, record
from hamster_bench.demos.store import DemoStore
from hamster_bench.geometry import quat_xyzw_from_euler_xyz, quat_xyzw_multiply, rotation_angle

# https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4 and the usual check value of CRC-32C.
CHECKSUMS = {b"123456789": 0xE3069283, bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E}


@pytest.fixture(scope="module")
def exported(collected: DemoStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rlds") / "out"
    assert export_rlds(collected, out) == 2
    return out / DATA_SET / "1.0.0"


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Fields of a protocol buffer that has only those with a length."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(data):
        key, length = varint(), varint()
        assert key & 7 == 2
        yield key >> 3, data[place : place + length]
        place += length


def numbers(packed: bytes) -> list[int]:
    found, value, shift = [], 0, 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(value)
            value = shift = 0
    return found


def read_example(data: bytes) -> dict[str, Any]:
    ((_, features),) = fields(data)
    found: dict[str, Any] = {}
    for _, entry in fields(features):
        parts = dict(fields(entry))
        ((kind, values),) = fields(parts[2])
        held = [value for _, value in fields(values)]
        name = parts[1].decode()
        found[name] = held if kind == 1 else np.frombuffer(held[0], "<f4") if kind == 2 else numbers(held[0])
    return found


def read_records(file: Path) -> Iterator[bytes]:
    data, place = file.read_bytes(), 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        yield data[place + 12 : place + 12 + length]
        place += length + 16


@pytest.mark.parametrize(("data", "checksum"), CHECKSUMS.items())
def test_records_have_the_right_checksums(data: bytes, checksum: int) -> None:
    whole = b"".join(record(data))
    assert struct.unpack_from("<Q", whole) == (len(data),)
    assert struct.unpack_from("<I", whole, 12 + len(data)) == (((checksum >> 15 | checksum << 17) + 0xA282EAD8) % 2**32,)


def test_examples_come_back() -> None:
    features: dict[str, Any] = {
        "texts": [b"a", b"", b"c" * 300],
        "floats": np.array([1.5, -2.0], np.float32),
        "numbers": np.array([0, 1, 300, 2**40]),
    }
    back = read_example(example(features))
    assert back["texts"] == features["texts"]
    assert back["floats"].tolist() == [1.5, -2.0]
    assert back["numbers"] == [0, 1, 300, 2**40]


def test_episodes_hold_what_was_demonstrated(collected: DemoStore, exported: Path) -> None:
    (file,) = exported.glob("*.tfrecord-*")
    assert file.name == f"{DATA_SET}-train.tfrecord-00000-of-00001"
    episodes = [read_example(data) for data in read_records(file)]
    for scenario, episode in zip(collected.scenarios(), episodes, strict=True):
        demo = collected.read(scenario)
        frames, actions = delta_actions(demo.steps)
        count = len(frames)
        assert episode["episode_metadata/scenario"] == [scenario.id.encode()]
        assert np.allclose(episode["steps/action"].reshape(count, 7), actions, atol=1e-6)
        assert np.allclose(
            episode["steps/observation/state"].reshape(count, 8)[:, :7], demo.steps.gripper_pose[frames], atol=1e-6
        )
        assert episode["steps/language_instruction"] == [demo.instruction.encode()] * count
        assert episode["steps/is_first"] == [1] + [0] * (count - 1)
        assert episode["steps/is_last"] == [0] * (count - 1) + [1]
        pictures = [np.array(Image.open(io.BytesIO(data))) for data in episode["steps/observation/front"]]
        assert (np.stack(pictures) == demo.images["front"].rgb[frames]).all()


@pytest.mark.parametrize("control_steps", [1, 4])
def test_actions_lead_from_start_to_end(control_steps: int, collected: DemoStore) -> None:
    for scenario in collected.scenarios():
        steps = collected.read(scenario, cameras=()).steps
        pose = steps.gripper_pose[0].copy()
        frames, actions = delta_actions(steps, control_steps)
        assert (frames % control_steps == 0).all()
        assert (actions[:, 6] == steps.actions[frames, 7]).all()
        for action in actions:
            pose[:3] += action[:3]
            pose[3:] = quat_xyzw_multiply(quat_xyzw_from_euler_xyz(action[3:6]), pose[3:])
        assert np.linalg.norm(pose[:3] - steps.gripper_pose[-1, :3]) < 2e-3
        assert rotation_angle(pose[3:], steps.gripper_pose[-1, 3:]) < 2e-2


def test_the_description_names_every_part(exported: Path) -> None:
    information = json.loads((exported / "dataset_info.json").read_text())
    assert information["splits"][0]["shardLengths"] == ["2"]
    features = json.loads((exported / "features.json").read_text())["featuresDict"]["features"]
    steps = features["steps"]["sequence"]["feature"]["featuresDict"]["features"]
    (file,) = exported.glob("*.tfrecord-*")
    written = {name.partition("/")[2].partition("/")[0] for name in read_example(next(read_records(file)))}
    assert set(steps) | set(features["episode_metadata"]["featuresDict"]["features"]) == written
    assert steps["observation"]["featuresDict"]["features"]["front"]["image"]["shape"]["dimensions"] == ["64", "64", "3"]


@pytest.mark.skipif(importlib.util.find_spec("tensorflow_datasets") is None, reason="TensorFlow Datasets is not installed")
def test_tensorflow_datasets_reads_it(collected: DemoStore, exported: Path) -> None:
    tfds: Any = importlib.import_module("tensorflow_datasets")
    episodes = list(tfds.builder_from_directory(str(exported)).as_dataset(split="train"))
    demo = collected.read(collected.scenarios()[0])
    steps = list(episodes[0]["steps"].as_numpy_iterator())
    frames, actions = delta_actions(demo.steps)
    assert np.allclose([step["action"] for step in steps], actions, atol=1e-6)
    assert (steps[0]["observation"]["front"] == demo.images["front"].rgb[frames[0]]).all()


def test_demonstrations_without_all_images_are_refused(store: DemoStore, made_up: Callable[..., Demo], tmp_path: Path) -> None:
    from hamster_bench.demos.records import DemoSettings
    from hamster_bench.errors import InvalidOptionError

    few = DemoStore.create(tmp_path / "few", DemoSettings(images="keyframes"))
    with pytest.raises(InvalidOptionError, match="--images all"):
        export_rlds(few, tmp_path / "out")
    with pytest.raises(InvalidOptionError, match="no demonstrations"):
        export_rlds(DemoStore.create(tmp_path / "none", DemoSettings()), tmp_path / "out")
    assert not (tmp_path / "out").exists()
