"""``hamster-bench train diffuser_actor``: what it refuses, and that it is one command with `demos collect`."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.cli.main import REFUSED, main
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    DemoStore.create(tmp_path / "empty", DemoSettings(images="keyframes"))
    return tmp_path / "empty"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "holds no demonstrations"),
        (("--tasks", "hockey"), "no demonstrations of hockey"),
        (("--path-noise", "0.01"), "add --path oracle"),
        (("--path", "oracle", "--path-noise", "-1"), "fraction of the image"),
        (("--path", "orcale"), "oracle"),
        (("--config", "smal"), "small"),
        (("--steps", "0"), "whole number from 1"),
        (("--learning-rate", "-1"), "learning_rate"),
        (("--rule", "peract_path"), "peract_paths"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    command = ["train", "diffuser_actor", "--demos", str(empty), "--out", str(tmp_path / "out"), *options]
    assert main(command) == REFUSED
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_other_folders_are_no_demonstrations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "diffuser_actor", "--demos", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]
    assert main(command) == REFUSED
    assert "demos collect" in capsys.readouterr().err
