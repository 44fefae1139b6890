"""``hamster-bench parity``: agreement, disagreement, and files of other kinds."""

import json
import pathlib

import numpy as np
import pytest

from hamster_bench.cli.main import main
from hamster_bench.cli.parity import PARITY_CHECKS
from hamster_bench.paths import Path2D, draw_path

PARITY = pathlib.Path(__file__).parents[3] / "shared" / "parity"
PUBLISHED = [PARITY / "hamster_answers_public.json", PARITY / "hamster_drawing_public.npz"]

CASE = {
    "name": "plain",
    "answer": "<ans>[(0.1, 0.2), (0.3, 0.4), <action>Open Gripper</action>]</ans>",
    "expected": {"points": [[0.1, 0.2, 0], [0.3, 0.4, 1]], "usable": True, "warnings": []},
}
REFUSED = {"name": "refused", "answer": "<ans>[(0.5, 0.5)]</ans>", "expected": {"points": [[0.5, 0.5, 0]], "usable": False}}


def answers(tmp_path, *cases, **more):
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"cases": cases} | more), encoding="utf-8")
    return file


def drawings(tmp_path, changed=lambda drawn: None):
    image = np.full((64, 96, 3), 90, np.uint8)
    points = np.array([[0.2, 0.2, 1.0], [0.7, 0.6, 0.0]])
    drawn = draw_path(image, Path2D(points[:, :2], points[:, 2]))
    changed(drawn)
    file = tmp_path / "drawings.npz"
    np.savez(file, image_0=image, points_0=points, drawn_0=drawn)
    return file


def parity(*files):
    return main(["parity", "hamster", *map(str, files)])


@pytest.mark.skipif(
    not all(file.exists() for file in PUBLISHED), reason="the published program's answers and drawings are not here"
)
def test_the_published_program_is_met(capsys):
    assert parity(*PUBLISHED) == 0
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    assert printed.count("ok") == 3 + 2 * 3
    assert "0 of 20  (at most 0 of 20)" in printed
    assert "(at most 1 %)" in printed


def test_files_that_agree_pass(tmp_path):
    assert parity(answers(tmp_path, CASE, REFUSED), drawings(tmp_path)) == 0


def test_the_file_says_in_which_state_paths_start(tmp_path, capsys):
    assert parity(answers(tmp_path, CASE, default_gripper_state=1)) == 1
    assert "FAIL" in capsys.readouterr().out


@pytest.mark.parametrize(
    "expected",
    [
        {"points": [[0.1, 0.2, 0], [0.3, 0.4, 0]], "usable": True},
        {"points": [[0.1, 0.2, 0]], "usable": True},
        {"points": [[0.1, 0.2, 0], [0.3, 0.41, 1]], "usable": True},
        {"points": [[0.1, 0.2, 0], [0.3, 0.4, 1]], "usable": False},
    ],
)
def test_an_answer_read_differently_fails(expected, tmp_path, capsys):
    assert parity(answers(tmp_path, REFUSED, CASE | {"expected": expected}), drawings(tmp_path)) == 1
    printed = capsys.readouterr().out
    assert printed.count("FAIL") == 1
    assert "drawing 0" in printed  # the files after it are compared all the same


def test_a_region_of_another_shape_fails(tmp_path):
    def one_pixel_more(drawn):
        drawn[0, 0] = 255, 0, 0

    assert parity(drawings(tmp_path, one_pixel_more)) == 1


@pytest.mark.parametrize(("pixels", "code"), [(2, 0), (20, 1)])
def test_one_pixel_in_a_hundred_may_have_another_colour(pixels, code, tmp_path):
    def recoloured(drawn):
        rows, columns = np.nonzero((drawn != 90).any(axis=2))
        assert 200 < len(rows) < 2000
        drawn[rows[:pixels], columns[:pixels]] = 1, 2, 3

    assert parity(drawings(tmp_path, recoloured)) == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"cases": []}',
        b'{"cases": [{}]}',
        b'{"cases": [{"name": 1, "answer": 2, "expected": {"usable": false, "points": [[1]]}}]}',
        b"PK\x03\x04",
        b"\xff",
        b"not json",
    ],
)
def test_other_files_are_refused(content, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert parity(file) == 2
    assert "neither answers" in capsys.readouterr().err


def test_pickles_are_not_opened(tmp_path):
    file = tmp_path / "objects.npz"
    np.savez(file, image_0=np.array([{}], dtype=object), points_0=np.zeros((2, 3)), drawn_0=np.zeros((2, 2, 3)))
    assert parity(file) == 2


def test_missing_files_and_unknown_kinds_are_refused(tmp_path, capsys):
    assert parity(tmp_path / "none.json") == 2
    assert main(["parity", "hamsterr", "file"]) == 2
    assert "Did you mean: hamster" in capsys.readouterr().err
    assert "hamster" in PARITY_CHECKS
