"""What only the original's engine does, on the stand-in."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image

import hamster_bench
from hamster_bench import errors
from hamster_bench.cli.main import main
from hamster_bench.envs.registration import make_environment
from hamster_bench.errors import SimulatorFaultError
from hamster_bench.scenario import Scenario

assert hamster_bench
TASK = "slide_block_to_target"


def plan_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **plan: Any) -> None:
    file = tmp_path / "fault.json"
    file.write_text(json.dumps(plan))
    monkeypatch.setenv("STANDIN_FAULT", str(file))


def test_a_crash_is_an_error_and_the_next_reset_starts_a_fresh_simulator(
    standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_fault(tmp_path, monkeypatch, at="step", after=30, kind="crash")
    env = make_environment(TASK, engine="coppeliasim", cameras=())
    env.reset(seed=0)
    first = env.simulator_pid  # type: ignore[attr-defined]
    with pytest.raises(SimulatorFaultError, match=r"SIGSEGV.*segmentation fault follows"):
        env.step(np.array([0.3, 0.1, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]))
    with pytest.raises(errors.ResetNeededError):
        env.step(np.array([0.3, 0.1, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]))
    env.reset(seed=0)
    assert env.simulator_pid not in (None, first)  # type: ignore[attr-defined]
    env.close()


def test_simulators_are_replaced_in_time(standin: Path) -> None:
    env = make_environment(TASK, engine="coppeliasim", cameras=(), recycle_after=2)
    pids = []
    for seed in range(4):
        env.reset(seed=seed)
        pids.append(env.simulator_pid)  # type: ignore[attr-defined]
    env.close()
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_no_placement_is_no_fault(standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").write_text("")
    monkeypatch.setenv("STANDIN_NO_PLACE", str(tmp_path / "full"))
    env = make_environment(TASK, engine="coppeliasim", cameras=())
    with pytest.raises(errors.PlacementError, match="no valid placement"):
        env.reset(seed=0)
    pid = env.simulator_pid  # type: ignore[attr-defined]
    (tmp_path / "full").write_text("2")
    assert env.reset(seed=0)[1]["placement_tries"] == 3
    assert env.simulator_pid == pid  # type: ignore[attr-defined]
    env.close()


def test_any_task_of_rlbench_runs_by_its_name(standin: Path) -> None:
    env = make_environment("open_drawer", engine="coppeliasim", cameras=())
    _, info = env.reset(options={"scenario": Scenario(task="open_drawer", variation=2)})
    assert info["source"] == "rlbench"
    assert info["instruction"] == "open the top drawer"
    with pytest.raises(errors.InvalidScenarioError, match="variations 0 to 2"):
        env.reset(options={"scenario": Scenario(task="open_drawer", variation=3)})
    with pytest.raises(errors.InvalidScenarioError, match="only no_var"):
        env.reset(options={"scenario": Scenario(task="open_drawer", factor="tab_tex")})
    env.close()
    with pytest.raises(errors.UnknownNameError, match="Did you mean: open_drawer"):
        make_environment("open_draw", engine="coppeliasim", cameras=()).reset(seed=0)


def test_solutions_that_start_over_are_previewed_without_a_trace(standin: Path) -> None:
    env = make_environment("open_drawer", engine="coppeliasim", cameras=())
    env.reset(seed=0)
    oracle = env.oracle  # type: ignore[attr-defined]
    before = env.state()  # type: ignore[attr-defined]
    preview = oracle.preview()
    np.testing.assert_array_equal(env.state(), before)  # type: ignore[attr-defined]
    assert [round(step.poses[0, 1] - preview[0].poses[0, 1], 3) for step in preview] == [0.0, 0.05]
    first = oracle.waypoint(0)
    np.testing.assert_allclose(first.poses, preview[0].poses, atol=1e-9)
    # Asked for again it is the same step, and a look at the whole changes nothing.
    np.testing.assert_allclose(oracle.waypoint(0).poses, first.poses, atol=1e-9)
    assert len(oracle.preview()) == 2
    np.testing.assert_allclose(oracle.waypoint(1).poses, preview[1].poses, atol=1e-9)
    env.close()


def test_fingers_that_are_told_otherwise_on_their_way_turn_round(standin: Path) -> None:
    env = make_environment(TASK, engine="coppeliasim", cameras=(), action_mode="joint_position")
    arm = env.reset(seed=0)[0]["joint_positions"]

    def fingers(*openings: float) -> float:
        for opening in openings:
            env.step(np.append(arm, opening))
        return float(env.state()[14])  # type: ignore[attr-defined]

    assert fingers(0.0) == pytest.approx(0.03)
    assert fingers(*[1.0] * 6) == pytest.approx(0.04)
    assert fingers(*[0.0] * 8, 1.0) == pytest.approx(0.01)
    # PyRep has not forgotten this motion when the next episode starts.
    env.reset(seed=1)
    assert fingers(1.0) == pytest.approx(0.04)
    assert fingers(*[0.5] * 8) == pytest.approx(0.02)
    assert fingers(*[0.1] * 8) == pytest.approx(0.004)
    assert fingers(*[0.0] * 8) == pytest.approx(0.0)
    env.close()


def test_videos_are_drawn_as_observations_are(standin: Path) -> None:
    for renderer in ("opengl", "opengl3"):
        env = make_environment(
            TASK, engine="coppeliasim", image_size=(40, 60), render_mode="rgb_array", render_size=(40, 60), renderer=renderer
        )
        observation, _ = env.reset(seed=0)
        np.testing.assert_array_equal(env.render(), observation["front_rgb"])
        env.close()


def test_what_the_arm_touches_keeps_no_motion_of_the_solution_back(standin: Path) -> None:
    env = make_environment("open_drawer", engine="coppeliasim", cameras=())
    env.reset(seed=0)
    oracle = env.oracle  # type: ignore[attr-defined]
    waypoint = oracle.waypoint(0)
    assert not waypoint.ignore_collisions
    assert len(oracle.plan(waypoint)) > 2
    env.close()


def test_a_factor_starts_from_a_room_that_no_factor_has_changed(standin: Path) -> None:
    env = make_environment(TASK, engine="coppeliasim")
    scenario = Scenario(task=TASK, factor="cam_pos", episode=1)
    alone = env.reset(options={"scenario": scenario})[0]["front_extrinsics"]
    for episode in (2, 3):
        env.reset(options={"scenario": Scenario(task=TASK, factor="cam_pos", episode=episode)})
    np.testing.assert_allclose(env.reset(options={"scenario": scenario})[0]["front_extrinsics"], alone, atol=1e-12)
    control = env.reset(options={"scenario": scenario.control()})[0]["front_extrinsics"]
    np.testing.assert_allclose(control[:3, 3], [1.35, 0.0, 1.58], atol=1e-9)
    assert np.abs(alone - control).max() > 1e-3
    env.close()


def test_draws_of_factors_from_the_global_generator_leave_the_layout(standin: Path) -> None:
    layouts = {}
    for factor, compat in (("no_var", None), ("distractor", None), ("distractor", "one_stream")):
        env = make_environment(TASK, engine="coppeliasim", cameras=(), compat=compat)
        layouts[factor, compat] = env.reset(options={"scenario": Scenario(task=TASK, factor=factor)})[1]["layout"]["base_pose"]
        env.close()
    np.testing.assert_array_equal(layouts["distractor", None], layouts["no_var", None])
    assert layouts["distractor", "one_stream"] != layouts["no_var", None]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"cameras": ("fron",)}, errors.UnknownNameError, "Did you mean: front"),
        ({"renderer": "gl"}, errors.UnknownNameError, "opengl3"),
        ({"recycle_after": 0}, errors.InvalidOptionError, "from 1"),
        ({"distractors": "x"}, errors.InvalidOptionError, "leave distractors out"),
        ({"image_size": 0}, errors.InvalidOptionError, "1 to 2048"),
        ({"compat": "one_strem"}, errors.UnknownNameError, "Did you mean: one_stream"),
        ({"render_mode": "human"}, errors.UnknownNameError, "rgb_array"),
    ],
)
def test_impossible_options_are_answered_with_what_is_possible(
    standin: Path, options: dict[str, Any], error: type[errors.HamsterBenchError], said: str
) -> None:
    with pytest.raises(error, match=said):
        gymnasium.make(f"hamster_bench/{TASK}-v0", engine="coppeliasim", **options)


def test_pictures_that_the_original_does_not_list_are_no_textures(standin: Path, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpeg")
    with pytest.raises(errors.InvalidOptionError, match=r"ends in \.jpg or \.png"):
        make_environment(TASK, engine="coppeliasim", textures=tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    make_environment(TASK, engine="coppeliasim", textures=tmp_path).close()


def test_what_cannot_be_undone_is_refused(standin: Path) -> None:
    env = make_environment(TASK, engine="coppeliasim", cameras=())
    env.reset(seed=0)
    oracle = env.oracle  # type: ignore[attr-defined]
    with pytest.raises(errors.InvalidOptionError, match="cannot undo"):
        oracle.trial()
    with pytest.raises(errors.InvalidOptionError, match="another scenario"):
        oracle.preview_of(Scenario(task=TASK))
    env.close()


def test_a_run_goes_on_past_a_crash(standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_fault(tmp_path, monkeypatch, at="step", after=30, kind="crash")
    command = ["run", "--engine", "coppeliasim", "--agents", "expert,random", "--tasks", TASK, "--factors", "no_var,tab_tex"]
    assert main([*command, "--episodes", "1", "--out", str(tmp_path / "out")]) == 0
    with sqlite3.connect(tmp_path / "out" / "results.sqlite") as store:
        rows = dict(store.execute("select agent || ' ' || scenario, outcome || ' ' || coalesce(kind, '') from episodes"))
    assert rows.pop(f"expert {TASK}-v0-no_var-e0-s0") == "error simulator_fault"
    assert rows.pop(f"expert {TASK}-v0-tab_tex-e0-s0") == "success "
    assert all(outcome.startswith("failure") for outcome in rows.values())
    assert len(rows) == 2
