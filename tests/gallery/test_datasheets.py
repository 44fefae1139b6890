from __future__ import annotations

from pathlib import Path

import pytest

from hamster_bench.cli.datasheets import read_ceilings
from hamster_bench.cli.main import main
from hamster_bench.envs.tasks import TASKS
from hamster_bench.gallery.datasheets import datasheet, index

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "tasks"
CEILINGS = ROOT / "results" / "experts" / "table.csv"

CHECKOUT = pytest.mark.skipif(not PAGES.exists(), reason="the pages are part of a checkout, not of an installed package")


@CHECKOUT
@pytest.mark.parametrize("task", TASKS.names())
def test_the_page_of_a_task_says_what_the_task_is(task: str) -> None:
    written = (PAGES / f"{task}.md").read_text(encoding="utf-8")
    assert written == datasheet(task, read_ceilings(CEILINGS)[task])
    assert (PAGES / "images" / f"{task}.png").is_file()


@CHECKOUT
def test_the_list_of_tasks_is_complete() -> None:
    assert (PAGES / "README.md").read_text(encoding="utf-8") == index(TASKS.names())


def test_pages_are_written_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasheets", "--out", str(tmp_path / "pages"), "--no-pictures"]) == 0
    assert {page.stem for page in (tmp_path / "pages").glob("*.md")} == {*TASKS.names(), "README"}
    assert "14 pages" in capsys.readouterr().out


def test_a_file_that_is_no_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["datasheets", "--out", str(tmp_path / "pages"), "--ceilings", str(tmp_path / "x.csv"), "--no-pictures"]) == 2
    assert "is no table" in capsys.readouterr().err
    assert not (tmp_path / "pages").exists()
