"""``hamster-bench parity keyposes``: recorded episodes, disagreement, and files of other kinds."""

import json
import pathlib

import pytest

from hamster_bench.cli.main import main

PUBLISHED = pathlib.Path(__file__).parents[3] / "shared" / "parity" / "keyposes_public.json"
# Still at frames 1, 2 and 4. The gripper ends closed, so a look from frame 1 round the end forbids the stop there.
STILL = [False, True, True, False, False, False, False]
EPISODE = {
    "gripper_open": [1, 1, 1, 1, 1, 1, 0],
    "joint_velocities": [[0.0 if still else 0.5] * 7 for still in STILL],
    "keyposes": [1, 6],
}


def parity(tmp_path, *cases):
    file = tmp_path / "episodes.json"
    file.write_text(json.dumps({"cases": cases}), encoding="utf-8")
    return main(["parity", "keyposes", str(file)])


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the recorded episodes are not here")
def test_the_recorded_episodes_are_met(capsys):
    assert main(["parity", "keyposes", str(PUBLISHED)]) == 0
    assert capsys.readouterr().out.count("0 of 8  (at most 0 of 8)") == 2


def test_both_rules_are_compared(tmp_path, capsys):
    assert parity(tmp_path, EPISODE | {"keyposes_wrapping": [2, 6]}) == 0
    assert parity(tmp_path, EPISODE) == 1
    assert "case 0: [2, 6] instead of [1, 6]" in capsys.readouterr().out
    assert parity(tmp_path, EPISODE | {"keyposes": [2, 6]}) == 1
    assert "case 0: [1, 6] instead of [2, 6]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "case",
    [
        {},
        "case",
        {**EPISODE, "joint_velocities": [[0.0] * 7] * 3},
        {**EPISODE, "joint_velocities": [0.0] * 7},
        {**EPISODE, "gripper_open": "open"},
        {**EPISODE, "keyposes": 3},
    ],
)
def test_malformed_episodes_are_refused(case, tmp_path, capsys):
    assert parity(tmp_path, case) == 2
    assert "no recorded episodes" in capsys.readouterr().err


def test_other_files_are_refused(tmp_path, capsys):
    assert parity(tmp_path) == 2
    assert main(["parity", "keyposes", str(tmp_path / "none.json")]) == 2
    assert "no recorded episodes" in capsys.readouterr().err
