"""The directory of demonstrations: what is read is what was written, and damage is seen."""

from __future__ import annotations

import json
import pickle
import resource
import signal
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from hamster_bench.demos.demo import Demo
from hamster_bench.demos.records import DemoSettings, FailedDemo
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.scenario import Scenario

MakeDemo = Callable[..., Demo]


def same(first: Demo, second: Demo) -> bool:
    return first.digest() == second.digest() and dict(first.versions) == dict(second.versions)


def test_a_demonstration_comes_back_bit_by_bit(store: DemoStore, made_up: MakeDemo) -> None:
    demo = made_up()
    header = store.add(demo)
    read = store.read(demo.scenario)
    assert same(read, demo)
    for field in fields(demo.steps):
        np.testing.assert_array_equal(getattr(read.steps, field.name), getattr(demo.steps, field.name), strict=True)
    for field in fields(demo.images["front"]):
        np.testing.assert_array_equal(
            getattr(read.images["front"], field.name), getattr(demo.images["front"], field.name), strict=True
        )
    assert read.paths == demo.paths
    assert store.header(demo.scenario) == header == next(store.headers())
    assert (header.frames, dict(header.keyframes)) == (7, {"peract": 2, "peract_paths": 3})
    store.check(demo.scenario)


def test_a_part_is_read_without_the_rest(store: DemoStore, made_up: MakeDemo) -> None:
    demo = made_up(images=(0, 2, 3, 6))
    store.add(demo)
    images = store.read(demo.scenario, frames=(6, 2)).images["front"]
    assert images.frames.tolist() == [2, 6]
    np.testing.assert_array_equal(images.rgb, demo.images["front"].rgb[[1, 3]])
    np.testing.assert_array_equal(images.depth[images.row(6)], demo.images["front"].depth[3])
    assert not store.read(demo.scenario, cameras=()).images
    with pytest.raises(InvalidOptionError, match=r"frames \[4\] have no images.*\[0, 2, 3, 6\]"):
        store.read(demo.scenario, frames=(2, 4))
    with pytest.raises(InvalidOptionError, match="frame 4 has no image"):
        images.row(4)
    with pytest.raises(UnknownNameError, match="wrist"):
        store.read(demo.scenario, cameras=("wrist",))
    # A damaged block of an image that is not asked for does not matter.
    with h5py.File(store.file(demo.scenario)) as file:
        chunk = file["cameras/front/rgb"].id.get_chunk_info(1)
    _flip(store.file(demo.scenario), chunk.byte_offset + 4)
    store.read(demo.scenario, frames=(6,))
    with pytest.raises(StoreError, match="damaged"):
        store.read(demo.scenario, frames=(2,))


def test_the_fingerprint_tells_contents_apart_and_nothing_else(tmp_path: Path, made_up: MakeDemo) -> None:
    settings = DemoSettings(image_size=(6, 8))
    one, two, three = (DemoStore.create(tmp_path / name, settings) for name in "abc")
    for episode in (0, 1):
        one.add(made_up(episode))
    for episode in (1, 0):
        two.add(replace(made_up(episode), versions={"another": "version"}))
    assert one.fingerprint() == two.fingerprint()
    three.add(made_up(0))
    assert three.fingerprint() != one.fingerprint()
    changed = made_up(1)
    changed.images["front"].depth[2, 1, 1] = np.nextafter(changed.images["front"].depth[2, 1, 1], np.float32(9.0))
    three.add(changed)
    assert three.fingerprint() != one.fingerprint()


def test_a_damaged_file_is_named(store: DemoStore, made_up: MakeDemo) -> None:
    for episode in range(3):
        store.add(made_up(episode))
    victim = store.file(made_up(1).scenario)
    size = victim.stat().st_size
    found = []
    for offset in (size // 3, size // 2, size - 100):
        _flip(victim, offset)
        with pytest.raises(StoreError, match=victim.name) as error:
            store.check(made_up(1).scenario)
        found.append(str(error.value))
        _flip(victim, offset)
    store.check(made_up(1).scenario)
    victim.write_bytes(victim.read_bytes()[: size // 2])
    with pytest.raises(StoreError, match="SHA-256"):
        store.check(made_up(1).scenario)
    with pytest.raises(StoreError, match=victim.name):
        store.read(made_up(1).scenario)
    store.check(made_up(0).scenario)
    store.check(made_up(2).scenario)


def test_a_swapped_file_is_seen(store: DemoStore, made_up: MakeDemo) -> None:
    first, second = made_up(0).scenario, made_up(1).scenario
    store.add(made_up(0))
    store.add(made_up(1))
    store.file(first).write_bytes(store.file(second).read_bytes())
    with pytest.raises(StoreError, match=r"holds .*-e1-"):
        store.read(first)
    header = store.file(first).with_suffix(".json")
    header.write_text(store.file(second).with_suffix(".json").read_text())
    with pytest.raises(StoreError, match=r"header of .*-e1-"):
        store.header(first)


def test_a_file_without_header_does_not_count(store: DemoStore, made_up: MakeDemo) -> None:
    demo = made_up()
    store.add(demo)
    store.file(demo.scenario).with_suffix(".json").unlink()
    assert demo.scenario not in store
    assert len(store) == 0
    with pytest.raises(StoreError, match="no demonstration"):
        store.read(demo.scenario)
    store.add(demo)
    assert same(store.read(demo.scenario), demo)


def test_what_is_there_stays(store: DemoStore, made_up: MakeDemo) -> None:
    demo = made_up()
    store.add(demo)
    before = store.file(demo.scenario).read_bytes()
    store.add(replace(demo, instruction="something else"))
    assert store.file(demo.scenario).read_bytes() == before


def test_a_full_disk_leaves_nothing_half_done(store: DemoStore, made_up: MakeDemo) -> None:
    store.add(made_up(0))
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            store.add(made_up(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert store.scenarios() == (made_up(0).scenario,)
    assert not list(store.directory.rglob("*.partial"))
    store.add(made_up(1))
    store.check(made_up(1).scenario)


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    for directory, message in (("other", "holds no demonstrations"), ("file", "cannot be written|Not a directory")):
        with pytest.raises(StoreError, match=message):
            DemoStore.create(tmp_path / directory / ("sub" if directory == "file" else ""), DemoSettings())
    with pytest.raises(StoreError, match="holds no demonstrations"):
        DemoStore(tmp_path / "nowhere")
    store = DemoStore.create(tmp_path / "store", DemoSettings())
    assert DemoStore.create(tmp_path / "store", DemoSettings()).settings == store.settings == DemoSettings()
    with pytest.raises(StoreError, match=r"image_size \[128, 128\] instead of \[64, 64\]"):
        DemoStore.create(tmp_path / "store", DemoSettings(image_size=(64, 64)))
    described = json.loads((tmp_path / "store" / "dataset.json").read_text())
    (tmp_path / "store" / "dataset.json").write_text(json.dumps(described | {"format": "hamster_bench.demos/9"}))
    with pytest.raises(StoreError, match=r"hamster_bench\.demos/1"):
        DemoStore(tmp_path / "store")


def test_wrong_cameras_are_refused(tmp_path: Path, made_up: MakeDemo) -> None:
    store = DemoStore.create(tmp_path / "store", DemoSettings(cameras=("front", "wrist")))
    with pytest.raises(InvalidOptionError, match="wrist"):
        store.add(made_up())


def test_failures_are_kept(store: DemoStore) -> None:
    scenario = Scenario(task="close_box", episode=3)
    failure = FailedDemo(scenario=scenario, reason="not_solved", message="it slipped", versions={"a": "1"})
    assert not store.has_failed(scenario)
    store.add_failure(failure)
    assert store.has_failed(scenario)
    assert list(store.failures()) == [failure]
    assert len(store) == 0


def test_a_store_goes_to_other_processes(store: DemoStore, made_up: MakeDemo) -> None:
    store.add(made_up())
    assert pickle.loads(pickle.dumps(store)).read(made_up().scenario).digest() == made_up().digest()


def test_keyposes_are_unit_quaternions_inside_the_workspace(made_up: MakeDemo) -> None:
    demo = made_up()
    keyposes = demo.keyposes("peract_paths")
    assert keyposes.shape == (3, 9)
    np.testing.assert_allclose(np.linalg.norm(keyposes[:, 3:7], axis=1), 1.0)
    assert keyposes[:, 7].tolist() == demo.steps.gripper_open[[2, 3, 6]].tolist()
    assert keyposes[:, 8].tolist() == demo.steps.ignore_collisions[[2, 3, 6]].tolist()
    with pytest.raises(UnknownNameError, match="peract"):
        demo.keyposes("perakt")


def _flip(file: Path, offset: int) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 0x40
    file.write_bytes(data)
