"""``hamster-bench plan`` and ``hamster-bench serve-planner``, as users meet them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hamster_bench.cli.main import main
from tests.planners.misbehaving import ANSWER, fails, hangs, misbehaving, says

ROOT = Path(__file__).resolve().parents[2]
DIAGONAL = """
from hamster_bench.paths import Path2D

class Diagonal:
    privileged = False

    def __init__(self, *, end: float = 0.9):
        self.end = end

    def propose(self, image_rgb, instruction, context):
        return Path2D([(0.1, 0.1), (self.end, self.end)], [False, True])

class Silent:
    privileged = False

    def propose(self, image_rgb, instruction, context):
        return None
"""


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HAMSTER_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "diagonal", raising=False)
    (tmp_path / "diagonal.py").write_text(DIAGONAL)
    Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).save(tmp_path / "photo.png")
    return "photo.png"


def pixels(name: str) -> np.ndarray[Any, Any]:
    with Image.open(name) as image:
        return np.array(image)


def plan(picture: str, planner: str, *more: str, words: str = "push the block") -> int:
    return main(["plan", picture, words, "--planner", planner, *more])


def test_a_path_is_printed_and_drawn(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    with misbehaving(says()) as server:
        assert plan(picture, f"hamster:url={server.url}", "--out", "overlay.png") == 0
        assert plan(picture, f"hamster:url={server.url}", "--out", "paper.png", "--style", "paper") == 0
    said = capsys.readouterr().out
    assert f"answer: {ANSWER}" in said
    assert re.search(r"0\.750\s+0\.750\s+closed \(changes here\)", said)
    assert said.count("from the cache") == 1
    drawn, paper = (pixels(name) for name in ("overlay.png", "paper.png"))
    assert drawn.shape == paper.shape == (48, 64, 3)
    assert (drawn != 128).any()
    assert (drawn != paper).any()


def test_options_of_own_planners(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(picture, "diagonal:Diagonal:end=0.5") == 0
    assert "0.500  0.500  open (changes here)" in capsys.readouterr().out
    assert plan(picture, "diagonal:Silent", "--out", "none.png") == 1
    assert not Path("none.png").exists()


def test_photographs_are_turned_upright(picture: str) -> None:
    turned = Image.fromarray(np.zeros((48, 64, 3), np.uint8))
    mark = turned.getexif()
    mark[0x0112] = 6  # orientation: to be turned by a quarter
    turned.save("turned.jpg", exif=mark)
    assert plan("turned.jpg", "diagonal:Diagonal", "--out", "upright.png") == 0
    with Image.open("upright.png") as upright:
        assert upright.size == (48, 64)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["photo.png", "push", "--planner", "oracle"], "reads the running simulation"),
        (["photo.png", "push", "--planner", "hamstr"], "Did you mean: hamster"),
        (["photo.png", " ", "--planner", "diagonal:Diagonal"], "instruction is empty"),
        (["none.png", "push", "--planner", "diagonal:Diagonal"], "No such file"),
        (["diagonal.py", "push", "--planner", "diagonal:Diagonal"], "cannot be read as a picture"),
        (["photo.png", "push", "--planner", "diagonal:Diagonal", "--out", "x.txt"], "no picture format"),
        (["photo.png", "push", "--planner", "diagonal:Diagonal", "--out", "nowhere/x.png"], "no directory nowhere"),
        (["photo.png", "push", "--planner", "diagonal:Diagonal", "--style", "papr"], "Did you mean: paper"),
        (["photo.png", "push", "--planner", "file:path=none.json"], "No such file"),
    ],
)
def test_impossible_wishes_are_refused(words: list[str], said: str, picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_planner_that_fails_is_a_message(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    with misbehaving(fails(500), says("I see no block.")) as server:
        planner = f"hamster:url={server.url},retries=0"
        assert plan(picture, planner) == 2
        assert "server_error, status 500" in capsys.readouterr().err
        assert plan(picture, planner) == 2
    captured = capsys.readouterr()
    assert "answer: I see no block." in captured.out
    assert "the answer holds no points" in captured.err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_served_planner_answers_until_it_is_told_to_end(ending: signal.Signals, picture: str) -> None:
    command = [sys.executable, "-m", "hamster_bench", "serve-planner", "--planner", "diagonal:Diagonal:end=0.7", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", first)
        assert address is not None, first
        assert plan(picture, f"hamster:url={address[0]}", "--out", "overlay.png") == 0
        server.send_signal(ending)
        _, error = server.communicate(timeout=20)
    finally:
        server.kill()
        server.wait()
    assert (server.returncode, error) == (0, "")


def test_what_cannot_be_served_is_refused(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve-planner", "--planner", "oracle", "--port", "0"]) == 2
    assert "reads the running simulation" in capsys.readouterr().err
    assert main(["serve-planner", "--planner", "diagonal:Diagonal", "--port", "-1"]) == 2
    assert main(["serve-planner", "--planner", "diagonal:Diagonal", "--port", "70000"]) == 2
    assert "cannot listen" in capsys.readouterr().err


def test_planners_are_listed_with_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["planners"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^oracle_noisy +Moves every point.*\n +std=0\.01$", said, re.MULTILINE)
    assert re.search(r"^file .*\n +path=\.\.\.$", said, re.MULTILINE)
    assert "key_env=OPENAI_API_KEY" in said
    assert "cache=yes" in said


def test_waiting_for_an_answer_can_be_interrupted(picture: str) -> None:
    with misbehaving(hangs(30.0)) as server:
        command = [sys.executable, "-m", "hamster_bench", "plan", picture, "push", "--planner", f"hamster:url={server.url}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        client = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20.0
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.02)
        client.send_signal(signal.SIGINT)
        _, error = client.communicate(timeout=10)
    assert (client.returncode, error) == (130, "hamster-bench: interrupted\n")
