"""``hamster-bench rebuild``: published tables and figures are what their records say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hamster_bench.cli.main import REFUSED, main

RESULTS = Path(__file__).resolve().parents[2] / "results"
RECIPE = 'commands = ["table . --markdown table.md --csv sub/table.csv"]\n'


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    shutil.copyfile(RESULTS / "attribution" / "results.sqlite", folder / "results.sqlite")
    (folder / "rebuild.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "sub").mkdir()
    return folder


def test_it_makes_what_the_recipe_says_and_finds_it_unchanged(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rebuild", str(published)]) == 0
    assert "path\\_lift" in (published / "table.md").read_text(encoding="utf-8")
    assert main(["rebuild", str(published), "--check"]) == 0
    assert "2 of 2 files are the same bytes" in capsys.readouterr().out


@pytest.mark.parametrize(("damage", "said"), [("changed", "table.md differs"), ("removed", "table.md is not there")])
def test_a_check_tells_what_does_not_follow_from_the_records_and_changes_nothing(
    published: Path, capsys: pytest.CaptureFixture[str], damage: str, said: str
) -> None:
    assert main(["rebuild", str(published)]) == 0
    table = published / "table.md"
    if damage == "changed":
        table.write_text(table.read_text(encoding="utf-8").replace("0.0", "100.0"), encoding="utf-8")
    else:
        table.unlink()
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    assert main(["rebuild", str(published), "--check"]) == 1
    out = capsys.readouterr().out
    assert "1 of 2 files are the same bytes" in out
    assert said in out
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (None, "is no list of commands"),
        ("commands = 3", "is no list of commands"),
        ('commands = []\nunpublished = "site"', "must be a list of folders"),
        ("comands = []", "is no list of commands"),
        ('commands = ["run --agents expert --tasks all --episodes 9 --out x"]', "what may be run is"),
        ('commands = ["leaderboard add x.zip --board b"]', "what may be run is"),
        ('commands = ["table . --markdown table.md", "sh -c true"]', "what may be run is"),
        ('commands = ["table . --markdown table.md", "table . --csv ../table.csv"]', "inside its own folder"),
        ('commands = ["table . --markdown table.md", "table . --csv=/tmp/table.csv"]', "inside its own folder"),
        ('commands = ["table . --markdown table.md", "table ~ --csv table.csv"]', "inside its own folder"),
    ],
)
def test_anything_else_is_refused_before_anything_is_made(
    published: Path, capsys: pytest.CaptureFixture[str], recipe: str | None, said: str
) -> None:
    if recipe is None:
        (published / "rebuild.toml").unlink()
    else:
        (published / "rebuild.toml").write_text(recipe, encoding="utf-8")
    assert main(["rebuild", str(published)]) == REFUSED
    assert said in capsys.readouterr().err
    assert not (published / "table.md").exists()


def test_a_link_is_not_written_through(published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.md"
    mine.write_text("mine", encoding="utf-8")
    (published / "table.md").symlink_to(mine)
    assert main(["rebuild", str(published)]) == REFUSED
    assert "is a link" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_folder_of_folders_means_all_that_have_a_recipe(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(published, published.parent / "another")
    (published.parent / "without").mkdir()
    assert main(["rebuild", str(published.parent)]) == 0
    assert (published.parent / "another" / "table.md").read_bytes() == (published / "table.md").read_bytes()
    assert main(["rebuild", "--check", str(published.parent)]) == 0
    assert capsys.readouterr().out.count("2 of 2 files are the same bytes") == 2


def test_a_command_that_fails_is_named(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (published / "rebuild.toml").write_text('commands = ["table . --form no_such_form"]', encoding="utf-8")
    assert main(["rebuild", str(published)]) == REFUSED
    assert "table . --form no_such_form" in capsys.readouterr().err


def test_of_a_site_the_digests_are_kept(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = 'unpublished = ["site"]\ncommands = ["leaderboard build . --out site --pictures 0 --digests site.sha256"]\n'
    (published / "rebuild.toml").write_text(recipe, encoding="utf-8")
    assert main(["rebuild", str(published)]) == 0
    kept = (published / "site.sha256").read_text(encoding="utf-8").splitlines()
    assert {line.split("  ")[1] for line in kept} == {
        file.relative_to(published / "site").as_posix() for file in (published / "site").rglob("*") if file.is_file()
    }
    subprocess.run(["sha256sum", "--check", "--quiet", "../site.sha256"], cwd=published / "site", check=True)
    shutil.rmtree(published / "site")
    assert main(["rebuild", str(published), "--check"]) == 0
    assert "1 of 1 files are the same bytes" in capsys.readouterr().out
    (published / "site.sha256").write_text("\n".join(kept[1:]), encoding="utf-8")
    assert main(["rebuild", str(published), "--check"]) == 1


@pytest.mark.parametrize("recipe", sorted(RESULTS.glob("*/rebuild.toml")), ids=lambda path: path.parent.name)
def test_the_projects_own_results_follow_from_their_records(recipe: Path) -> None:
    assert main(["rebuild", str(recipe.parent), "--check"]) == 0
