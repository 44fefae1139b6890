"""Recorded demonstrations of the original, once more on the embedded engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import hamster_bench
from hamster_bench.cli.main import main
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.crosscheck.checking import TaskSummary, bars_missed
from hamster_bench.evaluation.crosscheck.depth import compare_depth
from hamster_bench.evaluation.crosscheck.recordings import Recording, read_recordings, recorded_tasks
from hamster_bench.evaluation.crosscheck.replay import FirstFrame, replay, start
from hamster_bench.scenario import Scenario

assert hamster_bench
TASK = "slide_block_to_target"
RECORDED = Path(__file__).resolve().parents[3] / "shared" / "parity" / "rlbench_demos"
needs_recordings = pytest.mark.skipif(not RECORDED.exists(), reason="the recordings ../shared/parity/rlbench_demos are not here")
# RLBench's convention: x to the left of the image, y up.
TO_ORIGINAL = np.diag([-1.0, -1.0, 1.0, 1.0])


def made_recording(folder: Path, *, replays: list[dict[str, Any]], below: float = 0.0) -> Path:
    """A file as recordings are, of the embedded engine's own scene and scripted solution; ``below`` lowers every keypose [m]."""
    env = gymnasium.make(f"hamster_bench/{TASK}-v0", cameras=("front",))
    observation, info = env.reset(options={"scenario": Scenario(task=TASK, episode=4)})
    waypoints = env.unwrapped.oracle.preview()  # type: ignore[attr-defined]
    env.close()
    poses = np.array([observation["gripper_pose"], *(waypoint.poses[-1] for waypoint in waypoints)])
    poses[1:, 2] -= below
    names = list(info["layout"]["object_poses"])
    intrinsics = observation["front_intrinsics"].copy()
    intrinsics[:2, :2] *= -1.0
    arrays = {
        "front_intrinsics": intrinsics,
        "front_extrinsics": observation["front_extrinsics"] @ TO_ORIGINAL,
        "ep00.base_pose": np.array(info["layout"]["base_pose"]),
        "ep00.object_poses": np.array([info["layout"]["object_poses"][name] for name in names]),
        "ep00.frame_index": 10 * np.arange(len(poses)),
        "ep00.gripper_pose": poses,
        "ep00.gripper_open": np.array([1.0] + [0.0] * len(waypoints)),
        "ep00.keyframes": 10 * np.arange(1, len(poses)),
        "ep00.front_rgb": observation["front_rgb"],
        "ep00.front_depth_mm": np.rint(observation["front_depth"] * 1000.0).astype(np.uint16),
    }
    episode = {"key": "ep00", "episode": 0, "variation": 0, "object_names": names, "replays": replays}
    meta = {"task": TASK, "episodes": [episode]}
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{TASK}.npz", meta_json=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
    return folder


def there(variant: str, success: bool = True, same_start: bool = True) -> dict[str, Any]:
    return {"variant": variant, "success": success, "same_start": same_start}


def only(folder: Path) -> Recording:
    (recording,) = read_recordings(folder / f"{TASK}.npz")
    return recording


def test_what_the_engine_recorded_itself_it_solves_and_sees_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_recording(tmp_path / "recordings", replays=[there("strict"), there("hold")])
    out = tmp_path / "out"
    assert main(["crosscheck", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "1/1" in said
    assert "100.0%" in said
    report = json.loads((out / "report.json").read_text())
    assert report["demonstrations"][0]["replays"] == [{"variant": "strict", "success": True, "actions": 2, "refusals": []}]
    depth = report["demonstrations"][0]["depth"]
    # Millimetres are what is recorded.
    assert depth["both_raw"] == 1.0
    assert abs(depth["buffer_offset"]) < 5e-4
    assert (out / f"{TASK}-ep00.png").exists()
    assert main(["crosscheck", str(folder), "--out", str(out)]) == 2


def test_keyposes_that_miss_fall_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_recording(tmp_path / "recordings", replays=[there("strict")], below=-0.3)
    assert main(["crosscheck", str(folder)]) == 1
    said = capsys.readouterr().out
    assert f"not solved: {TASK} ep00: strict not solved after 2 actions" in said
    assert f"falls short: {TASK}: 0% of the demonstrations are solved" in said


def test_what_the_original_did_not_solve_from_the_same_start_does_not_count(tmp_path: Path) -> None:
    replays = [there("strict", success=False), there("hold", same_start=False), there("dense4")]
    recording = only(made_recording(tmp_path / "recordings", replays=replays))
    assert recording.solved_there == ()
    assert recording.replayed_there == ("strict",)


def test_variants_of_replaying(tmp_path: Path) -> None:
    recording = only(made_recording(tmp_path / "recordings", replays=[there("hold")], below=0.1))
    strict, hold, dense = (recording.keyposes(variant) for variant in ("strict", "hold", "dense10"))
    assert [len(strict), len(hold), len(dense)] == [2, 25, 17]
    assert strict[:, 2].min() < 0.752
    assert hold[:, 2].min() == dense[:, 2].min() == 0.752
    assert (hold[1:] == hold[1]).all()
    assert (strict[:, 8] == 1.0).all()


def test_a_refused_keypose_is_left_out_and_the_rest_is_sent(tmp_path: Path) -> None:
    recording = only(made_recording(tmp_path / "recordings", replays=[there("strict")], below=0.1))
    env = gymnasium.make(f"hamster_bench/{TASK}-v0", cameras=())
    played = replay(env, recording, "strict")
    env.close()
    assert played.refusals == ("0:outside_workspace", "1:outside_workspace")
    assert not played.success


def test_an_offset_of_the_depth_buffer_is_found_and_taken_out(tmp_path: Path) -> None:
    recording = only(made_recording(tmp_path / "recordings", replays=[there("strict")]))
    env = gymnasium.make(f"hamster_bench/{TASK}-v0", cameras=("front",), segmentation=True)
    frame = start(env, recording)
    env.close()
    shifted = FirstFrame(frame.rgb, 1.0 / (1.0 / frame.depth + 0.003), frame.is_robot, frame.is_room)
    shares = compare_depth(recording, FirstFrame(frame.rgb, frame.depth, frame.is_robot, frame.is_room))
    assert shares.both == 1.0
    nearer = compare_depth(
        Recording(**{**vars(recording), "front_depth": 1.0 / (1.0 / frame.depth - 0.003)}), FirstFrame(*vars(frame).values())
    )
    assert nearer.buffer_offset == pytest.approx(0.003, rel=0.05)
    assert nearer.both == 1.0
    assert nearer.both_raw < 0.95
    assert shifted.depth.max() < frame.depth.max()


def test_bars() -> None:
    good = TaskSummary("a", 8, 8, 8, 0.99, 0.99, 0.99, 0.9, ())
    weak = TaskSummary("b", 8, 8, 5, 0.99, 0.99, 0.94, 0.9, ())
    none = TaskSummary("c", 8, 0, 0, None, None, None, None, ())
    assert bars_missed([good, none]) == []
    assert bars_missed([good, weak]) == [
        "on average 81.2% of the demonstrations are solved, at least 85% should be",
        "b: the depth of 94.0% of the pixels agrees, at least 95% should",
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not numbers"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "close_box.npz").write_bytes(content)
    with pytest.raises(InvalidOptionError, match="no file of recorded demonstrations"):
        list(read_recordings(tmp_path / "close_box.npz"))
    assert main(["crosscheck", str(tmp_path), "--tasks", "close_bok"]) == 2
    with pytest.raises(InvalidOptionError, match="no recordings"):
        recorded_tasks(tmp_path / "..")


@pytest.mark.parametrize("task", TASKS.names())
def test_every_task_can_be_put_back_where_it_was(task: str) -> None:
    env = gymnasium.make(f"hamster_bench/{task}-v0", cameras=())
    last = TASKS.get(task).variation_count - 1
    _, info = env.reset(options={"scenario": Scenario(task=task, episode=3, variation=last)})
    _, again = env.reset(options={"scenario": Scenario(task=task, episode=5, variation=last), "layout": info["layout"]})
    env.close()
    assert again["layout"].keys() == info["layout"].keys()
    for name, pose in info["layout"]["object_poses"].items():
        np.testing.assert_allclose(again["layout"]["object_poses"][name][:3], pose[:3], atol=1e-3)
        assert abs(np.dot(again["layout"]["object_poses"][name][3:], pose[3:])) > 0.9995


def test_bodies_on_joints_go_as_far_as_these_let_them() -> None:
    env = gymnasium.make("hamster_bench/close_box-v0", cameras=())
    _, info = env.reset(seed=0)
    layout = info["layout"]
    layout["object_poses"]["box_lid"][0] += 0.2
    with pytest.raises(InvalidOptionError, match="hangs on the joint 'box_joint'"):
        env.reset(options={"layout": layout})
    env.close()


@needs_recordings
@pytest.mark.slow
@pytest.mark.parametrize("task", [TASK, "close_laptop_lid", "reach_and_drag"])
def test_recordings_of_the_original(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crosscheck", str(RECORDED), "--tasks", task]) == 0
    assert "8/8" in capsys.readouterr().out
