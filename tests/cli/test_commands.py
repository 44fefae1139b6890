"""The command line, as users meet it."""

from __future__ import annotations

import csv
import importlib.util
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hamster_bench import __version__
from hamster_bench.agent import AGENTS
from hamster_bench.cli.demo import TASKS as DEMO_TASKS
from hamster_bench.cli.main import COMMANDS, main
from hamster_bench.envs.factors import columns
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.store_file import FILE_NAME, LOCK_NAME
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
    "words",
    [
        ["--episodes", "0"],
        ["--episodes", "many"],
        ["--episodes", str(2**63)],
        ["--seed", "-1"],
        ["--seed", str(2**63)],
        ["--tasks", f"{TASK},{TASK}"],
        ["--agents", ","],
        ["--agents", "os:system"],
        ["--agents", "foo:Bar"],
        ["--agents", ":"],
        ["--engine", "foo:bar"],
        ["--engine", "os:system"],
    ],
)
def test_impossible_values_are_refused_before_anything_is_written(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(run_words(tmp_path / "out", *words)) == 2
    said = capsys.readouterr().err
    assert said.startswith("hamster-bench: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_unknown_agent_gives_no_traceback() -> None:
    done = program(*run_words(Path("nowhere"), agents="nobody"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "unknown agent 'nobody'" in done.stderr
    assert not (ROOT / "nowhere").exists()


HOVER = """
import numpy as np
from hamster_bench.agent import AgentNeeds

class Hover:
    action_mode = "keypose"
    needs = AgentNeeds()
    def reset(self, context): pass
    def act(self, observation): return np.array([0.25, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0])

class Configured(Hover):
    def __init__(self, checkpoint): pass

class Careless(Hover):
    def __init__(self): raise OSError("no checkpoint")

class Aimless:
    needs = AgentNeeds()
    def reset(self, context): pass
    def act(self, observation): pass

def make(): raise AssertionError("called")
"""


def in_directory(directory: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """The console script: unlike ``python -m``, it does not find the current directory by itself."""
    command = [sys.executable, "-P", "-m", "hamster_bench", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_agents_of_the_current_directory_are_found(tmp_path: Path) -> None:
    (tmp_path / "hover.py").write_text(HOVER)
    done = in_directory(tmp_path, *run_words(Path("out"), agents="hover:Hover", episodes=1))
    assert done.returncode == 0, done.stderr
    assert "1 new: 1 failure" in done.stdout
    assert in_directory(tmp_path, "replay", "out", SCENARIO).returncode == 0


def test_library_is_not_replaced_by_a_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "gymnasium.py").write_text("raise AssertionError('imported')\n")
    assert in_directory(tmp_path, "tasks").returncode == 0


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        ("Configured", "missing 1 required positional argument: 'checkpoint'"),
        ("Careless", "OSError: no checkpoint"),
        ("Aimless", "lacks action_mode"),
        ("make", "is no class but a function"),
        ("Nobody", "has no 'Nobody'"),
    ],
)
def test_agents_that_are_none_are_refused_before_anything_is_written(
    agent: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = f"hover_{agent.lower()}"
    (tmp_path / f"{module}.py").write_text(HOVER)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert main(run_words(tmp_path / "out", agents=f"{module}:{agent}")) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert sys.path == before


@pytest.mark.parametrize("text", ["import no_such_library", "raise SystemExit(3)", "def broken(:", "1 / 0"])
def test_agent_whose_module_cannot_be_imported_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unimportable.py").write_text(text + "\n")
    monkeypatch.chdir(tmp_path)
    assert main(run_words(tmp_path / "out", agents="unimportable:Agent")) == 2
    assert "'unimportable:Agent' cannot be imported: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_warnings_are_messages_said_once(tmp_path: Path) -> None:
    words = run_words(tmp_path, agents="path_lift", tasks=f"{TASK},close_box", episodes=1)
    done = program(*words, MUJOCO_GL="disable")
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "ray-cast" in line]
    assert len(warned) == 1
    assert warned[0].startswith("hamster-bench: warning: ")
    assert ".py:" not in done.stderr
    assert "warnings.warn" not in done.stderr
    with ResultStore.for_reading(tmp_path) as store:
        assert {r.versions["renderer"] for r in store.records()} == {"raycast"}


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
    done = program("table", results, "--markdown", tmp_path / "new" / "folder" / "t.md", "--csv", tmp_path / "t.csv")
    assert done.returncode == 0, done.stderr
    assert TASK in done.stdout
    assert "mean over tasks" in done.stdout
    assert "| task | expert |" in (tmp_path / "new" / "folder" / "t.md").read_text()
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
    (tmp_path / "file").touch()
    assert main(["table", str(results), "--csv", str(tmp_path / "file" / "where.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def decoded(video: Path, size: int) -> tuple[NDArray[np.uint8], str]:
    """Frames of a square video, and what the decoder says about it."""
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-i",
        str(video),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-fps_mode",
        "passthrough",
        "-",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, size, size, 3), done.stderr.decode()


def test_replay_films_the_episode_and_finds_it_as_recorded(results: Path, tmp_path: Path) -> None:
    video = tmp_path / "out.mp4"
    done = program("replay", results, SCENARIO, "--agent", "path_lift", "--video", video, "--size", "160")
    assert done.returncode == 0, done.stderr
    assert "as recorded" in done.stdout
    frames, about = decoded(video, 160)
    with ResultStore.for_reading(results) as store:
        (record,) = store.records(agent="path_lift", scenario=SCENARIO)
    assert "160x160" in about
    assert "20 fps" in about
    # At the end, the outcome is shown for a second.
    assert len(frames) == record.control_steps + 1 + 20
    assert np.abs(frames[0].astype(int) - frames[-21]).mean() > 1.0
    np.testing.assert_allclose(frames[-1][:, 0].mean(axis=0), (0, 158, 115), atol=12)
    assert not np.allclose(frames[-21][:, 0].mean(axis=0), (0, 158, 115), atol=12)
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
        ([SCENARIO, "--agent", "expert", "--video", "out.mp4", "--size", "4096"], "2048"),
    ],
)
def test_replay_refuses_what_it_cannot_do(
    words: list[str], text: str, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["replay", str(results), *words]) == 2
    said = capfd.readouterr().err
    assert text in said
    assert said.startswith("hamster-bench: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_replay_that_breaks_before_its_first_frame_leaves_no_video(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    protocol = make_protocol("hamster")
    impossible = EpisodeRecord(
        agent="random",
        agent_fingerprint="f",
        protocol=protocol.fingerprint,
        scenario=Scenario(task=TASK, variation=99),
        outcome="success",
    )
    with ResultStore.for_writing(tmp_path / "run") as store:
        store.add(store.start_run(protocol, {}), impossible)
    video = tmp_path / "out.mp4"
    assert main(["replay", str(tmp_path / "run"), impossible.scenario.id, "--video", str(video), "--size", "64"]) == 1
    said = capfd.readouterr()
    assert "environment_error" in said.out
    assert "video: none" in said.out
    assert said.err == ""
    assert not video.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


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
        assert main(run_words(tmp_path / name)) == 2
        assert text in capsys.readouterr().err
        assert not (tmp_path / name / LOCK_NAME).exists()
    with ResultStore.for_writing(tmp_path / "busy"):
        assert main(run_words(tmp_path / "busy")) == 2
    assert f"being written by process {os.getpid()}" in capsys.readouterr().err


# Waits in the middle of its sixth episode, so that however slow the test is to interrupt it, there is something to interrupt.
WAITING = """
import os, time
from hamster_bench.baselines.scripted.expert import ExpertAgent

class Waiting(ExpertAgent):
    def reset(self, context):
        super().reset(context)
        self.held = "HOLD" in os.environ and context.scenario.episode == 5
        self.moved = False
    def act(self, observation):
        if self.held and self.moved:
            time.sleep(600)
        self.moved = True
        return super().act(observation)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_run_says_how_to_continue_and_does(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    words = run_words(Path("run"), agents="waiting:Waiting", episodes=12)
    command = [sys.executable, "-m", "hamster_bench", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOLD": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while _recorded(tmp_path / "run") < 2:
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        process.send_signal(how)
        _, said = process.communicate()
    before = _recorded(tmp_path / "run")
    assert 2 <= before <= 5
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert f"interrupted: {before} of 12 episodes are recorded" in said
        assert "the same command does the rest" in said
        assert "Traceback" not in said
    done = in_directory(tmp_path, *words)
    assert f"12 episodes planned, {before} recorded before, {12 - before} new" in done.stdout, done.stderr
    assert in_directory(tmp_path, *run_words(Path("whole"), agents="waiting:Waiting", episodes=12)).returncode == 0
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
    # A directory that has records under other rules, as an earlier version's demo leaves behind.
    before = program(*run_words(tmp_path / "demo", agents="random", episodes=1))
    assert before.returncode == 0, before.stderr
    done = program("demo", "--out", tmp_path / "demo", "--episodes", "1")
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "demo" / "table.md").read_text()
    header = next(line for line in table.splitlines() if line.startswith("| factor"))
    assert [agent in header for agent in ("expert", "path\\_lift", "random")] == [True] * 3
    learned = importlib.util.find_spec("torch") is not None
    assert [agent in header for agent in ("| 3d\\_da", "hamster\\_3d\\_da")] == [learned] * 2
    assert ("pip install 'hamster-bench[torch]'" in done.stdout) != learned
    # Every column is filled: what is lacking would be marked.
    assert "?" not in table
    rows = list(csv.DictReader((tmp_path / "demo" / "table.csv").read_text().splitlines()))
    assert {row["factor"] for row in rows} == {"avg", *columns()}
    assert {int(row["n"]) for row in rows if row["factor"] == "no_var"} == {len(DEMO_TASKS)}
    with Image.open(tmp_path / "demo" / "tasks.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[2] == 3
    assert min(pixels.shape[:2]) > 700
    assert pixels.std() > 20


def _cells(table: str) -> dict[tuple[str, str], str]:
    """The cells of a Markdown table, by factor and agent."""
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    return {(row[0], agent): cell for row in rows for agent, cell in zip(header[1:], row[1:], strict=True)}


@pytest.mark.slow
def test_the_table_in_the_readme_is_what_the_demo_makes(tmp_path: Path) -> None:
    done = program("demo", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    shown = _cells(readme.partition("<!-- table:begin -->")[2].partition("<!-- table:end -->")[0])
    made = _cells((tmp_path / "demo" / "table.md").read_text(encoding="utf-8"))
    assert shown.keys() == made.keys()
    # Networks round differently on other processors: what learned agents reach there is held against the interval alone.
    learned = {"3d\\_da", "hamster\\_3d\\_da"}
    differing = {place for place in shown if shown[place] != made[place]}
    assert {agent for _, agent in differing} <= learned
    for agent in learned:
        low, high = map(float, shown["avg", agent].partition("[")[2].rstrip("]").split(","))
        assert low <= float(made["avg", agent].split()[0]) <= high
