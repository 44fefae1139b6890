"""Runs: complete, resumable, and safe against being killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.runner import prepare, run
from hamster_bench.evaluation.store import ResultStore
from tests.evaluation.scripted import (
    TASKS,
    ScriptedAgent,
    ScriptedEnvironment,
    agents,
    make_scripted,
    scripted_plan,
)

ROOT = Path(__file__).resolve().parents[2]
HAMSTER = make_protocol("hamster")


def play(directory: Path, episodes: int = 10, **options: Any) -> str:
    with ResultStore.for_writing(directory) as store:
        run(scripted_plan(episodes), store, HAMSTER, agents(), **({"make_environment": make_scripted} | options))
        return store.digest()


def test_every_planned_episode_ends_as_one_record(tmp_path: Path) -> None:
    play(tmp_path)
    with ResultStore.for_reading(tmp_path) as store:
        records = list(store.records())
        assert [(r.agent, r.scenario) for r in records] == list(scripted_plan())
        assert {r.outcome for r in records} == {"success", "failure", "error"}
        assert {r.kind for r in records} == {None, "step_limit", "agent_error"}


def test_same_command_again_does_only_what_is_missing(tmp_path: Path) -> None:
    made: list[Requirements] = []

    def counting(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        made.append(required)
        return ScriptedEnvironment()

    with ResultStore.for_writing(tmp_path) as store:
        first = run(scripted_plan(4), store, HAMSTER, agents(), make_environment=counting)
        assert (first.planned, first.recorded_before, first.outcomes.total()) == (24, 0, 24)
        done = len(made)
        again = run(scripted_plan(4), store, HAMSTER, agents(), make_environment=counting)
        assert (again.planned, again.recorded_before, again.outcomes.total()) == (24, 24, 0)
        assert len(made) == done
        assert len(store.runs()) == 1
        more = run(scripted_plan(6), store, HAMSTER, agents(), make_environment=counting)
        assert (more.planned, more.recorded_before, more.outcomes.total()) == (36, 24, 12)
        extended = store.digest()
    assert extended == play(tmp_path / "at once", 6)


def test_another_protocol_is_another_set_of_records(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path) as store:
        for protocol in (HAMSTER, make_protocol("hamster", retries=1)):
            run(scripted_plan(1), store, protocol, agents(), make_environment=make_scripted)
        assert len(list(store.records())) == 2 * len(scripted_plan(1))
        assert len(store.protocols()) == 2


def test_one_environment_is_open_at_a_time_and_shared_where_it_can_be(tmp_path: Path) -> None:
    made: list[ScriptedEnvironment] = []

    def watched(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        assert all(env.closed for env in made)
        made.append(ScriptedEnvironment())
        return made[-1]

    with ResultStore.for_writing(tmp_path) as store:
        steady = {"walker": ScriptedAgent(), "wanderer": ScriptedAgent()}
        run(scripted_plan(5, ("walker", "wanderer")), store, HAMSTER, steady, make_environment=watched)
    assert len(made) == len(TASKS)
    assert all(env.closed for env in made)


def test_environment_that_broke_is_replaced_and_the_rest_is_as_ever(tmp_path: Path) -> None:
    broken: set[str] = set()

    def make_fragile(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        def break_once(env: ScriptedEnvironment, scenario: Any) -> None:
            if env.position < 0.0:
                raise AssertionError("used after it broke")
            if scenario.episode == 2 and scenario.task not in broken:
                broken.add(scenario.task)
                env.position = -1.0
                raise OSError("the simulator is gone")

        def close() -> None:
            raise OSError("and cannot be closed")

        env = ScriptedEnvironment(on_reset=break_once)
        env.close = close  # type: ignore[method-assign]
        return env

    play(tmp_path / "fragile", make_environment=make_fragile)
    play(tmp_path / "sound")
    with ResultStore.for_reading(tmp_path / "fragile") as fragile, ResultStore.for_reading(tmp_path / "sound") as sound:
        pairs = list(zip(fragile.comparable_records(), sound.comparable_records(), strict=True))
    differing = [ours for ours, theirs in pairs if ours != theirs]
    assert len(differing) == 2
    assert {r["kind"] for r in differing} == {"environment_error"}


def test_environment_that_cannot_be_made_is_an_error_of_each_of_its_episodes(tmp_path: Path) -> None:
    def make(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        if required.task == "walk_left":
            raise OSError("no such scene")
        return ScriptedEnvironment()

    play(tmp_path, make_environment=make)
    with ResultStore.for_reading(tmp_path) as store:
        records = list(store.records())
    assert len(records) == len(scripted_plan())
    assert {r.kind for r in records if r.scenario.task == "walk_left"} == {"environment_error"}
    assert all("no such scene" in (r.message or "") for r in records if r.scenario.task == "walk_left")
    assert "success" in {r.outcome for r in records if r.scenario.task == "walk_right"}


def test_impossible_option_stops_the_run_instead_of_filling_it_with_errors(tmp_path: Path) -> None:
    def make(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        raise InvalidOptionError("image_size")

    with pytest.raises(InvalidOptionError):
        play(tmp_path, make_environment=make)
    with ResultStore.for_reading(tmp_path) as store:
        assert list(store.records()) == []


def test_interrupted_run_keeps_what_ended_and_continues(tmp_path: Path) -> None:
    envs: list[ScriptedEnvironment] = []

    def make(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        def interrupt(env: ScriptedEnvironment, scenario: Any) -> None:
            if scenario.episode == 7:
                raise KeyboardInterrupt

        envs.append(ScriptedEnvironment(on_reset=interrupt))
        return envs[-1]

    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "interrupted", make_environment=make)
    assert envs[-1].closed
    with ResultStore.for_reading(tmp_path / "interrupted") as store:
        assert len(list(store.records())) == 7
        assert store.runs()[0]["finished"] is None
    assert play(tmp_path / "interrupted") == play(tmp_path / "undisturbed")


def test_run_killed_at_twenty_random_moments_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    episodes = 15
    program = [sys.executable, "-m", "tests.evaluation.scripted"]
    draws = np.random.default_rng(0)
    left = [0]
    for i in range(20):
        lines = int(draws.integers(0, 4))
        # However slow this process is to kill it, the other one gets no further than two records more.
        command = [*program, str(tmp_path / "killed"), str(episodes), str(lines + 2)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("writing"), "the run was refused after a kill"
            assert [process.stdout.readline() for _ in range(lines)] == ["recorded\n"] * lines
            time.sleep(draws.uniform(0.0, 0.01))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        # Every second time the next run is the first to meet what the kill has left.
        if i % 2:
            with ResultStore.for_reading(tmp_path / "killed") as store:
                left.append(len(list(store.records())))
    assert left == sorted(left), "a finished episode was lost"
    assert 0 < left[-1] < len(scripted_plan(episodes)), "the kills did not meet a running evaluation"
    for directory in ("killed", "undisturbed"):
        subprocess.run([*program, str(tmp_path / directory), str(episodes), "-1"], cwd=ROOT, check=True, capture_output=True)
    with ResultStore.for_reading(tmp_path / "killed") as killed, ResultStore.for_reading(tmp_path / "undisturbed") as undisturbed:
        assert len(killed.comparable_records()) == len(scripted_plan(episodes))
        assert killed.comparable_records() == undisturbed.comparable_records()
        assert killed.digest() == undisturbed.digest()
        assert len(killed.runs()) > 10


def test_what_a_protocol_names_by_module_is_looked_up_before_the_first_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "leaving_the_stage.py").write_text("raise SystemExit(3)\n")
    for change, text in (
        ({"engine": "foo:bar"}, "no module 'foo'"),
        ({"engine": "os:system"}, "no class of Gymnasium environments"),
        ({"engine": "os:systen"}, "has no 'systen'"),
        ({"engine": "leaving_the_stage:Engine"}, "SystemExit: 3"),
        ({"path_planner": "foo:bar"}, "no module 'foo'"),
        ({"path_planner": "pathlib:Path"}, "'propose'"),
    ):
        with pytest.raises(InvalidOptionError, match=text):
            prepare(agents(), make_protocol("hamster", **change))


@pytest.mark.parametrize("where", ["make", "close"])
def test_environment_that_wants_to_exit_does_not_end_the_run(where: str, tmp_path: Path) -> None:
    def leave(*arguments: Any) -> None:
        raise SystemExit(0)

    def make(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        if where == "make" and required.task == "walk_left":
            leave()
        env = ScriptedEnvironment()
        if where == "close":
            env.close = leave  # type: ignore[method-assign]
        return env

    play(tmp_path, make_environment=make)
    with ResultStore.for_reading(tmp_path) as store:
        records = list(store.records())
    assert len(records) == len(scripted_plan())
    expected = {"environment_error"} if where == "make" else {None, "step_limit", "agent_error"}
    assert {r.kind for r in records if r.scenario.task == "walk_left"} == expected
