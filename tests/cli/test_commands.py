"""The command line, as users meet it."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hamster_bench import __version__
from hamster_bench.agent import AGENTS
from hamster_bench.cli.main import COMMANDS, main
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import FILE_NAME, ResultStore
from hamster_bench.scenario import Scenario

ROOT = Path(__file__).resolve().parents[2]
TASK = "slide_block_to_target"
SCENARIO = f"{TASK}-v0-no_var-e0-s0"


def program(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hamster_bench", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


def run_words(directory: Path, *more: object, agents: str = "expert,random", tasks: str = TASK, episodes: int = 2) -> list[str]:
    return ["run", "--agents", agents, "--tasks", tasks, "--episodes", str(episodes), "--out", str(directory), *map(str, more)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of three agents on one task, made by the program."""
    directory = tmp_path_factory.mktemp("results") / "run"
    done = program(*run_words(directory, agents="expert,path_lift,random"))
    assert done.returncode == 0, done.stderr
    assert "6 episodes planned, 0 recorded before, 6 new" in done.stdout
    return directory


@pytest.mark.parametrize(
    ("words", "close"),
    [
        (["runn"], "run"),
        (["--agents", "expertt"], "expert"),
        (["--tasks", "close_bx"], "close_box"),
        (["--engine", "mujocco"], "mujoco"),
        (["--protocol", "hamstr"], "hamster"),
        (["--factors", "no_vr"], "no_var"),
        (["--grasp", "attached"], "attach"),
        (["--variations", "draw"], "drawn"),
        (["--episode", "3"], "--episodes"),
    ],
)
def test_unknown_names_are_answered_with_the_closest_before_anything_is_written(
    words: list[str], close: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "out"
    assert main(words if words == ["runn"] else run_words(directory, *words)) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("hamster-bench: unknown ")
    assert f"Did you mean: {close}" in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not directory.exists()


@pytest.mark.parametrize(
    "words", [["--episodes", "0"], ["--episodes", "many"], ["--seed", "-1"], ["--tasks", f"{TASK},{TASK}"], ["--agents", ","]]
)
def test_impossible_values_are_refused_before_anything_is_written(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(run_words(tmp_path / "out", *words)) == 2
    assert capsys.readouterr().err.startswith("hamster-bench: ")
    assert not (tmp_path / "out").exists()


def test_unknown_agent_gives_no_traceback() -> None:
    done = program(*run_words(Path("nowhere"), agents="nobody"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "unknown agent 'nobody'" in done.stderr
    assert not (ROOT / "nowhere").exists()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--version"], ["--help"], *([name, "--help"] for name in COMMANDS)):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"hamster-bench {__version__}" in text
    assert all(name in text for name in COMMANDS)
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().err


def test_tasks_and_agents_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    listed = capsys.readouterr().out
    for name in TASKS.names():
        task = TASKS.get(name)
        assert f"{name}  ({task.variation_count} variation" in listed
        assert all(instruction in listed for instruction in task.instructions(0))
    assert main(["agents"]) == 0
    listed = capsys.readouterr().out
    assert all(any(line.startswith(name) for line in listed.splitlines()) for name in AGENTS)


def test_same_command_again_does_nothing_and_a_larger_one_the_rest(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "run"
    assert main(run_words(directory, episodes=1)) == 0
    assert main(run_words(directory, episodes=1)) == 0
    assert "nothing left to do" in capsys.readouterr().out
    assert main(run_words(directory)) == 0
    assert "4 episodes planned, 2 recorded before, 2 new" in capsys.readouterr().out
    with ResultStore.for_reading(results) as store:
        expected = [r for r in store.comparable_records() if r["agent"] != "path_lift"]
    with ResultStore.for_reading(directory) as store:
        assert store.comparable_records() == expected


def test_rlb_var_records_the_drawn_variation(tmp_path: Path) -> None:
    assert main(run_words(tmp_path, "--factors", "no_var,rlb_var", agents="random", tasks="stack_cups")) == 0
    with ResultStore.for_reading(tmp_path) as store:
        drawn = {(r.scenario.factor, r.scenario.episode): r.scenario.variation for r in store.records()}
    for episode in range(2):
        assert drawn["no_var", episode] == 0
        scenario = Scenario(task="stack_cups", episode=episode)
        assert drawn["rlb_var", episode] == scenario.rng("variation").integers(TASKS.get("stack_cups").variation_count)


def test_table_is_printed_and_written(results: Path, tmp_path: Path) -> None:
    done = program("table", results, "--markdown", tmp_path / "t.md", "--csv", tmp_path / "t.csv")
    assert done.returncode == 0, done.stderr
    assert TASK in done.stdout
    assert "mean over tasks" in done.stdout
    assert "| task | expert |" in (tmp_path / "t.md").read_text()
    with (tmp_path / "t.csv").open(newline="") as stream:
        rows = {(row["task"], row["agent"]): row for row in csv.DictReader(stream)}
    with ResultStore.for_reading(results) as store:
        for agent in ("expert", "path_lift", "random"):
            outcomes = [r.outcome for r in store.records(agent=agent)]
            assert float(rows[TASK, agent]["success"]) == outcomes.count("success") / 2
            assert rows[TASK, agent]["n"] == "2"


def test_table_of_nothing_and_to_nowhere_is_refused(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(tmp_path / "nothing")]) == 2
    assert "there are no results" in capsys.readouterr().err
    assert main(["table", str(results), "--csv", str(tmp_path / "no" / "where.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err


# imageio-ffmpeg's reader leaves its pipes to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_replay_films_the_episode_and_finds_it_as_recorded(results: Path, tmp_path: Path) -> None:
    video = tmp_path / "out.mp4"
    done = program("replay", results, SCENARIO, "--agent", "path_lift", "--video", video, "--size", "160")
    assert done.returncode == 0, done.stderr
    assert "as recorded" in done.stdout
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(video))
    meta = next(reader)
    frames = [np.frombuffer(frame, np.uint8).reshape(160, 160, 3) for frame in reader]
    with ResultStore.for_reading(results) as store:
        (record,) = store.records(agent="path_lift", scenario=SCENARIO)
    assert (meta["size"], meta["fps"]) == ((160, 160), 20.0)
    assert len(frames) == record.control_steps + 1
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1.0
    assert list(tmp_path.iterdir()) == [video]


def test_replay_without_video_compares(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for agent in ("expert", "random"):
        assert main(["replay", str(results), SCENARIO, "--agent", agent]) == 0
        assert "as recorded" in capsys.readouterr().out


def test_replay_says_when_the_record_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    protocol = make_protocol("hamster")
    untrue = EpisodeRecord(
        agent="random",
        agent_fingerprint="f",
        protocol=protocol.fingerprint,
        scenario=Scenario.from_id(SCENARIO),
        outcome="success",
        versions={"mujoco": "1.0"},
    )
    with ResultStore.for_writing(tmp_path) as store:
        store.add(store.start_run(protocol, {}), untrue)
    assert main(["replay", str(tmp_path), SCENARIO]) == 1
    text = capsys.readouterr().out
    assert "NOT as recorded" in text
    assert "outcome: recorded 'success', now 'failure'" in text
    assert "mujoco 1.0 -> " in text
    assert "the agent has changed" in text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([SCENARIO], "several agents; choose one with --agent: expert, path_lift, random"),
        ([SCENARIO, "--agent", "nobody"], "not recorded with agent 'nobody'; recorded: expert"),
        ([SCENARIO.replace("e0", "e7"), "--agent", "expert"], f"Did you mean: {SCENARIO.replace('e0', 'e1')}"),
        ([SCENARIO, "--agent", "expert", "--video", "out.gif"], ".mp4"),
        ([SCENARIO, "--agent", "expert", "--video", "/proc/out.mp4"], "cannot be written"),
        ([SCENARIO, "--agent", "expert", "--video", "out.mp4", "--size", "101"], "even edge"),
    ],
)
def test_replay_refuses_what_it_cannot_do(words: list[str], text: str, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(results), *words]) == 2
    assert text in capsys.readouterr().err


def test_unusable_results_directories_are_refused_before_any_episode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "corrupt").mkdir()
    (tmp_path / "corrupt" / FILE_NAME).write_bytes(b"no database" * 500)
    (tmp_path / "foreign").mkdir()
    connection = sqlite3.connect(tmp_path / "foreign" / FILE_NAME)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    for name, text in (("file", "cannot be used"), ("corrupt", "corrupt"), ("foreign", "another program")):
        started = time.monotonic()
        assert main(run_words(tmp_path / name)) == 2
        assert text in capsys.readouterr().err
        assert time.monotonic() - started < 5.0
    with ResultStore.for_writing(tmp_path / "busy"):
        assert main(run_words(tmp_path / "busy")) == 2
    assert f"being written by process {os.getpid()}" in capsys.readouterr().err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_run_says_how_to_continue_and_does(how: signal.Signals, tmp_path: Path) -> None:
    words = run_words(tmp_path / "run", agents="expert", episodes=12)
    command = [sys.executable, "-m", "hamster_bench", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while _recorded(tmp_path / "run") < 2:
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        process.send_signal(how)
        _, said = process.communicate()
    before = _recorded(tmp_path / "run")
    assert 2 <= before < 12
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert f"interrupted: {before} of 12 episodes are recorded" in said
        assert "the same command does the rest" in said
        assert "Traceback" not in said
    done = program(*words)
    assert f"12 episodes planned, {before} recorded before, {12 - before} new" in done.stdout
    assert program(*run_words(tmp_path / "whole", agents="expert", episodes=12)).returncode == 0
    with ResultStore.for_reading(tmp_path / "run") as run, ResultStore.for_reading(tmp_path / "whole") as whole:
        assert run.digest() == whole.digest()


def _recorded(directory: Path) -> int:
    try:
        with ResultStore.for_reading(directory) as store:
            return len(list(store.records()))
    except StoreError:
        return 0


def test_doctor_finds_the_engine_and_says_how_to_get_the_rest() -> None:
    done = program("doctor")
    assert done.returncode == 0, done.stdout
    assert "The embedded engine runs here." in done.stdout
    assert "pip install 'hamster-bench[torch]'" in done.stdout or "torch (learned agents)    2" in done.stdout


def test_doctor_without_opengl_names_the_command_and_the_engine_still_runs() -> None:
    done = program("doctor", MUJOCO_GL="disable")
    assert done.returncode == 0, done.stdout
    assert "drawn by raycast" in done.stdout
    assert "to get it: apt-get install" in done.stdout


def test_demo_leaves_table_and_picture(tmp_path: Path) -> None:
    done = program("demo", "--out", tmp_path / "demo", "--episodes", "1")
    assert done.returncode == 0, done.stderr
    assert "mean over tasks" in done.stdout
    assert (tmp_path / "demo" / "table.md").read_text().count("|") > 20
    assert len((tmp_path / "demo" / "table.csv").read_text().splitlines()) == 1 + 3 * (len(TASKS.names()) + 1)
    with Image.open(tmp_path / "demo" / "tasks.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[2] == 3
    assert min(pixels.shape[:2]) > 700
    assert pixels.std() > 20
