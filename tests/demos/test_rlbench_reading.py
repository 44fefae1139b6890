"""Data sets of RLBench and THE COLOSSEUM become demonstrations, and nothing in them is run."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hamster_bench.cli.main import main
from hamster_bench.demos.restricted_pickle import BrokenPickleError, Record, UnsafePickleError, load_restricted
from hamster_bench.demos.rlbench_reading import RecordedDemoError, find_episodes, read_episode
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "parity" / "rlbench_dataset"
needs_recordings = pytest.mark.skipif(not RECORDED.exists(), reason="the data sets ../shared/parity/rlbench_dataset are not here")
FRAMES = 12
EXTRINSICS = np.array([[0, -0.4226, -0.9063, 1.35], [-1, 0, 0, 0], [0, 0.9063, -0.4226, 1.58], [0, 0, 0, 1.0]])


def stand_in_classes(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """RLBench's two classes under their own names, so that plain pickle writes what RLBench would."""
    demo_module, observation_module = types.ModuleType("rlbench.demo"), types.ModuleType("rlbench.backend.observation")
    demo = type("Demo", (), {"__module__": "rlbench.demo"})
    observation = type("Observation", (), {"__module__": "rlbench.backend.observation"})
    demo_module.Demo, observation_module.Observation = demo, observation  # type: ignore[attr-defined]
    for package in ("rlbench", "rlbench.backend"):
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    monkeypatch.setitem(sys.modules, "rlbench.demo", demo_module)
    monkeypatch.setitem(sys.modules, "rlbench.backend.observation", observation_module)
    return demo, observation


def write_episode(
    folder: Path, monkeypatch: pytest.MonkeyPatch, protocol: int = 4, cameras: tuple[str, ...] = ("front",)
) -> None:
    demo_class, observation_class = stand_in_classes(monkeypatch)
    folder.mkdir(parents=True)
    demo = demo_class()
    demo._observations, demo.random_seed = [], np.random.RandomState(3).get_state()
    for camera in cameras:
        for kind in ("rgb", "depth"):
            (folder / f"{camera}_{kind}").mkdir()
    for number in range(FRAMES):
        seen = observation_class()
        for camera in cameras:
            setattr(seen, f"{camera}_rgb", None)
            Image.fromarray(np.full((24, 32, 3), number, np.uint8)).save(folder / f"{camera}_rgb" / f"{number}.png")
            Image.fromarray(np.full((24, 32, 3), (128, 0, 0), np.uint8)).save(folder / f"{camera}_depth" / f"{number}.png")
        seen.joint_positions = np.linspace(0.0, 0.1, 7) + 0.01 * number
        seen.joint_velocities = np.full(7, 0.2)
        seen.gripper_open = 1.0 if number < 6 else 0.0
        seen.gripper_pose = np.array([0.3, 0.01 * number, 1.0, 1.0, 0.0, 0.0, 0.0])
        seen.misc = {"variation_index": np.int64(2), "executed_demo_joint_position_action": seen.joint_positions + 0.002}
        for camera in cameras:
            seen.misc |= {
                f"{camera}_camera_intrinsics": np.array([[-43.0, 0, 16], [0, -43.0, 12], [0, 0, 1]]),
                f"{camera}_camera_extrinsics": EXTRINSICS,
                f"{camera}_camera_near": 0.01,
                f"{camera}_camera_far": np.float64(4.5),
            }
        demo._observations.append(seen)
    (folder / "low_dim_obs.pkl").write_bytes(pickle.dumps(demo, protocol=protocol))
    (folder / "variation_number.pkl").write_bytes(pickle.dumps(2, protocol=protocol))
    (folder / "variation_descriptions.pkl").write_bytes(pickle.dumps(["put it there", "there with it"], protocol=protocol))


@needs_recordings
def test_recorded_data_sets_of_the_original() -> None:
    episodes = find_episodes(RECORDED)
    assert [episode.scenario.id for episode in episodes] == [
        "insert_onto_square_peg-v15-rlb_var-e0-s0",
        "slide_block_to_target-v0-tab_col-e0-s0",
        "slide_block_to_target-v0-tab_col-e1-s0",
    ]
    demo = read_episode(episodes[1])
    assert len(demo) == 89
    assert demo.instruction == "slide the block to target"
    np.testing.assert_array_equal(demo.keyframes["peract"], [68, 88])
    np.testing.assert_allclose(demo.steps.joint_positions[0], [0, 0.1752, 0, -0.8042, 0, 1.2216, 0.7854], atol=5e-3)
    images = demo.images["front"]
    # The table, through the camera of this project's convention: the original's depths are 4 mm too long here.
    heights = images.camera(0).point_cloud(images.depth[0])[110:, :, 2]
    assert abs(float(np.median(heights)) - 0.750) < 5e-3
    # The block is pushed along: the path ends where the gripper ends.
    uv, _ = images.camera(0).project(demo.steps.gripper_pose[-1, :3])
    np.testing.assert_allclose(demo.paths["front"].points[-1] * 128, uv[0], atol=1.0)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    folder = tmp_path / "close_box_10" / "episodes" / "episode4"
    write_episode(folder, monkeypatch, protocol, ("front", "wrist"))
    (episode,) = find_episodes(tmp_path)
    assert episode.scenario.id == "close_box-v2-tab_tex-e4-s0"
    demo = read_episode(episode)
    assert demo.instructions == ("put it there", "there with it")
    assert set(demo.images) == {"front", "wrist"}
    assert demo.images["front"].rgb[:, 0, 0, 0].tolist() == list(range(FRAMES))
    np.testing.assert_allclose(demo.images["wrist"].depth, 2.255, atol=1e-5)
    np.testing.assert_allclose(demo.steps.joint_positions[1], np.linspace(0.0, 0.1, 7) + 0.01 + np.eye(7)[3] * 0.0689)
    # An action is the command that led to the next frame, within the limits of the joints.
    np.testing.assert_allclose(demo.steps.actions[3, :3], np.linspace(0.0, 0.1, 7)[:3] + 0.042)
    assert demo.steps.actions[:, 7].tolist() == [1.0] * 5 + [0.0] * (FRAMES - 5)
    assert read_episode(episode, ("front",), every_image=False).images["front"].frames.tolist() == [0, 6, FRAMES - 1]


def test_joint_targets_by_the_name_that_newer_versions_give_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "close_box" / "variation0" / "episodes" / "episode0"
    write_episode(folder, monkeypatch)
    recorded = load_restricted(folder / "low_dim_obs.pkl")
    demo_class, observation_class = stand_in_classes(monkeypatch)
    demo = demo_class()
    demo._observations = []
    for number in range(FRAMES):
        seen = observation_class()
        record = recorded.get("_observations")[number]
        seen.__dict__ |= {name: record.get(name) for name in record.fields}
        seen.misc["joint_position_action"] = np.append(seen.misc.pop("executed_demo_joint_position_action"), 1.0)
        seen.misc["joint_poses"] = [np.zeros(7)] * 7
        demo._observations.append(seen)
    with_old_names = read_episode(find_episodes(tmp_path)[0]).steps.actions
    (folder / "low_dim_obs.pkl").write_bytes(pickle.dumps(demo))
    np.testing.assert_array_equal(read_episode(find_episodes(tmp_path)[0]).steps.actions, with_old_names)


class Payload:
    """Pickled, it runs a function when it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._said = function, arguments

    def __reduce__(self) -> Any:
        return self._said


def object_array() -> np.ndarray:
    array = np.empty(1, dtype=object)
    array[0] = Payload(os.getcwd)
    return array


@pytest.mark.parametrize("protocol", range(0, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ["system", "eval", "import", "attribute", "objects", "structured", "nested"])
def test_a_pickle_that_names_anything_else_is_refused_before_it_runs(tmp_path: Path, kind: str, protocol: int) -> None:
    touched = tmp_path / "touched"
    holds: dict[str, Any] = {
        "system": Payload(os.system, f"touch {touched}"),
        "eval": Payload(eval, f"open({str(touched)!r}, 'w')"),
        "import": Payload(__import__, "antigravity"),
        "attribute": Payload(getattr, "text", "upper"),
        "objects": object_array(),
        "structured": np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
        "nested": {"misc": [np.zeros(3), (Payload(os.mkdir, str(touched)),)]},
    }
    file = tmp_path / "low_dim_obs.pkl"
    file.write_bytes(pickle.dumps(holds[kind], protocol=protocol))
    with pytest.raises((UnsafePickleError, BrokenPickleError)) as error:
        load_restricted(file)
    assert isinstance(error.value, UnsafePickleError) or kind == "structured"
    assert not touched.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I4\ntcnumpy\ndtype\n(S'O8'\ntRI00\nS'x'\ntb.",
        b"crlbench.demo\nDemo\n(S'rm'\ntR.",
        b"crlbench.demo\nDemo\n(N}S'__setstate__'\nS'x'\nstb.",
        b"cnumpy\nndarray\n(I4\ntR.",
        b"Pevil\n.",
        b"\x82\x01.",
        b"cbuiltins\nexec\n.",
        b"",
        b"\x80\x04not a pickle",
    ],
)
def test_programs_written_by_hand(tmp_path: Path, program: bytes) -> None:
    file = tmp_path / "x.pkl"
    file.write_bytes(program)
    with pytest.raises((UnsafePickleError, BrokenPickleError)):
        load_restricted(file)


def test_one_pickle_leaves_nothing_behind_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, observation_class = stand_in_classes(monkeypatch)
    seen = observation_class()
    seen.gripper_open = 1.0
    (tmp_path / "good.pkl").write_bytes(pickle.dumps(seen))
    (tmp_path / "bad.pkl").write_bytes(b"crlbench.backend.observation\nObservation\n(N}S'get'\nS'gone'\nstb.")
    with contextlib.suppress(UnsafePickleError, BrokenPickleError):
        load_restricted(tmp_path / "bad.pkl")
    good = load_restricted(tmp_path / "good.pkl")
    assert isinstance(good, Record)
    assert good.get("gripper_open") == 1.0


def test_the_command_takes_over_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for number in range(3):
        write_episode(data / "close_box" / "variation2" / "episodes" / f"episode{number}", monkeypatch)
    (data / "close_box" / "variation2" / "episodes" / "episode1" / "front_rgb" / "5.png").unlink()
    assert main(["demos", "import", str(data), "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert "3 episodes found, 0 there before, 2 new, 1 left out" in said.out
    assert f"front_rgb has {FRAMES - 1} images for {FRAMES} observations" in said.err
    store = DemoStore(out)
    assert store.settings.engine == "coppeliasim"
    assert [scenario.id for scenario in store.scenarios()] == ["close_box-v2-no_var-e0-s0", "close_box-v2-no_var-e2-s0"]
    for scenario in store.scenarios():
        store.check(scenario)
    shutil.rmtree(data / "close_box" / "variation2" / "episodes" / "episode1")
    assert main(["demos", "import", str(data), "--out", str(out)]) == 0
    assert "2 there before, 0 new" in capsys.readouterr().out


def test_a_malicious_data_set_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data" / "close_box" / "variation0" / "episodes" / "episode0"
    write_episode(folder, monkeypatch)
    touched = tmp_path / "touched"
    (folder / "low_dim_obs.pkl").write_bytes(pickle.dumps(Payload(os.system, f"touch {touched}")))
    assert main(["demos", "import", str(tmp_path / "data"), "--out", str(tmp_path / "out")]) == 2
    assert "which is no part of a recorded demonstration; it was not run" in capsys.readouterr().err
    assert not touched.exists()


def test_damaged_episodes_say_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "close_box" / "variation0" / "episodes" / "episode0"
    write_episode(folder, monkeypatch)
    (episode,) = find_episodes(tmp_path)
    (folder / "front_depth" / "3.png").write_bytes(b"GIF89a")
    with pytest.raises(RecordedDemoError, match="cannot be read as a PNG"):
        read_episode(episode)
    (folder / "low_dim_obs.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(RecordedDemoError, match="no list of observations"):
        read_episode(episode)
    with pytest.raises(InvalidOptionError, match="holds no recorded episodes"):
        find_episodes(tmp_path / "elsewhere")
