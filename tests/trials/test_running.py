"""A whole evaluation on a simulated robot: blind, logged, labelled at the console, and stored."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hamster_bench.agent import AgentNeeds, EpisodeContext
from hamster_bench.envs.franka.operator import SceneCard
from hamster_bench.envs.franka.safety import homing
from hamster_bench.envs.franka.simulated_controller.cell_files import write_cell
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.envs.franka.simulated_controller.server import Settings
from hamster_bench.envs.registration import make_environment
from hamster_bench.errors import AgentStopped
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.trials.book import TrialBook, changed_files
from hamster_bench.trials.console import TrialConsole, overlay
from hamster_bench.trials.plan import TrialPlan
from hamster_bench.trials.report import report, store_records
from hamster_bench.trials.running import run_trial
from tests.envs.franka.simulated import PATIENT, free_host


class Reaching:
    """Goes to two places and stops."""

    action_mode = "keypose"
    needs = AgentNeeds(cameras=("front",))

    def __init__(self, height: float) -> None:
        self.height = height
        self._left: list[NDArray[np.float64]] = []

    def reset(self, context: EpisodeContext) -> None:
        self._left = [np.array([0.3, y, self.height, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]) for y in (0.0, 0.1)]

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        if not self._left:
            raise AgentStopped("done", "both places were visited")
        return self._left.pop(0)


class Answers:
    """An operator's typing, in order of the questions' words."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        for word in ("tested", "home", "arm", "ready"):
            if f"'{word}'" in question:
                return word
        if "void" in question:
            return ""
        if "failure mode" in question:
            return "missed"
        if "remark" in question:
            return ""
        return "y" if "reach" in question else "n"


@pytest.fixture
def controller() -> Iterator[SimulatedController]:
    pytest.importorskip("franky", reason="the client library franky-control is not installed: pip install '.[franka]'")
    with SimulatedController(Settings(host=free_host(), hand_speedup=8.0, task="pick_and_place", image_size=(60, 80))) as running:
        yield running


def plan_of(reference: Path) -> dict[str, Any]:
    scene = {"task": "pick_and_place", "instruction": "pick up the red box", "objects": ["box"], "object_mass": None}
    return {
        "version": 1,
        "name": "rehearsal",
        "seed": 1,
        "agents": ["low_flyer", "high_flyer"],
        "camera": "front",
        "image_size": [32, 32],
        "max_steps": 5,
        "time_limit": 3600.0,
        "path_planner": "none",
        "rubrics": {},
        "scenes": [
            scene | {"id": "one", "axis": "basic", "reference": reference.name},
            scene | {"id": "two", "axis": "visual", "reference": None},
        ],
    }


def test_an_evaluation_from_plan_to_store(
    controller: SimulatedController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich_console = pytest.importorskip("rich.console", reason="the console needs rich: pip install '.[franka]'")
    monkeypatch.setattr(homing, "LINK_CHECK", 0.05)
    reference = tmp_path / "one.png"
    Image.fromarray(np.full((60, 80, 3), 128, np.uint8)).save(reference)
    cell = write_cell(controller, tmp_path / "cell", **PATIENT)
    book = TrialBook.begin(tmp_path / "trials", TrialPlan.parse(plan_of(reference), tmp_path), tmp_path)
    agents = {"low_flyer": Reaching(1.2), "high_flyer": Reaching(1.35)}
    shown, ask = io.StringIO(), Answers()
    console = TrialConsole(tmp_path / "overlays", ask, rich_console.Console(file=shown, width=100))

    def make(task: str, action_mode: str, cameras: tuple[str, ...], folder: Path) -> Any:
        return make_environment(
            task, engine="franka", cell=cell, cameras=cameras, image_size=(32, 32), action_mode=action_mode, mode="live",
            operator=console, log=folder,
        )  # fmt: skip

    while (trial := next(book.remaining(), None)) is not None:
        console.begin(trial, 1, 4)
        done = run_trial(book, trial, agents, make)
        assert done.record.steps == 2
        assert console.void_reason() is None
        console.label(book, trial, "ab")

    folders = [book.tries(trial.id)[0] for trial in book.schedule.trials]
    for folder in folders:
        assert {"record.json", "meta.json", "events.jsonl", "checksums.json", "step_000.npz", "step_002.npz"} <= {
            f.name for f in folder.iterdir()
        }
        assert changed_files(folder) == []
        for file in ("record.json", "meta.json", "events.jsonl"):
            assert "flyer" not in (folder / file).read_text()
    assert "flyer" not in shown.getvalue() + "".join(ask.asked)
    assert (tmp_path / "overlays" / "one.png").is_file()
    assert "difference from the reference picture" in shown.getvalue()
    figures = report(book)
    assert [policy.score for policy in figures.policies] == [0.25, 0.25]
    with ResultStore.for_writing(tmp_path / "results") as store:
        assert store_records(book, store) == 4
        assert {record.agent for record in store.records()} == set(agents)


def test_a_rehearsal_moves_nothing_and_counts_for_nothing(controller: SimulatedController, tmp_path: Path) -> None:
    cell = write_cell(controller, tmp_path / "cell", **PATIENT)
    values = plan_of(tmp_path / "none.png")
    values["scenes"][0]["reference"] = None
    book = TrialBook.begin(tmp_path / "trials", TrialPlan.parse(values, tmp_path), tmp_path)
    agents = {"low_flyer": Reaching(1.2), "high_flyer": Reaching(1.35)}
    trial = next(book.remaining())

    def make(task: str, action_mode: str, cameras: tuple[str, ...], folder: Path) -> Any:
        return make_environment(
            task, engine="franka", cell=cell, cameras=cameras, image_size=(32, 32), action_mode=action_mode, log=folder
        )

    run_trial(book, trial, agents, make, rehearsal=True)
    assert controller.status()["moves"] == []
    assert book.entries() == []
    assert next(book.remaining()) == trial


def test_overlays_are_half_and_half() -> None:
    white, black = np.full((4, 6, 3), 255, np.uint8), np.zeros((4, 6, 3), np.uint8)
    card = SceneCard("i", "s", (), white, black, 1.0)
    mixed = overlay(card)
    assert mixed is not None
    assert (mixed == 127).all()
    assert overlay(SceneCard("i", "s", (), None, None, None)) is None
