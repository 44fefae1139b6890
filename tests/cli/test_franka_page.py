"""The commands of docs/franka.md, each against a simulated robot, as somebody types them who has the page beside them."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hamster_bench.cli.main import main
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.calibration.hand_eye import Board
from hamster_bench.envs.franka.calibration.record import Calibration
from hamster_bench.envs.franka.cameras.source import CameraFrame
from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.franka.safety import homing
from hamster_bench.envs.franka.simulated_controller.process import open_channel
from hamster_bench.evaluation.store import ResultStore
from tests.envs.franka.boards import INTRINSICS, SIZE, drawn, frame, middle
from tests.envs.franka.simulated import PATIENT, eventually, free_host

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "franka.md").read_text(encoding="utf-8")

SIMULATE = "franka simulate --cell rehearsal"
CHECK = "franka check rehearsal/cell.json"
CELL = "franka cell cell.json --host ADDRESS --serial CAMERA"
CHECK_OWN = "franka check cell.json"
BOARD = "franka board board.png"
CALIBRATE = "franka calibrate cell.json --camera front"
GUIDE = 'franka guide cell.json --task pick_and_place --instruction "..." --out DIR'
BEGIN = "trials begin plan.json --out kitchen"
RUN = "trials run kitchen --cell cell.json --person ab --mode live"
LABEL = "trials label kitchen t003 --person cd"
REPORT = "trials report kitchen --out results"
TABLE = "table results --form trials --reference"
COMMANDS = (SIMULATE, CHECK, CELL, CHECK_OWN, BOARD, CALIBRATE, GUIDE, BEGIN, RUN, LABEL, REPORT, TABLE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_command_of_the_page_is_typed_here() -> None:
    lines = [line for block in blocks("text") for line in block.splitlines() if line.startswith("hamster-bench ")]
    inline = re.findall(r"`(hamster-bench [^`]+)`", PAGE)
    said = {" ".join(line.partition(" #")[0].split()).removeprefix("hamster-bench ") for line in (*lines, *inline)}
    assert said == set(COMMANDS)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homing, "LINK_CHECK", 0.05)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """The page's simulated robot, as fast as it goes: where it was started, and its control channel."""
    pytest.importorskip("franky", reason="the client library franky-control is not installed: pip install '.[franka]'")
    here = tmp_path_factory.mktemp("rehearsal")
    command = [*shlex.split(SIMULATE), "--host", free_host(), "--pacing", "lock_step"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "hamster_bench", *command], stdout=subprocess.PIPE, text=True, env=environment, cwd=here
    )
    assert process.stdout is not None
    said = [process.stdout.readline(), process.stdout.readline()]
    assert "a simulated arm at" in said[0], said
    assert "rehearsal/cell.json" in said[1]
    cell = json.loads((here / "rehearsal" / "cell.json").read_text())
    options = cell["cameras"]["front"]["options"]
    channel = open_channel(options["host"], options["port"])
    # With all the time that a busy machine may need.
    cell["safety"] |= PATIENT
    (here / "rehearsal" / "cell.json").write_text(json.dumps(cell))
    yield here, channel
    channel.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(300.0) == 0
    process.stdout.close()


@pytest.fixture
def simulated(running: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The control channel of the simulated robot, just switched on; cell.json is its cell, as a lab's own would be."""
    here, channel = running
    monkeypatch.chdir(here)
    cell = json.loads(Path("rehearsal/cell.json").read_text())
    cell["cameras"]["front"]["calibration"] = "rehearsal/front.json"
    Path("cell.json").write_text(json.dumps(cell))
    channel.order("reset")
    return channel


class Typist:
    """A person at the keyboard: reads what was printed and types a line."""

    def __init__(self, capsys: pytest.CaptureFixture[str], answer: Callable[[str], str]) -> None:
        self.read = ""
        self._capsys, self._answer = capsys, answer

    def readline(self) -> str:
        out, err = self._capsys.readouterr()
        self.read += out + err
        return self._answer((out + err).strip()) + "\n"

    def isatty(self) -> bool:
        return False


def operator_answers(printed: str) -> str:
    """What an operator answers who agrees to everything and sees the policies fail."""
    if words := re.findall(r"[Tt]ype '(\w+)' to confirm", printed):
        return str(words[-1])
    question = printed.splitlines()[-1]
    if "void" in question or "remark" in question:
        return ""
    return "no_motion" if "failure mode" in question else "no"


def status(channel: Any) -> dict[str, Any]:
    answer: dict[str, Any] = channel.order("status")[0]
    return answer


def test_the_rehearsal(simulated: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(CHECK)) == 0
    said = capsys.readouterr().out
    assert "WRONG" not in said
    assert "yellow outline" in said
    assert Path("check/front.png").is_file()
    assert status(simulated)["moves"] == []
    (program,) = (block for block in blocks("text") if block.startswith("import gymnasium"))
    monkeypatch.setattr(sys, "stdin", Typist(capsys, operator_answers))
    Path("page.py").write_text(program, encoding="utf-8")
    names = runpy.run_path("page.py")
    try:
        assert names["info"]["armed"]
        assert names["observation"] in names["env"].observation_space
    finally:
        names["env"].close()
    # The link was checked under control; the arm stood at home.
    assert len(status(simulated)["moves"]) == 1


def test_a_cell_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(CELL)) == 0
    cell = Cell.load("cell.json")
    assert (cell.host, cell.cameras["front"].options) == ("ADDRESS", {"serial": "CAMERA"})
    assert cell.safety.first_run
    before = Path("cell.json").read_bytes()
    assert main(shlex.split(CELL)) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert Path("cell.json").read_bytes() == before


# A board in the hand, seen by a camera that stands before it.
NOMINAL = np.array([0.0, 0.1, 0.0, -1.9, 0.0, 2.0, 0.7854])
T_FLANGE_BOARD = frame((0.02, 0.03, 0.12), (0.0, 1.0, 0.2), 0.5)
T_BASE_CAMERA = (
    kinematics.link_frames(NOMINAL)[0, 7]
    @ T_FLANGE_BOARD
    @ np.linalg.inv(frame((0.0, 0.0, 0.6), (1.0, 0.2, 0.0), 0.3) @ middle(Board()))
)


class BoardCamera:
    """Sees the board where the simulated arm holds it."""

    serial = "drawn"

    def __init__(self, host: str, port: int) -> None:
        self._channel, self._number = open_channel(host, port), 0

    def read(self, newer_than: float, timeout: float) -> CameraFrame:
        self._number += 1
        joints = np.array(status(self._channel)["joint_positions"])
        T_camera_board = np.linalg.inv(T_BASE_CAMERA) @ kinematics.link_frames(joints)[0, 7] @ T_FLANGE_BOARD
        depth = np.ones(SIZE, np.float32)
        return CameraFrame(drawn(Board(), T_camera_board), depth, INTRINSICS, time.monotonic(), self._number)

    def close(self) -> None:
        self._channel.close()


def test_calibration(simulated: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install '.[franka]'")
    assert main(shlex.split(BOARD)) == 0
    assert np.asarray(Image.open("board.png")).std() > 50.0
    cell = json.loads(Path("cell.json").read_text())
    options = {name: cell["cameras"]["front"]["options"][name] for name in ("host", "port")}
    cell["cameras"]["front"] = {"kind": f"{__name__}:BoardCamera", "calibration": "front.json", "options": options}
    Path("cell.json").write_text(json.dumps(cell))
    rng = np.random.default_rng(0)

    def lead(printed: str) -> str:
        if printed.endswith("16 views:"):
            return "solve"
        turn = rng.uniform(-0.35, 0.35, 7) * (0.2, 0.2, 0.5, 0.5, 1.0, 1.0, 1.0)
        simulated.order("place", joints=(NOMINAL + turn).tolist())
        return ""

    monkeypatch.setattr(sys, "stdin", Typist(capsys, lead))
    assert main(shlex.split(CALIBRATE)) == 0
    found = Calibration.load(Path("front.json"))
    assert (found.serial, found.views) == ("drawn", 16)
    assert np.abs(found.pose - T_BASE_CAMERA).max() < 2e-3
    # The calibration is what the check takes.
    assert main(shlex.split(CHECK_OWN)) == 0
    assert status(simulated)["moves"] == []


def test_a_demonstration_by_hand(simulated: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    start = np.array(status(simulated)["joint_positions"])
    end = start + np.array([0.2, 0.1, 0.0, -0.5, 0.0, 0.4, 0.1])

    def person() -> Iterator[str]:
        """Leads the arm, marks a keypose on the way and ends there."""
        for joints in (0.5 * (start + end), end):
            simulated.order("guide", joints=joints.tolist(), seconds=0.5)
            assert eventually(
                lambda joints=joints: bool(np.abs(np.array(status(simulated)["joint_positions"]) - joints).max() < 1e-6)
            )
            yield "\n"
        yield "end\n"

    monkeypatch.setattr(sys, "stdin", person())
    assert main(shlex.split(GUIDE)) == 0
    assert "paths in front" in capsys.readouterr().out
    store = DemoStore("DIR")
    demo = store.read(store.scenarios()[0])
    assert demo.instruction == "..."
    assert np.abs(demo.steps.joint_positions[-1] - end).max() < 1e-5
    assert status(simulated)["moves"] == []


def small_plan() -> dict[str, Any]:
    """The page's plan with policies and a planner that are there, and few steps."""
    (text,) = (block for block in blocks("text") if block.startswith("{"))
    plan: dict[str, Any] = json.loads(text)
    plan |= {"agents": ["path_lift", "hamster_3d_da"], "path_planner": "sketch", "max_steps": 2, "time_limit": 3600.0}
    Image.fromarray(np.full((480, 640, 3), 128, np.uint8)).save(plan["scenes"][0]["reference"])
    return plan


def records(folder: str) -> dict[str, dict[str, Any]]:
    found = [json.loads(file.read_text()) for file in sorted(Path(folder).rglob("record.json"))]
    return {record["agent"]: record for record in found}


def test_an_evaluation_day_with_policies_of_the_simulation(
    simulated: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="hamster_3d_da needs torch: pip install '.[torch]'")
    pytest.importorskip("rich", reason="the console needs rich: pip install '.[franka]'")
    cell = json.loads(Path("cell.json").read_text())
    # As the page says: from a lower home pose the ways are shorter.
    cell["home_joints"], cell["safety"]["tip_speed"] = NOMINAL.tolist(), 1.0
    Path("cell.json").write_text(json.dumps(cell))
    simulated.order("place", joints=NOMINAL.tolist())
    Path("plan.json").write_text(json.dumps(small_plan()))
    assert main(shlex.split(BEGIN)) == 0
    typist = Typist(capsys, operator_answers)
    monkeypatch.setattr(sys, "stdin", typist)
    assert main(shlex.split(RUN)) == 0
    assert Path("kitchen/overlays/mug.png").is_file()
    played = records("kitchen")
    assert sorted(played) == ["A", "B"]
    for record in played.values():
        assert (record["outcome"], record["steps"] > 0) == ("failure", True), record
        # Both were given a path by the planner that a simulated evaluation would ask.
        assert record["path"] is not None
    # Every motion that was checked was made, and by both of them.
    for trial in ("t000", "t001"):
        (folder,) = Path("kitchen/trials").glob(f"{trial}-*")
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        steps = [event for event in events if event["event"] == "step"]
        assert any(step["segments"] for step in steps), steps
    assert status(simulated)["errors"] == []
    names = ("path_lift", "hamster_3d_da")
    assert not any(name in typist.read for name in names)
    assert main(shlex.split(LABEL.replace("t003", "t001"))) == 0
    assert main(shlex.split(REPORT)) == 0
    assert main(shlex.split(TABLE)) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in names)
    with ResultStore.for_reading(Path("results")) as store:
        assert {record.agent for record in store.records()} == set(names)
