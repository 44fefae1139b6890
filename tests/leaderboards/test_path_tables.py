"""Tables of path quality and of causes of failures, from made-up paths whose distances are plain."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from hamster_bench.cli.main import main
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario
from tests.leaderboards.made_up import fill

SKETCH, WRONG = make_protocol("hamster", path_planner="sketch"), make_protocol("hamster", path_planner="wrong")
SOLUTION = Path2D([[0.2, 0.1], [0.2, 0.8], [0.8, 0.4], [0.8, 0.8]], [1, 0, 0, 1])


def moved(right: float) -> Path2D:
    return Path2D(SOLUTION.points + np.array([right, 0.0]), SOLUTION.gripper_open)


def record(
    agent: str, episode: int, path: Path2D | None, *, protocol: Protocol = SKETCH, factor: str = "no_var", success: bool = False
) -> EpisodeRecord:
    proposal = {"step": 0, "path": path and json.loads(path.to_json()), "error": None, "record": None}
    return EpisodeRecord(
        agent=agent,
        agent_fingerprint="f",
        protocol=protocol.fingerprint,
        scenario=Scenario(task="stack_cups", factor=factor, episode=episode),
        outcome="success" if success else "failure",
        kind=None if success else "step_limit",
        proposals=json.dumps([proposal]),
        track=Track(SOLUTION).to_text(),
        oracle_path=Track(SOLUTION).to_text(),
        versions={"python": "3.11"},
    )


def rows_of(directory: Path, form: str, out: Path, *options: str) -> list[dict[str, str]]:
    assert main(["table", str(directory), "--form", form, "--csv", str(out), *options]) == 0
    return list(csv.DictReader(out.read_text().splitlines()))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    def played() -> Iterable[EpisodeRecord]:
        for agent in ("first", "second"):
            yield record(agent, 0, moved(0.02), success=True)
            yield record(agent, 1, moved(0.04))
            yield record(agent, 0, None, factor="tab_tex")
        yield record("second", 2, SOLUTION)

    directory = fill(tmp_path / "results", played(), SKETCH)
    return fill(directory, [record("first", 0, moved(0.15), protocol=WRONG)], WRONG)


def test_every_scenario_counts_once_however_many_agents_were_given_its_path(results: Path, tmp_path: Path) -> None:
    rows = {(r["path planner"], r["distance"], r["factor"]): r for r in rows_of(results, "paths", tmp_path / "t.csv")}
    changes = rows["sketch", "at gripper changes", "no_var"]
    assert float(changes["mean_distance"]) == pytest.approx(0.02)
    assert changes["n"] == "3"
    assert float(changes["low"]) < 0.02 < float(changes["high"])
    assert 0.0 < float(rows["sketch", "along the path", "no_var"]["mean_distance"]) <= 0.02 + 1e-6
    without = rows["sketch", "at gripper changes", "tab_tex"]
    assert float(without["mean_distance"]) == pytest.approx(math.sqrt(2))
    assert without["episodes without a path"] == "1"
    assert float(rows["sketch", "at gripper changes", "all"]["mean_distance"]) == pytest.approx((0.06 + math.sqrt(2)) / 4)
    assert float(rows["wrong", "at gripper changes", "all"]["mean_distance"]) == pytest.approx(0.15)
    assert rows["sketch", "along the path", "cam_pos"]["mean_distance"] == ""
    of_one = rows_of(results, "paths", tmp_path / "t.csv", "--agents", "first")
    assert {r["n"] for r in of_one if r["path planner"] == "sketch" and r["factor"] == "no_var"} == {"2"}


@pytest.mark.parametrize("form", ["paths", "causes"])
def test_names_without_records_are_refused(form: str, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(results), "--form", form, "--agents", "fisrt"]) == 2
    assert "first" in capsys.readouterr().err


def test_causes_are_counted_for_each_agent_and_planner(results: Path, tmp_path: Path) -> None:
    rows = rows_of(results, "causes", tmp_path / "t.csv")
    found = {(r["agent"], r["path planner"], r["cause"]): (r["n"], float(r["share_of_failures"])) for r in rows}
    assert found["first", "sketch", "path_prediction"] == ("2", 1.0)
    assert found["second", "sketch", "path_prediction"] == ("2", pytest.approx(2 / 3))
    assert found["second", "sketch", "execution"] == ("1", pytest.approx(1 / 3))
    assert found["first", "wrong", "path_prediction"] == ("1", 1.0)
    only = rows_of(results, "causes", tmp_path / "t.csv", "--agents", "second")
    assert {r["agent"] for r in only} == {"second"}


@pytest.mark.parametrize(("form", "said"), [("paths", "tells a path"), ("causes", "failed with a 2D path")])
def test_records_without_paths_are_refused(form: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = EpisodeRecord(
        agent="a",
        agent_fingerprint="f",
        protocol=SKETCH.fingerprint,
        scenario=Scenario(task="stack_cups"),
        outcome="success",
        versions={"python": "3.11"},
    )
    assert main(["table", str(fill(tmp_path, [bare], SKETCH)), "--form", form]) == 2
    assert said in capsys.readouterr().err
