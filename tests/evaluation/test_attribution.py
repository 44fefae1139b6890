"""Causes of failures, from made-up ways whose cause is plain."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from hamster_bench.cli.main import main
from hamster_bench.errors import PathError
from hamster_bench.evaluation.attribution import attribute_failure, failure_splits
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

HAMSTER = make_protocol("hamster")
# Down to an object, which is grasped, up and to the side, where it is let go.
SOLUTION = Path2D([[0.2, 0.1], [0.2, 0.8], [0.2, 0.4], [0.8, 0.4], [0.8, 0.8]], [1, 0, 0, 0, 1])


def moved(path: Path2D, right: float, points: slice = slice(None)) -> Path2D:
    changed = path.points.copy()
    changed[points, 0] += right
    return Path2D(changed, path.gripper_open)


def beginning(path: Path2D, points: int) -> Path2D:
    return Path2D(path.points[:points], path.gripper_open[:points])


def failed(
    way: Path2D,
    path: Path2D | None = SOLUTION,
    kind: str = "step_limit",
    later: tuple[Path2D | None, ...] = (),
    marks: tuple[int, ...] = (),
) -> EpisodeRecord:
    proposals = [
        {"step": i, "path": p and json.loads(p.to_json()), "error": None, "record": None} for i, p in enumerate((path, *later))
    ]
    return EpisodeRecord(
        agent="a",
        agent_fingerprint="f",
        protocol=HAMSTER.fingerprint,
        scenario=Scenario(task="stack_cups"),
        outcome="failure",
        kind=kind,
        proposals=json.dumps(proposals),
        track=Track(way, marks).to_text(),
        oracle_path=Track(SOLUTION).to_text(),
    )


def cause(record: EpisodeRecord) -> str | None:
    found = attribute_failure(record)
    return None if found is None else found.cause


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(failed(SOLUTION), "execution", id="all was well but the task"),
        pytest.param(failed(moved(SOLUTION, 0.03), moved(SOLUTION, 0.02)), "execution", id="small errors"),
        pytest.param(failed(SOLUTION, None), "path_prediction", id="no path"),
        pytest.param(failed(moved(SOLUTION, 0.15), moved(SOLUTION, 0.15)), "path_prediction", id="path elsewhere, followed"),
        pytest.param(failed(SOLUTION, Path2D(SOLUTION.points, [1, 1, 1, 0, 0])), "path_prediction", id="grasps elsewhere"),
        pytest.param(failed(SOLUTION, beginning(SOLUTION, 2)), "path_prediction", id="half a path"),
        pytest.param(failed(moved(SOLUTION, 0.15)), "path_adherence", id="sound path, way elsewhere"),
        pytest.param(failed(moved(SOLUTION, 0.15, slice(3, 5))), "path_adherence", id="leaves it late"),
        pytest.param(failed(Path2D(SOLUTION.points, [1, 1, 0, 0, 1])), "path_adherence", id="closes elsewhere"),
        pytest.param(failed(beginning(SOLUTION, 3)), "path_adherence", id="stays on it but does not go on"),
        pytest.param(failed(beginning(SOLUTION, 3), kind="agent_stopped:done"), "path_adherence", id="stops half way"),
        pytest.param(failed(beginning(SOLUTION, 3), kind="motion_failure:ik_unreachable"), "execution", id="cannot go on"),
        pytest.param(failed(beginning(SOLUTION, 1), kind="invalid_action:wrong_shape"), "execution", id="refused at once"),
    ],
)
def test_cause_of_a_failure(record: EpisodeRecord, expected: str) -> None:
    assert cause(record) == expected


def test_way_is_compared_with_the_path_in_force() -> None:
    # The path that is proposed where the object was grasped leads elsewhere, and is followed.
    other = Path2D([[0.2, 0.8], [0.5, 0.2], [0.9, 0.1]], [0, 0, 1])
    way = Path2D([*SOLUTION.points[:2], *other.points[1:]], [1, 0, 0, 1])
    assert cause(failed(way)) == "path_adherence"
    assert cause(failed(way, later=(other,), marks=(1,))) == "execution"
    # A planner that fails later leaves the path as it was.
    assert cause(failed(SOLUTION, later=(None,), marks=(3,))) == "execution"
    assert cause(failed(moved(SOLUTION, 0.15), later=(None,), marks=(3,))) == "path_adherence"


def test_episodes_it_does_not_speak_of(tmp_path: Path) -> None:
    record = failed(SOLUTION)
    changes: tuple[dict[str, Any], ...] = (
        {"outcome": "success", "kind": None},
        {"outcome": "error", "kind": "agent_error"},
        {"proposals": None},
        {"track": None},
        {"oracle_path": None},
    )
    for change in changes:
        assert attribute_failure(dataclasses.replace(record, **change)) is None
    broken = dataclasses.replace(record, outcome="error", kind="planner_error", track=None)
    assert cause(broken) == "path_prediction"
    with pytest.raises(PathError, match="proposals that cannot be read"):
        attribute_failure(dataclasses.replace(record, proposals='[{"step":0}]'))


def test_splits_count_every_failure_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        failed(SOLUTION),
        failed(SOLUTION, None),
        failed(moved(SOLUTION, 0.15)),
        dataclasses.replace(failed(SOLUTION), track=None),
        dataclasses.replace(failed(SOLUTION), outcome="success", kind=None),
    ]
    records = [dataclasses.replace(r, scenario=Scenario(task="stack_cups", episode=i)) for i, r in enumerate(records)]
    records.append(dataclasses.replace(records[-1], agent="b"))
    assert failure_splits(records) == {"a": (1, 1, 1, 1), "b": (0, 0, 0, 0)}
    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        for record in records:
            store.add(run, record)
    assert main(["failures", str(tmp_path), "--list"]) == 0
    said = capsys.readouterr().out
    assert "1 (33 %)" in said
    assert "stack_cups-v0-no_var-e2-s0 (step_limit): path_adherence; path_error 0.000" in said
