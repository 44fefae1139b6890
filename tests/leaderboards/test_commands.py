"""``hamster-bench table`` and ``hamster-bench figures`` as they are typed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hamster_bench.cli.main import main
from hamster_bench.cli.table import FORMS
from hamster_bench.evaluation.protocol import make_protocol
from tests.leaderboards.made_up import fill, records

SHEET = '[agents.x]\nmethod = "M"\ndemonstrations = 10\nshare = 1.0\n'


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [
        record
        for task in ("close_box", "stack_cups")
        for agent in ("x", "y")
        for factor in ("no_var", "cam_pos", "rlb_var")
        if (task, factor) != ("close_box", "rlb_var")
        for seed in (0, 1)
        for record in records(task, agent, "ssfm" if agent == "x" else "sfme", factor, seed=seed)
    ]
    folder = fill(tmp_path_factory.mktemp("results"), made)
    (folder / "agents.toml").write_text(SHEET)
    (folder / "rankings.csv").write_text("rater,picture,set,planner,rank\nr,1,real,a,1\nr,1,real,b,2\n")
    return folder


# Trials are of a robot, paths and causes need paths: tests/trials and test_path_tables cover their tables.
@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("trials", "paths", "causes")])
def test_every_form_is_printed_and_written(form: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {option: tmp_path / f"t{option}" for option in ("--markdown", "--latex", "--csv")}
    words = ["table", str(results), "--form", form, *(str(word) for pair in files.items() for word in pair)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] in files["--markdown"].read_text().replace("**", "").replace("\\", "")
    assert "\\toprule" in files["--latex"].read_text()
    rows = list(csv.DictReader(files["--csv"].read_text().splitlines()))
    assert rows
    if form.endswith("variations"):
        assert len({row["factor"] for row in rows}) == 16


def test_undefined_cells_of_the_variation_table_are_known(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(results), "--form", "task_variations", "--agents", "x"]) == 0
    lines = capsys.readouterr().out.splitlines()
    header = lines[2]
    box, cups = (next(line for line in lines if line.startswith("x") and task in line) for task in ("close_box", "stack_cups"))
    at = header.index("rlb_var")
    assert (box[at], cups[at : at + 4]) == ("-", "50.0")
    assert box[header.index("tab_tex")] == "?"


def test_spread_over_seeds(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(results), "--spread", "seeds", "--agents", "x"]) == 0
    assert "50.0 ± 0.0 8" in capsys.readouterr().out


def test_reference_rows_only_where_there_are_some(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(results), "--form", "variations", "--reference"]) == 0
    assert "† HAMSTER + 3D-DA  46.0 ± 4.0" in capsys.readouterr().out
    assert main(["table", str(results), "--reference"]) == 2
    assert "unknown table with published figures 'tasks'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--form", "variation"], "variations"),
        (["--spread", "std"], "seeds"),
        (["--tasks", "wipe_desk"], "task with records 'wipe_desk'"),
        (["--agents", "z"], "agent with records 'z'"),
        (["--form", "task_types", "--factor", "tab_tex"], "factor with records 'tab_tex'"),
        (["--factor", "no_var"], "--factor is for the forms"),
        (["--form", "demonstrations", "--agent-sheet", "/nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_shown_is_refused(words: list[str], said: str, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(results), *words]) == 2
    assert said in capsys.readouterr().err


def test_protocols_without_the_wanted_records_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    friction = make_protocol("hamster", grasp="friction")
    fill(tmp_path, records("close_box", "x", "s"))
    fill(tmp_path, records("stack_cups", "y", "f", protocol=friction), friction)
    assert main(["table", str(tmp_path), "--tasks", "close_box"]) == 0
    printed = capsys.readouterr().out
    assert "close_box" in printed
    assert "friction" not in printed
    assert main(["table", str(tmp_path), "--tasks", "close_box", "--agents", "y"]) == 2
    assert "has no records of y on close_box" in capsys.readouterr().err


def test_figures_are_written(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", str(results), "--out", str(tmp_path / "out"), "--formats", "svg"]) == 0
    stems = sorted(file.name.partition("-")[0] for file in (tmp_path / "out").iterdir())
    assert stems == ["demonstrations", "failure_split", "forest", "heat_map", "heat_map", "heat_map"]
    printed = capsys.readouterr().out
    assert all(file.name in printed for file in (tmp_path / "out").iterdir())


def test_forest_plot_needs_controls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, records("close_box", "x", "sf"))
    words = ["figures", str(tmp_path), "--out", str(tmp_path / "out"), "--formats", "svg"]
    assert main(words) == 0
    assert "forest-" not in capsys.readouterr().out
    assert main([*words, "--figures", "forest"]) == 2
    assert "was played under a factor and under no_var" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--figures", "heatmap"], "heat_map"),
        (["--formats", "jpg"], "file format 'jpg'"),
        (["--figures", "demonstrations", "--agent-sheet", "/nowhere"], "cannot be read"),
        (["--tasks", "wipe_desk"], "task with records 'wipe_desk'"),
    ],
)
def test_figures_that_cannot_be_made_are_refused_before_anything_is_written(
    words: list[str], said: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", str(results), "--out", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
