"""Questions and answers exported for training path planners."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image

import hamster_bench.demos.vqa as vqa
from hamster_bench.demos.vqa import ExportSummary, VqaSettings, export_vqa, read_vqa
from hamster_bench.envs.tasks import TASKS
from hamster_bench.envs.wrappers import PathPoints
from hamster_bench.errors import InvalidOptionError, PathError, PlacementError, StoreError, UndefinedCellError, UnknownNameError
from hamster_bench.paths import parse_answer
from hamster_bench.planners.prompts import hamster_prompt

ROOT = Path(__file__).resolve().parents[2]
TASK = "slide_block_to_target"
SMALL = VqaSettings(image_size=64)


def export(directory: Path, **changes: Any) -> ExportSummary:
    return export_vqa(directory, **({"tasks": (TASK,), "episodes": 3, "settings": SMALL, "shard_size": 2} | changes))


def content(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in sorted(directory.rglob("*")) if file.is_file()}


def records(directory: Path) -> list[dict[str, Any]]:
    files = sorted((directory / "shards").glob("*.json"))
    return [record for file in files for record in json.loads(file.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vqa") / "data"
    assert export(directory) == ExportSummary(3, 15, 0, 15)
    return directory


def test_a_record_has_the_form_that_training_scripts_read(exported: Path) -> None:
    held = records(exported)
    assert len({record["id"] for record in held}) == len(held) == 15
    for record in held:
        human, gpt = record["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt")
        assert human["value"] == "<image>\n" + hamster_prompt(record["instruction"]).lstrip("\n")
        assert parse_answer(gpt["value"]).repairs == ()
        with Image.open(exported / record["image"]) as image:
            assert image.size == (64, 64)


def test_the_answer_is_the_experts_path_and_the_picture_the_first_image(exported: Path) -> None:
    env = PathPoints(gymnasium.make(f"hamster_bench/{TASK}-v0", image_size=64), planner="oracle")
    for example in read_vqa(exported):
        observation, info = env.reset(options={"scenario": example.scenario})
        with Image.open(example.image) as image:
            np.testing.assert_array_equal(np.asarray(image), observation["front_rgb"])
        assert example.instructions == info["instructions"]
        np.testing.assert_allclose(example.path.points, info["path"].points, atol=0.005 + 1e-9)
        np.testing.assert_array_equal(example.path.gripper_open, info["path"].gripper_open)
    env.close()


def test_the_card_tells_what_the_directory_holds(exported: Path) -> None:
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert "15 questions about 3 pictures" in card
    assert f"| {TASK} | no_var | 3 | 15 | 0 |" in card


def test_another_export_of_the_same_scenarios_is_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export(tmp_path / "again", workers=2)
    assert content(tmp_path / "again") == content(exported)


def test_an_export_is_extended_and_what_it_held_stays(exported: Path, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    export(directory, episodes=1)
    before = content(directory)
    assert export(directory) == ExportSummary(3, 15, 0, 10)
    after = content(directory)
    assert {name: data for name, data in after.items() if name in before and name != "README.md"} == {
        name: data for name, data in before.items() if name != "README.md"
    }
    assert sorted(map(json.dumps, records_without_folder(directory))) == sorted(map(json.dumps, records_without_folder(exported)))
    assert export(directory).new_tuples == 0
    assert export(directory, tasks=("close_box",), episodes=1).tuples == 15 + len(TASKS.get("close_box").instructions(0))


def records_without_folder(directory: Path) -> list[dict[str, Any]]:
    return [record | {"image": Path(record["image"]).name} for record in records(directory)]


def test_an_export_that_was_killed_is_finished_by_the_same_call(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    program = (
        "from pathlib import Path; from hamster_bench.demos.vqa import VqaSettings, export_vqa\n"
        f"export_vqa(Path({str(directory)!r}), tasks=({TASK!r},), episodes=40, settings=VqaSettings(image_size=64), shard_size=2)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while len(list(directory.glob("shards/*.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    held = records(directory)
    assert 0 < len(held) < 200
    assert all((directory / record["image"]).is_file() for record in held)
    summary = export(directory, episodes=40)
    assert (summary.episodes, summary.tuples, summary.new_tuples) == (40, 200, 200 - len(held))
    export(tmp_path / "whole", episodes=40)
    assert content(directory) == content(tmp_path / "whole")


def test_variations_are_drawn_for_every_episode_unless_they_are_to_be_zero(tmp_path: Path) -> None:
    for variations, few in (("drawn", False), ("zero", True)):
        settings = VqaSettings(image_size=32, variations=variations)
        export(tmp_path / variations, tasks=("stack_cups",), episodes=6, settings=settings)
        drawn = {example.scenario.variation for example in read_vqa(tmp_path / variations)}
        assert (drawn == {0}) is few


def test_factors_are_exported_where_they_are_defined(tmp_path: Path) -> None:
    factors = ("no_var", "tab_col", "rlb_var")
    assert export(tmp_path / "data", episodes=1, factors=factors, skip_undefined=True).episodes == 2
    control, colored = sorted(read_vqa(tmp_path / "data"))
    assert (control.scenario.factor, colored.scenario.factor) == ("no_var", "tab_col")
    assert control.path == colored.path
    assert control.image.read_bytes() != colored.image.read_bytes()


def test_episodes_without_a_layout_or_a_path_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(info: dict[str, Any], settings: VqaSettings) -> str:
        if "-e1-" in info["scenario"]:
            raise PathError("nothing to see")
        if "-e2-" in info["scenario"]:
            raise PlacementError("no room")
        return original(info, settings)

    original = vqa._answer
    monkeypatch.setattr(vqa, "_answer", answer)
    directory = tmp_path / "data"
    assert export(directory) == ExportSummary(1, 5, 2, 5)
    notes = [note for file in sorted((directory / "skipped").iterdir()) for note in json.loads(file.read_text())]
    assert [(note["scenario"], note["reason"]) for note in notes] == [
        (f"{TASK}-v0-no_var-e1-s1000", "PathError: nothing to see"),
        (f"{TASK}-v0-no_var-e2-s1000", "PlacementError: no room"),
    ]
    assert export(directory).new_tuples == 0


@pytest.mark.parametrize("change", [{"image_size": 32}, {"seed": 7}, {"digits": 3}, {"variations": "zero"}])
def test_an_export_with_other_settings_is_refused(change: dict[str, Any], exported: Path) -> None:
    before = content(exported)
    with pytest.raises(StoreError, match=next(iter(change))):
        export(exported, settings=VqaSettings(**({"image_size": 64} | change)))
    assert content(exported) == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"tasks": ("close_bx",)}, UnknownNameError),
        ({"factors": ("no_vr",)}, UnknownNameError),
        ({"factors": ("no_var", "rlb_var")}, UndefinedCellError),
        ({"episodes": 0}, InvalidOptionError),
        ({"workers": 0}, InvalidOptionError),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    changes: dict[str, Any], error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        export(tmp_path / "data", **changes)
    assert not (tmp_path / "data").exists()


def test_directories_of_something_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        export(tmp_path)
    assert content(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(StoreError, match="holds no export"):
        next(read_vqa(tmp_path))


def test_damaged_lists_are_named(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    export(directory, episodes=1)
    (file,) = (directory / "shards").iterdir()
    for text in ("[", '[{"scenario": "x"}]', "[1]", file.read_text().replace("<ans>[(", "<ans>[(x")):
        file.write_text(text)
        with pytest.raises(StoreError, match=file.name):
            list(read_vqa(directory))
