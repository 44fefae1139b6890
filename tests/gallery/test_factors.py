from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hamster_bench.cli.factors import MATRIX, SHEET
from hamster_bench.cli.main import main
from hamster_bench.envs.factors import FACTORS, columns
from hamster_bench.envs.factors.contract import COMPAT_SWITCHES
from hamster_bench.envs.tasks import TASKS
from hamster_bench.gallery.factors import factor_sheet, matrix_page

PAGES = Path(__file__).parents[2] / "docs" / "factors"


@pytest.mark.skipif(not PAGES.exists(), reason="the pages are part of a checkout, not of an installed package")
def test_the_page_says_what_is_defined() -> None:
    assert (PAGES / MATRIX).read_text(encoding="utf-8") == matrix_page()
    assert (PAGES / SHEET).is_file()


def test_the_matrix_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["factors"]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0].split() == ["task", *FACTORS.names()]
    assert [line.split()[0] for line in lines[1:15]] == list(TASKS.names())
    # 14 controls, 144 single factors, two combined factors, friction and mass.
    assert sum(line.split()[1:].count("x") for line in lines[1:15]) == 14 + 144 + 2 * 14 + 2 * 5
    assert all(switch in text for switch in COMPAT_SWITCHES)


def test_the_picture_has_a_view_for_every_defined_cell(tmp_path: Path) -> None:
    factor_sheet(tmp_path / "sheet.png", tasks=("stack_cups",), size=32)
    with Image.open(tmp_path / "sheet.png") as sheet:
        width = sheet.width
        right = sheet.convert("RGB").crop((width - 36, 24, width - 4, 56))
        undefined = 36 * (len(columns()) - columns().index("rec_obj_tex"))
        empty = sheet.convert("RGB").crop((width - undefined, 26, width - undefined + 30, 54))
    assert np.asarray(right).std() > 20
    # White, but for what the compression of the neighbours leaves.
    assert np.asarray(empty).min() > 230


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["factors", "--out", str(tmp_path / "file" / "below"), "--no-pictures"]) == 2
    assert "cannot be written" in capsys.readouterr().err
