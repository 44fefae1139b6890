"""Demonstrations in the forms of other programs, read back as those read them."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import os
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hamster_bench.cli.main import main
from hamster_bench.demos.demo import Demo
from hamster_bench.demos.lerobot import export_lerobot
from hamster_bench.demos.opcodes import Instance, pickled
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.rlbench_layout import FAR, NEAR, depth_picture, export_rlbench
from hamster_bench.demos.rlbench_reading import find_episodes
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.paths import Path2D

# Names an interpreter with LeRobot installed where it cannot be installed beside this package.
LEROBOT_PYTHON = "HAMSTER_BENCH_LEROBOT_PYTHON"


class Restricted(pickle.Unpickler):
    """Knows NumPy's arrays and stand-ins for RLBench's two classes, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("rlbench.demo", "Demo"), ("rlbench.backend.observation", "Observation")):
            return type(name, (), {"__module__": module})
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        assert (module, name) in (("numpy", "ndarray"), ("numpy", "dtype"))
        return getattr(np, name)


def unpickled(data: bytes) -> Any:
    return Restricted(io.BytesIO(data)).load()


# RLBench's layout


@pytest.fixture(scope="module")
def rlbench(collected: DemoStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rlbench") / "data"
    assert export_rlbench(collected, out) == 2
    return out


def test_rlbench_folders(collected: DemoStore, rlbench: Path) -> None:
    variation = rlbench / "slide_block_to_target" / "variation0"
    demo = collected.read(collected.scenarios()[0])
    assert unpickled((variation / "variation_descriptions.pkl").read_bytes()) == list(demo.instructions)
    assert sorted(folder.name for folder in (variation / "episodes").iterdir()) == ["episode0", "episode1"]
    episode = variation / "episodes" / "episode0"
    recorded = unpickled((episode / "low_dim_obs.pkl").read_bytes())
    assert type(recorded).__name__ == "Demo"
    assert len(recorded._observations) == len(demo)
    for frame, observation in enumerate(recorded._observations):
        np.testing.assert_array_equal(observation.gripper_pose, demo.steps.gripper_pose[frame])
        np.testing.assert_array_equal(observation.joint_velocities, demo.steps.joint_velocities[frame])
        assert observation.gripper_open == float(demo.steps.gripper_open[frame])
        assert observation.front_rgb is None
    for kind in ("rgb", "depth"):
        assert len(list((episode / f"front_{kind}").iterdir())) == len(demo)
    with Image.open(episode / "front_rgb" / "3.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), demo.images["front"].rgb[3])


def test_rlbench_readers_find_its_own_conventions(collected: DemoStore, rlbench: Path) -> None:
    """What stands in the files is what RLBench itself writes of the same camera and the same posture of the arm."""
    episode = rlbench / "slide_block_to_target" / "variation0" / "episodes" / "episode0"
    demo = collected.read(collected.scenarios()[0])
    images = demo.images["front"]
    observations = unpickled((episode / "low_dim_obs.pkl").read_bytes())._observations
    misc = observations[20].misc
    # As the original states its front camera, here at 64 pixels.
    np.testing.assert_allclose(
        misc["front_camera_intrinsics"], [[-87.9193, 0.0, 32.0], [0.0, -87.9193, 32.0], [0.0, 0.0, 1.0]], atol=1e-3
    )
    np.testing.assert_allclose(
        misc["front_camera_extrinsics"],
        [[0.0, -0.4226, -0.9063, 1.35], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.9063, -0.4226, 1.58], [0.0, 0.0, 0.0, 1.0]],
        atol=1e-4,
    )
    # The start of the original's arm, in the zero of its model.
    np.testing.assert_allclose(observations[0].joint_positions, [0.0, 0.1752, 0.0, -0.8731, 0.0, 1.2216, 0.7854], atol=2e-3)
    assert "executed_demo_joint_position_action" not in observations[0].misc
    np.testing.assert_allclose(
        misc["executed_demo_joint_position_action"], demo.steps.actions[19, :7] - [0, 0, 0, 0.0689, 0, 0, 0], atol=1e-12
    )
    with Image.open(episode / "front_depth" / "20.png") as picture:
        code = np.asarray(picture).astype(np.float64) @ [65536.0, 256.0, 1.0]
    depth = misc["front_camera_near"] + code / (2**24 - 1) * (misc["front_camera_far"] - misc["front_camera_near"])
    np.testing.assert_allclose(depth, np.clip(images.depth[20], NEAR, FAR), atol=2e-7)


def test_what_is_exported_to_rlbench_is_imported_again(
    collected: DemoStore, rlbench: Path, store: DemoStore, made_up: Callable[..., Demo], tmp_path: Path
) -> None:
    assert main(["demos", "import", str(rlbench), "--out", str(tmp_path / "again")]) == 0
    again = DemoStore(tmp_path / "again")
    assert again.settings.cameras == collected.settings.cameras
    for number, (before, after) in enumerate(zip(collected.scenarios(), again.scenarios(), strict=True)):
        assert (after.task, after.variation, after.factor, after.episode) == (
            before.task,
            before.variation,
            before.factor,
            number,
        )
        first, second = collected.read(before), again.read(after)
        assert second.instructions == first.instructions
        for name in ("joint_positions", "joint_velocities", "gripper_pose", "gripper_open", "ignore_collisions"):
            np.testing.assert_allclose(getattr(second.steps, name), getattr(first.steps, name), rtol=0.0, atol=1e-12)
        np.testing.assert_allclose(second.steps.actions[:-1, :7], first.steps.actions[:-1, :7], rtol=0.0, atol=1e-12)
        for camera, images in first.images.items():
            np.testing.assert_array_equal(second.images[camera].intrinsics, images.intrinsics)
            np.testing.assert_array_equal(second.images[camera].extrinsics, images.extrinsics)
            np.testing.assert_array_equal(second.images[camera].rgb, images.rgb)
            np.testing.assert_allclose(second.images[camera].depth, np.clip(images.depth, NEAR, FAR), rtol=0.0, atol=5e-7)
    # Also under a factor: the folder has the number of THE COLOSSEUM's set.
    varied = dataclasses.replace(made_up(), scenario=dataclasses.replace(made_up().scenario, factor="tab_col"))
    store.add(varied)
    export_rlbench(store, tmp_path / "varied")
    assert [folder.name for folder in (tmp_path / "varied").iterdir()] == [f"{varied.scenario.task}_9"]
    (episode,) = find_episodes(tmp_path / "varied")
    assert (episode.scenario.task, episode.scenario.factor) == (varied.scenario.task, "tab_col")


@settings(max_examples=40)
@given(st.floats(0.0, 10.0))
def test_depth_pictures(metres: float) -> None:
    picture = depth_picture(np.full((1, 1), metres, np.float32))[0, 0].astype(int)
    read = NEAR + (picture @ [65536, 256, 1]) / (2**24 - 1) * (FAR - NEAR)
    assert read == pytest.approx(min(max(float(np.float32(metres)), NEAR), FAR), abs=2e-7)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=40)
@given(VALUES)
def test_what_is_pickled_is_read_back(value: Any) -> None:
    data = pickled(value)
    assert pickle.loads(data) == value
    pickletools.dis(data, out=io.StringIO())


def test_pickled_arrays_and_objects() -> None:
    arrays = [np.arange(6).astype(kind).reshape(2, 3) for kind in (np.float64, np.float32, np.uint8, np.int64, np.bool_)]
    read = unpickled(pickled(Instance("rlbench.demo", "Demo", {"arrays": [*arrays, arrays[0].T]})))
    for found, given_array in zip(read.arrays, [*arrays, arrays[0].T], strict=True):
        np.testing.assert_array_equal(found, given_array, strict=True)
    for wrong in ({1, 2}, object(), np.array(["a"])):
        with pytest.raises(TypeError, match="cannot be written"):
            pickled(wrong)


# LeRobot


@pytest.fixture(scope="module", params=["video", "image"])
def lerobot(request: pytest.FixtureRequest, collected: DemoStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lerobot") / request.param
    assert export_lerobot(collected, out, pictures=request.param, depth=request.param == "image") == 2
    return out


def frames_of(film: Path, size: int) -> NDArray[np.uint8]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.uint8).reshape(-1, size, size, 3)


def test_lerobot_tables(collected: DemoStore, lerobot: Path) -> None:
    info = json.loads((lerobot / "meta" / "info.json").read_text())
    demos = [collected.read(scenario) for scenario in collected.scenarios()]
    total = sum(map(len, demos))
    assert (info["codebase_version"], info["fps"], info["total_episodes"], info["total_frames"]) == ("v3.0", 20, 2, total)
    tasks = pd.read_parquet(lerobot / "meta" / "tasks.parquet")
    rows = pq.read_table(lerobot / info["data_path"].format(chunk_index=0, file_index=0)).to_pylist()
    episodes = pq.read_table(lerobot / "meta" / "episodes" / "chunk-000" / "file-000.parquet").to_pylist()
    assert [row["index"] for row in rows] == list(range(total))
    for demo, episode in zip(demos, episodes, strict=True):
        held = rows[episode["dataset_from_index"] : episode["dataset_to_index"]]
        assert (len(held), episode["scenario"], episode["tasks"]) == (len(demo), demo.scenario.id, [demo.instruction])
        assert Path2D.from_json(episode["path.front"]) == demo.paths["front"]
        np.testing.assert_array_equal([row["action"] for row in held], demo.steps.actions.astype(np.float32))
        np.testing.assert_array_equal([row["observation.state"][7] for row in held], demo.steps.gripper_open)
        assert [row["next.done"] for row in held] == [False] * (len(demo) - 1) + [True]
        assert np.flatnonzero([row["keyframe.peract"] for row in held]).tolist() == demo.keyframes["peract"].tolist()
        assert tasks.index[held[0]["task_index"]] == demo.instruction
        if "image" in lerobot.name:
            np.testing.assert_array_equal([row["observation.depth.front"] for row in held], demo.images["front"].depth)
            picture = Image.open(io.BytesIO(held[4]["observation.images.front"]["bytes"]))
            np.testing.assert_array_equal(np.asarray(picture), demo.images["front"].rgb[4])
        else:
            name = info["video_path"].format(video_key="observation.images.front", chunk_index=0, file_index=0)
            film = frames_of(lerobot / name, 64)
            assert len(film) == total
            first = round(episode["videos/observation.images.front/from_timestamp"] * 20)
            shown = film[first : first + len(demo)].astype(float)
            assert np.abs(shown - demo.images["front"].rgb).mean() < 6.0


def test_lerobot_statistics(collected: DemoStore, lerobot: Path) -> None:
    stats = json.loads((lerobot / "meta" / "stats.json").read_text())
    demos = [collected.read(scenario) for scenario in collected.scenarios()]
    actions = np.concatenate([demo.steps.actions for demo in demos]).astype(np.float32).astype(np.float64)
    for name, expected in (("mean", actions.mean(0)), ("std", actions.std(0)), ("min", actions.min(0)), ("max", actions.max(0))):
        np.testing.assert_allclose(stats["action"][name], expected, atol=1e-9)
    assert stats["action"]["count"] == [len(actions)]
    colours = np.concatenate([demo.images["front"].rgb for demo in demos]).reshape(-1, 3).mean(0) / 255.0
    np.testing.assert_allclose(np.ravel(stats["observation.images.front"]["mean"]), colours, atol=0.02)
    assert np.shape(stats["observation.images.front"]["q50"]) == (3, 1, 1)


READER = """
import json, sys
import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset
data = LeRobotDataset("local/demos", root=sys.argv[1], delta_timestamps={"action": [0.0, 0.05]})
episode = data.meta.episodes[1]
items = [data[i] for i in (0, 7, int(episode["dataset_from_index"]) + 5)]
print(json.dumps({
    "sizes": [data.num_episodes, data.num_frames],
    "tasks": [item["task"] for item in items],
    "actions": [np.asarray(item["action"]).tolist() for item in items],
    "pictures": [np.asarray(item["observation.images.front"]).tolist() for item in items],
    "mean": np.asarray(data.meta.stats["action"]["mean"]).tolist(),
}))
"""


@pytest.mark.slow
def test_lerobot_itself_reads_it(collected: DemoStore, lerobot: Path) -> None:
    python = os.environ.get(LEROBOT_PYTHON) or (sys.executable if importlib.util.find_spec("lerobot") else None)
    if python is None:
        pytest.skip(f"LeRobot is not installed; name an interpreter that has it in {LEROBOT_PYTHON}")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(lerobot.parent / "cache")}
    done = subprocess.run(
        [python, "-c", READER, str(lerobot)], check=False, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    first, second = (collected.read(scenario) for scenario in collected.scenarios())
    assert read["sizes"] == [2, len(first) + len(second)]
    assert read["tasks"] == [first.instruction, first.instruction, second.instruction]
    for number, (demo, frame) in enumerate(((first, 0), (first, 7), (second, 5))):
        np.testing.assert_allclose(read["actions"][number], demo.steps.actions[frame : frame + 2], atol=1e-6)
        picture = np.moveaxis(np.array(read["pictures"][number]), 0, -1) * 255.0
        difference = np.abs(picture - demo.images["front"].rgb[frame])
        assert difference.mean() < (6.0 if lerobot.name == "video" else 1e-3)


# Both


def test_exports_refuse_what_they_cannot_write(store: DemoStore, made_up: Callable[..., Demo], tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="no demonstrations"):
        export_lerobot(store, tmp_path / "out")
    store.add(made_up())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(StoreError, match="not empty"):
        export_rlbench(store, tmp_path / "full")
    (tmp_path / "plain").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        export_rlbench(store, tmp_path / "plain" / "out")
    odd = DemoStore.create(tmp_path / "odd", DemoSettings(image_size=(65, 65)))
    odd.add(made_up())
    with pytest.raises(InvalidOptionError, match="even"):
        export_lerobot(odd, tmp_path / "out")
    sparse = DemoStore.create(tmp_path / "sparse", DemoSettings(images="keyframes"))
    sparse.add(made_up(images=(0, 3)))
    for export in (export_lerobot, export_rlbench):
        with pytest.raises(InvalidOptionError, match="--images all"):
            export(sparse, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_export_leaves_nothing(store: DemoStore, made_up: Callable[..., Demo], tmp_path: Path) -> None:
    store.add(made_up(0))
    store.add(made_up(1))
    victim = store.file(made_up(1).scenario)
    victim.write_bytes(victim.read_bytes()[:1000])
    for export in (export_lerobot, export_rlbench):
        with pytest.raises(StoreError, match=victim.name):
            export(store, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_the_export_command(collected: DemoStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["demos", "export", str(collected.directory), "--out", str(tmp_path / "out")]
    assert main([*words, "--form", "lerobit"]) == 2
    assert "Did you mean: lerobot" in capsys.readouterr().err
    assert main([*words, "--form", "rlbench", "--depth"]) == 2
    assert main([*words, "--form", "rlbench", "--tasks", "close_box"]) == 2
    assert not (tmp_path / "out").exists()
    assert main([*words, "--form", "rlbench"]) == 0
    assert capsys.readouterr().out.endswith("out: 2 demonstrations\n")
