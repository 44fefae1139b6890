"""Tables of trainings for a folder of results, as ``scripts/publish_training.py`` makes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "publish_training.py"


def training(folder: Path, *, steps: int, first_loss: float) -> Path:
    """A run whose loss rises by one a step, measured twice."""
    folder.mkdir(parents=True)
    numbers = range(1, steps + 1)
    losses = pd.DataFrame({"step": numbers, "loss": [first_loss + number for number in numbers]})
    losses.to_csv(folder / "training.csv", index=False)
    measured = pd.DataFrame({"step": [steps // 2, steps], "position_error_m": [0.2, 0.1]})
    measured.to_csv(folder / "validation.csv", index=False)
    return folder


def publish(*words: object) -> None:
    subprocess.run([sys.executable, str(SCRIPT), *map(str, words)], check=True)


def test_losses_are_means_over_fifty_steps_and_the_last_window_may_be_shorter(tmp_path: Path) -> None:
    publish(training(tmp_path / "rvt2", steps=120, first_loss=0.0), "--out", tmp_path / "out")
    losses = pd.read_csv(tmp_path / "out" / "training" / "rvt2" / "training.csv")
    assert losses["step"].tolist() == [50, 100, 120]
    assert losses["loss"].tolist() == pytest.approx([25.5, 75.5, 110.5])


def test_rounds_follow_each_other_under_the_name_of_the_last(tmp_path: Path) -> None:
    rounds = [
        training(tmp_path / name / "rvt2", steps=steps, first_loss=0.0) for name, steps in (("first", 120), ("second", 100))
    ]
    publish(",".join(map(str, rounds)), training(tmp_path / "3d_da", steps=60, first_loss=1.0), "--out", tmp_path / "out")
    place = tmp_path / "out" / "training"
    assert sorted(folder.name for folder in place.iterdir()) == ["3d_da", "rvt2"]
    assert pd.read_csv(place / "rvt2" / "training.csv")["step"].tolist() == [50, 100, 120, 170, 220]
    assert pd.read_csv(place / "rvt2" / "validation.csv")["step"].tolist() == [60, 120, 170, 220]
    assert pd.read_csv(place / "3d_da" / "validation.csv")["step"].tolist() == [30, 60]
