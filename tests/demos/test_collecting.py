"""Collecting demonstrations of the expert."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from hamster_bench.agent import EpisodeContext
from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.baselines.scripted.keypose_expert import KeyposeExpertAgent
from hamster_bench.cli.main import main
from hamster_bench.demos.collecting import Collected, CollectionSummary, collect, plan
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.contract import validate_action
from hamster_bench.envs.registration import environment_id
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import AgentStopped, InvalidOptionError, StoreError, UndefinedCellError, UnknownNameError
from hamster_bench.scenario import Scenario

ROOT = Path(__file__).resolve().parents[2]
TASK = "slide_block_to_target"
SMALL = DemoSettings(image_size=(64, 64))
VERSIONS = {"hamster_bench": "0", "assets": "abc"}


def gather(directory: Path, scenarios: tuple[Scenario, ...], **changes: Any) -> CollectionSummary:
    return collect(directory, scenarios, **({"make_expert": ExpertAgent, "versions": VERSIONS, "settings": SMALL} | changes))


def digests(store: DemoStore) -> dict[str, str]:
    return {header.scenario.id: header.digest for header in store.headers()}


class Quitter(ExpertAgent):
    """Gives up in odd episodes, after some steps."""

    def reset(self, context: EpisodeContext) -> None:
        super().reset(context)
        self.left = 5 if context.scenario.episode % 2 else 10**6

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        self.left -= 1
        if self.left < 0:
            raise AgentStopped("planning:path_not_found", "no way round the box")
        return super().act(observation)


class Idler(ExpertAgent):
    """Follows all waypoints and moves nothing."""

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        raise AgentStopped("waypoints_done", "there is nothing left to do")


def test_a_demonstration_holds_what_the_environment_shows(collected: DemoStore) -> None:
    scenario = collected.scenarios()[0]
    demo = collected.read(scenario)
    env = gymnasium.make(environment_id(TASK), image_size=64, action_mode="joint_position")
    observation, info = env.reset(options={"scenario": scenario})
    images, steps = demo.images["front"], demo.steps
    np.testing.assert_array_equal(images.rgb[0], observation["front_rgb"])
    np.testing.assert_array_equal(images.depth[0], observation["front_depth"])
    np.testing.assert_array_equal(images.extrinsics[0], observation["front_extrinsics"])
    assert (demo.instruction, demo.instructions) == (info["instruction"], info["instructions"])
    assert images.frames.tolist() == list(range(len(demo)))
    # Where no frame was left out, the recorded actions lead from each to the next.
    unbroken = int(np.argmax(np.diff(steps.control_step) > 1))
    assert unbroken > 10
    for frame in range(unbroken):
        np.testing.assert_array_equal(steps.joint_positions[frame], observation["joint_positions"])
        observation, *_ = env.step(steps.actions[frame])
    np.testing.assert_array_equal(images.rgb[unbroken], observation["front_rgb"])
    env.close()


def test_keyframes_are_those_of_the_keypose_expert(collected: DemoStore) -> None:
    scenario = collected.scenarios()[0]
    env = gymnasium.make(environment_id(TASK), cameras=())
    observation, info = env.reset(options={"scenario": scenario})
    agent = KeyposeExpertAgent("peract")
    oracle = env.unwrapped.oracle  # type: ignore[attr-defined]
    agent.reset(EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=oracle))
    keyposes = collected.read(scenario, cameras=()).keyposes("peract")
    assert len(keyposes) > 1
    for keypose in keyposes:
        np.testing.assert_allclose(agent.act(observation), keypose, atol=1e-12)
    env.close()


def test_a_rerun_collects_nothing_and_more_episodes_only_the_new(collected: DemoStore, tmp_path: Path) -> None:
    reported: list[Collected] = []
    first = gather(tmp_path / "d", plan(tasks=(TASK,), episodes=1), report=reported.append)
    assert (first.demos, first.failed, len(first.new), len(reported)) == (1, 0, 1, 1)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "d" / "demos").rglob("*.h5")}
    again = gather(tmp_path / "d", plan(tasks=(TASK,), episodes=1))
    assert (again.demos, again.new, again.per_minute) == (1, (), 0.0)
    more = gather(tmp_path / "d", plan(tasks=(TASK,), episodes=2))
    assert [outcome.scenario.episode for outcome in more.new] == [1]
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert digests(DemoStore(tmp_path / "d")) == digests(collected)


def test_keyframe_images_are_those_of_the_whole(collected: DemoStore, tmp_path: Path) -> None:
    settings = DemoSettings(image_size=(64, 64), images="keyframes")
    gather(tmp_path / "d", plan(tasks=(TASK,), episodes=1), settings=settings)
    store = DemoStore(tmp_path / "d")
    demo, whole = store.read(store.scenarios()[0]), collected.read(collected.scenarios()[0])
    held = demo.images["front"]
    assert held.frames.tolist() == sorted({0, *(int(k) for frames in whole.keyframes.values() for k in frames)})
    np.testing.assert_array_equal(held.rgb, whole.images["front"].rgb[held.frames])
    np.testing.assert_array_equal(demo.steps.joint_positions, whole.steps.joint_positions)


@pytest.mark.parametrize(("expert", "reason"), [(Quitter, "planning:path_not_found"), (Idler, "not_solved")])
def test_failures_are_noted_and_not_tried_again(tmp_path: Path, expert: type[ExpertAgent], reason: str) -> None:
    scenarios = plan(tasks=(TASK,), episodes=2)[1:]
    summary = gather(tmp_path / "d", scenarios, make_expert=expert)
    assert (summary.demos, summary.failed) == (0, 1)
    (failure,) = DemoStore(tmp_path / "d").failures()
    assert (failure.scenario, failure.reason) == (scenarios[0], reason)
    assert gather(tmp_path / "d", scenarios, make_expert=expert).new == ()


def test_plans() -> None:
    both = plan(tasks=("close_box", "stack_cups"), factors=("no_var", "cam_pos"), episodes=2, seed=7)
    assert len(both) == len(set(both)) == 8
    assert {scenario.seed for scenario in both} == {7}
    assert {scenario.variation for scenario in both} == {0}
    drawn = plan(tasks=("stack_cups",), episodes=20, variations="drawn")
    assert len({scenario.variation for scenario in drawn}) > 3
    assert {s.variation for s in plan(tasks=("stack_cups",), episodes=20, factors=("rlb_var",))} == {s.variation for s in drawn}


def test_nonsense_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for wrong, kind in (
        ({"tasks": ("close_bax",)}, UnknownNameError),
        ({"episodes": 0}, InvalidOptionError),
        ({"factors": ("no_war",)}, UnknownNameError),
        ({"variations": "all"}, UnknownNameError),
        ({"tasks": ("close_laptop_lid",), "factors": ("rec_obj_tex",)}, UndefinedCellError),
    ):
        with pytest.raises(kind):
            plan(**({"tasks": (TASK,), "episodes": 1} | wrong))  # type: ignore[arg-type]
    for changes in ({"workers": 0}, {"settings": DemoSettings(cameras=("frnt",))}, {"settings": DemoSettings(image_size=(0, 0))}):
        with pytest.raises((InvalidOptionError, UnknownNameError)):
            gather(tmp_path / "d", plan(tasks=(TASK,), episodes=1), **changes)
        assert not (tmp_path / "d").exists()
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        gather(tmp_path / "file", plan(tasks=(TASK,), episodes=1))


def test_the_commands(collected: DemoStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["demos", "collect", "--tasks", TASK, "--episodes", "1", "--image-size", "64", "--images", "keyframes"]
    assert main([*words, "--out", str(tmp_path / "d")]) == 0
    said = capsys.readouterr().out
    assert "1 of 1 demonstrations, 0 failed; 1 new in" in said
    assert "a minute" in said
    assert main([*words, "--out", str(tmp_path / "d")]) == 0
    assert "0 new" in capsys.readouterr().out
    for name in ("d", None):
        directory = collected.directory if name is None else tmp_path / name
        assert main(["demos", "show", str(directory)]) == 0
        assert f"{TASK}-v0-no_var-e0-s1000" in capsys.readouterr().out
    for suffix in ("png", "mp4"):
        file = tmp_path / f"seen.{suffix}"
        assert main(["demos", "show", str(collected.directory), f"{TASK}-v0-no_var-e0-s1000", "--out", str(file)]) == 0
        assert file.stat().st_size > 1000
    assert main(["demos", "show", str(collected.directory), f"{TASK}-v0-no_var-e9-s1000"]) == 2
    assert "Did you mean" in capsys.readouterr().err
    assert main(["demos", "verify", str(tmp_path / "d")]) == 0
    (victim,) = (tmp_path / "d").rglob("*.h5")
    victim.write_bytes(victim.read_bytes()[:-1])
    assert main(["demos", "verify", str(tmp_path / "d")]) == 1
    assert victim.name in capsys.readouterr().out


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same(tmp_path: Path) -> None:
    scenarios = plan(tasks=(TASK, "close_box"), episodes=3)
    for workers in (1, 2, 3):
        assert gather(tmp_path / str(workers), scenarios[::-1] if workers == 3 else scenarios, workers=workers).demos == 6
    one, two, three = (DemoStore(tmp_path / str(workers)) for workers in (1, 2, 3))
    assert digests(one) == digests(two) == digests(three)
    assert one.fingerprint() == three.fingerprint()


@pytest.mark.slow
def test_a_killed_collection_goes_on_where_it_was(tmp_path: Path) -> None:
    directory = tmp_path / "killed"
    words = ["demos", "collect", "--tasks", TASK, "--episodes", "8", "--image-size", "64", "--workers", "2"]
    command = [sys.executable, "-m", "hamster_bench", *words, "--out", str(directory)]
    for held in (1, 4):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120.0
        while len(list(directory.glob("demos/*/*.json"))) < held and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        _, alive = psutil.wait_procs(workers, timeout=20.0)
        assert not alive
    store = DemoStore(directory)
    done = len(store)
    assert 4 <= done < 8
    for scenario in store.scenarios():
        store.check(scenario)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert len(store) == 8
    assert not list(directory.rglob("*.partial"))
    gather(tmp_path / "whole", plan(tasks=(TASK,), episodes=8))
    assert digests(store) == digests(DemoStore(tmp_path / "whole"))


@pytest.mark.slow
def test_dead_workers_are_replaced(tmp_path: Path) -> None:
    words = ["demos", "collect", "--tasks", TASK, "--episodes", "12", "--image-size", "64", "--workers", "2"]
    command = [sys.executable, "-m", "hamster_bench", *words, "--out", str(tmp_path / "d")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 120.0
    while not list((tmp_path / "d").glob("demos/*/*.json")):
        assert time.monotonic() < end
        time.sleep(0.02)
    victims = [p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    os.kill(victims[0].pid, signal.SIGKILL)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "12 of 12 demonstrations, 0 failed" in said


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS.names())
def test_every_task_can_be_demonstrated(task: str, tmp_path: Path) -> None:
    cameras = ("front", "wrist")
    summary = gather(tmp_path / "d", plan(tasks=(task,), episodes=1), settings=DemoSettings(cameras=cameras, image_size=(64, 48)))
    assert (summary.demos, summary.failed) == (1, 0)
    store = DemoStore(tmp_path / "d")
    store.check(store.scenarios()[0])
    demo = store.read(store.scenarios()[0])
    assert demo.instruction in demo.instructions
    assert "front" in demo.paths
    assert (np.diff(demo.steps.control_step) > 0).all()
    for frame in range(len(demo)):
        validate_action(demo.steps.actions[frame], "joint_position")
    for rule, frames in demo.keyframes.items():
        assert frames[-1] == len(demo) - 1
        for keypose in demo.keyposes(rule):
            validate_action(keypose, "keypose")
    assert set(demo.keyframes["peract"]) <= set(demo.keyframes["peract_paths"])
    moved = [len(np.unique(demo.images[camera].extrinsics.round(6), axis=0)) for camera in cameras]
    assert moved[0] == 1
    assert moved[1] > 10
