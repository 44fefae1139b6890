"""``hamster-bench run`` with workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hamster_bench.cli.main import main
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.workers import settings
from hamster_bench.evaluation.workers.settings import physical_cores

ASKED = ["run", "--agents", "random", "--tasks", "close_box", "--episodes", "2"]


def test_command_with_workers_continues_what_one_process_began(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED[:-1], "1", "--out", str(tmp_path / "two")]) == 0
    assert main([*ASKED, "--out", str(tmp_path / "two"), "--workers", "2", "--time-limit", "120"]) == 0
    assert "2 episodes planned, 1 recorded before, 1 new" in capsys.readouterr().out
    assert main([*ASKED, "--out", str(tmp_path / "one")]) == 0
    with ResultStore.for_reading(tmp_path / "two") as two, ResultStore.for_reading(tmp_path / "one") as one:
        assert two.digest() == one.digest()
        first, second = two.runs()
    assert first["configuration"]["workers"] is None
    assert second["configuration"]["workers"]["count"] == 2
    assert second["configuration"]["workers"]["time_limit"] == 120.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "0"], "--workers must be a whole number from 1"),
        (["--workers", "many"], "--workers must be a whole number from 1"),
        (["--tries", "2"], "--tries needs workers"),
        (["--workers", "1", "--time-limit", "5", "--recycle-after", "9"], "--time-limit, --recycle-after needs workers"),
        (["--workers", "2", "--time-limit", "nan"], "time_limit of workers"),
    ],
)
def test_impossible_options_are_refused_before_the_directory_is_touched(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*ASKED, "--out", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_cores_are_counted_as_they_may_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.os, "sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setattr(settings, "_quota", lambda: 100)
    monkeypatch.setattr(settings, "_siblings", lambda cpu: str(cpu // 2))
    assert physical_cores() == 4
    monkeypatch.setattr(settings, "_quota", lambda: 3)
    assert physical_cores() == 3


def test_run_in_one_process_loads_nothing_of_workers() -> None:
    program = "import sys, hamster_bench.cli.run as r; print([n for n in sys.modules if n == 'ray' or n.endswith('.supervisor')])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
