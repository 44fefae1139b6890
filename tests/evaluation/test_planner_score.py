"""Planners measured against the expert's paths."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hamster_bench.cli.main import main
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import PlannerError
from hamster_bench.evaluation.attribution import NO_PATH_DISTANCE
from hamster_bench.evaluation.planner_score import PathScore, by_cell, score_planner
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.paths import Path2D
from hamster_bench.planners import PathPlanner, make_planner
from hamster_bench.scenario import Scenario

TASK = "slide_block_to_target"


def score(planner: PathPlanner, **changes: Any) -> list[PathScore]:
    asked = {"tasks": (TASK,), "episodes": 2, "seed": 0, "factors": ("no_var",), "protocol": make_protocol("hamster")}
    return list(score_planner(planner, **(asked | changes)))


class Shifted:
    """The expert's path, moved to the right."""

    privileged = True
    shift = 0.03

    def propose(self, image_rgb: Any, instruction: str, context: Any) -> Path2D:
        path = make_planner("oracle").propose(image_rgb, instruction, context)
        assert isinstance(path, Path2D)
        return Path2D(np.clip(path.points + np.array([self.shift, 0.0]), 0.0, 1.0), path.gripper_open)


class WithoutChanges(Shifted):
    """A path on which the gripper does nothing."""

    def propose(self, image_rgb: Any, instruction: str, context: Any) -> Path2D:
        path = super().propose(image_rgb, instruction, context)
        return Path2D(path.points, np.ones(len(path), dtype=bool))


class Broken:
    """A planner that fails on the second episode."""

    privileged = False

    def propose(self, image_rgb: Any, instruction: str, context: Any) -> Path2D | None:
        if context.scenario.episode == 1:
            raise PlannerError("no connection")
        return None


def test_the_expert_agrees_with_itself() -> None:
    scores = score(make_planner("oracle"), tasks=(TASK, "close_box"), episodes=2)
    assert [s.scenario.id for s in scores] == [
        f"{TASK}-v0-no_var-e0-s0",
        f"{TASK}-v0-no_var-e1-s0",
        "close_box-v0-no_var-e0-s0",
        "close_box-v0-no_var-e1-s0",
    ]
    assert all((s.distance, s.wrong_changes, s.dtw, s.frechet, s.error) == (0.0, 0, 0.0, 0.0, None) for s in scores)


def test_a_shifted_path_errs_by_the_shift() -> None:
    for s in score(Shifted()):
        assert s.distance == pytest.approx(Shifted.shift)
        assert s.frechet == pytest.approx(Shifted.shift)
        assert s.wrong_changes == 0


def test_missing_changes_are_counted_and_measured_to_the_end() -> None:
    for s in score(WithoutChanges()):
        assert s.wrong_changes == 1
        assert s.distance > Shifted.shift


def test_an_episode_without_a_path_counts_with_the_largest_distance_there_is() -> None:
    scores = score(Broken())
    assert [s.distance for s in scores] == [NO_PATH_DISTANCE, NO_PATH_DISTANCE] == [math.sqrt(2.0)] * 2
    assert "no path to offer" in str(scores[0].error)
    assert scores[1].error == "PlannerError: no connection"
    (cell,) = by_cell(scores)
    assert (cell.failed, cell.wrong_changes, cell.n) == (2, 1.0, 2)


def test_cells_hold_mean_interval_and_median() -> None:
    def row(task: str, distance: float, wrong: int = 0) -> PathScore:
        return PathScore(Scenario(task=task), distance, wrong, 0.1, 0.2, 0.01, None)

    first, second = by_cell([row("a", 0.1), row("b", 0.5), row("a", 0.2), row("a", 0.6, wrong=1)])
    assert (first.task, first.n, first.median) == ("a", 3, pytest.approx(0.2))
    assert first.distance == pytest.approx(0.3)
    half = 1.959963984540054 * np.std([0.1, 0.2, 0.6], ddof=1) / math.sqrt(3)
    assert (first.low, first.high) == (pytest.approx(max(0.0, 0.3 - half)), pytest.approx(0.3 + half))
    assert first.wrong_changes == pytest.approx(1 / 3)
    assert (second.task, second.distance) == ("b", 0.5)
    assert math.isnan(second.high)


def test_the_command_prints_a_table_and_writes_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    markdown, table = tmp_path / "scores.md", tmp_path / "scores.csv"
    words = ["score-planner", "--planner", "oracle", "--tasks", TASK, "--episodes", "2"]
    assert main([*words, "--markdown", str(markdown), "--csv", str(table)]) == 0
    printed = capsys.readouterr().out
    assert f"| {TASK} | 2 | 0.000 [0.000, 0.000] |" in printed
    assert "at most 0.06 in 1 of 1 cells" in printed
    assert markdown.read_text(encoding="utf-8") == printed
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["scenario"] for row in rows] == [f"{TASK}-v0-no_var-e{i}-s0" for i in range(2)]
    assert main(["score-planner", "--planner", "none", "--tasks", TASK, "--episodes", "1"]) == 0
    assert f"no path for {TASK}" in capsys.readouterr().out


def test_of_several_factors_the_command_prints_the_errors_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--tasks", f"{TASK},stack_cups", "--factors", "no_var,rlb_var", "--episodes", "1"]
    assert main(["score-planner", "--planner", "oracle", *words]) == 2
    assert "rlb_var" in capsys.readouterr().err  # has no variations to draw
    words = ["--tasks", "stack_cups,wipe_desk", "--factors", "no_var,tab_col", "--episodes", "1"]
    assert main(["score-planner", "--planner", "oracle", *words]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "| error, n = 1 each | no_var | tab_col |"
    assert printed[2:5] == [
        "| stack_cups | 0.000 | 0.000 |",
        "| wipe_desk | 0.000 | 0.000 |",
        "| at most 0.06 | 2 of 2 | 2 of 2 |",
    ]


@pytest.mark.parametrize(("option", "value"), [("--tasks", "close_bx"), ("--planner", "orcle"), ("--factors", "no_vr")])
def test_unknown_names_are_answered_with_the_closest(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"--planner": "oracle", "--tasks": ",".join(TASKS.names()[:2]), "--episodes": "1"} | {option: value}
    assert main(["score-planner", *(word for pair in words.items() for word in pair)]) == 2
    assert "Did you mean" in capsys.readouterr().err
