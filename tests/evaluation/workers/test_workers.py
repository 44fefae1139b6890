"""Runs with workers: the records of a run in one process, whatever happens to the workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from hamster_bench.agent import make_agent as make_registered_agent
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.store_file import FILE_NAME
from hamster_bench.evaluation.workers.peers import WorkerError
from hamster_bench.evaluation.workers.settings import WorkerSettings
from tests.evaluation.scripted import ScriptedEnvironment, scripted_plan
from tests.evaluation.workers import faults
from tests.evaluation.workers.faults import HAMSTER, make_agent, make_environment, plan_faults, play, players
from tests.evaluation.workers.program import DISK_FULL

ROOT = Path(__file__).resolve().parents[3]
TWO = WorkerSettings(count=2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where faults are planned."""
    made = tmp_path / "faults"
    made.mkdir()
    monkeypatch.setenv(faults.FOLDER, str(made))
    return made


@pytest.fixture
def others() -> set[psutil.Process]:
    """Processes that earlier tests have left to this one, such as those that help Python start more."""
    return set(psutil.Process().children())


def test_records_are_those_of_one_process(tmp_path: Path, others: set[psutil.Process]) -> None:
    plan = scripted_plan(10)
    assert play(tmp_path / "two", plan, TWO) == play(tmp_path / "one", plan)
    with ResultStore.for_reading(tmp_path / "two") as store:
        assert {record.attempts for record in store.records()} == {1}
        assert store.runs()[0]["finished"] is not None
    assert set(psutil.Process().children()) <= others


def test_broken_workers_leave_no_trace_in_what_their_episodes_come_to(
    tmp_path: Path, folder: Path, others: set[psutil.Process]
) -> None:
    plan = scripted_plan(8, ("walker", "wanderer"))
    names = sorted({planned.scenario.id for planned in plan})
    broken = {names[0]: ["kill"], names[3]: ["segfault", "exit"], names[5]: ["memory"], names[9]: ["freeze"], names[12]: ["hang"]}
    plan_faults(folder, broken)
    disturbed = play(tmp_path / "disturbed", plan, WorkerSettings(count=2, time_limit=2.0))
    with ResultStore.for_reading(tmp_path / "disturbed") as store:
        attempts = {record.scenario.id: record.attempts for record in store.records() if record.attempts > 1}
    assert attempts == {name: 1 + len(kinds) for name, kinds in broken.items()}
    plan_faults(folder, {})
    assert disturbed == play(tmp_path / "quiet", plan)
    assert set(psutil.Process().children()) <= others


def test_episode_that_breaks_every_worker_is_set_aside_with_one_record_and_reported(tmp_path: Path, folder: Path) -> None:
    plan = scripted_plan(6, ("walker",))
    poison, hanging, unlucky = (planned.scenario.id for planned in plan[2:5])
    plan_faults(folder, {poison: ["segfault"] * 9, hanging: ["freeze"] * 9, unlucky: ["kill", "memory"]})
    with ResultStore.for_writing(tmp_path / "set aside") as store:
        summary = run(
            plan,
            store,
            HAMSTER,
            players(plan),
            make_environment=make_environment,
            make_agent=make_agent,
            workers=WorkerSettings(count=2, time_limit=1.5, tries=2),
        )
        found = {record["scenario"]: record for record in store.comparable_records()}
        assert len(list(store.records())) == len(plan)
    expected = {
        poison: ("poisoned", "set aside after 2 tries: killed by SIGSEGV"),
        hanging: ("time_out", "set aside after 2 tries: no answer within 1.5 s"),
    }
    assert {r.scenario.id: (r.kind, r.message) for r in summary.set_aside if r.scenario.id in expected} == expected
    (third,) = (record for record in summary.set_aside if record.scenario.id == unlucky)
    assert third.kind == "lost_worker"
    assert third.message is not None
    assert "SIGKILL; out of memory" in third.message
    assert {record.attempts for record in summary.set_aside} == {2}
    plan_faults(folder, {})
    sound = {record["scenario"]: record for record in play(tmp_path / "sound", plan)}
    assert {name for name in found if found[name] != sound[name]} == {poison, hanging, unlucky}
    assert all(found[name]["outcome"] == "error" for name in (poison, hanging, unlucky))


@pytest.mark.slow
def test_machine_on_which_every_worker_breaks_stops_the_run_before_anything_is_recorded(tmp_path: Path, folder: Path) -> None:
    plan = scripted_plan(10, ("walker",))
    plan_faults(folder, {planned.scenario.id: ["exit"] for planned in plan})
    with pytest.raises(WorkerError, match="exit status 3"):
        play(tmp_path, plan, WorkerSettings(count=2, tries=1))
    with ResultStore.for_reading(tmp_path) as store:
        assert list(store.records()) == []


def test_worker_is_replaced_after_so_many_episodes(tmp_path: Path) -> None:
    plan = scripted_plan(4, ("walker",))
    assert play(tmp_path / "recycled", plan, WorkerSettings(count=2, recycle_after=2)) == play(tmp_path / "one", plan)


def test_mistake_in_what_was_asked_for_stops_the_run(tmp_path: Path, others: set[psutil.Process]) -> None:
    with pytest.raises(InvalidOptionError, match="no such option here"):
        play(tmp_path, scripted_plan(2), TWO, make_environment=faults.make_misconfigured)
    assert set(psutil.Process().children()) <= others


def test_agent_of_other_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="'walker' is another one in a worker"):
        play(tmp_path, scripted_plan(2, ("walker",)), TWO, make_agent=faults.make_changed_agent)


def test_function_that_workers_cannot_import_is_refused_before_the_first_episode(tmp_path: Path) -> None:
    def local(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
        raise AssertionError

    for function in (local, lambda required, protocol: ScriptedEnvironment()):
        with pytest.raises(WorkerError, match="cannot import"):
            play(tmp_path, scripted_plan(2), TWO, make_environment=function)


@pytest.mark.parametrize("option", [{"count": 0}, {"count": True}, {"tries": 0}, {"recycle_after": 0}, {"time_limit": 0.0}])
def test_impossible_settings_are_refused(option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(InvalidOptionError, match=name):
        WorkerSettings(**option)


def started(directory: Path, workers: int, *words: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "tests.evaluation.workers.program", str(directory), str(workers), "3", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def recorded(directory: Path) -> int:
    try:
        with ResultStore.for_reading(directory) as store:
            return len(store.recorded(HAMSTER.fingerprint))
    except StoreError:
        return 0


def wait_for_records(process: subprocess.Popen[str], directory: Path, count: int) -> None:
    while process.poll() is None and recorded(directory) < count:
        time.sleep(0.02)


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=10.0)
    return not alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_run_that_is_ended_leaves_no_process_behind(number: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path, 2, "slow") as process:
        wait_for_records(process, tmp_path, 1)
        assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 2
        # Frozen, it can do nothing about its own end.
        children[0].suspend()
        process.send_signal(number)
        _, said = process.communicate(timeout=30.0)
    assert gone(children)
    assert process.returncode == (-number if number == signal.SIGKILL else -signal.SIGINT)
    assert number == signal.SIGKILL or said.strip().endswith("KeyboardInterrupt")
    done = recorded(tmp_path)
    assert 1 <= done < len(faults.chaos_plan())


@pytest.mark.slow
def test_engine_whose_workers_break_makes_the_records_of_one_process(tmp_path: Path, folder: Path) -> None:
    names = ("expert", "path_lift")
    plan = make_plan(agents=names, tasks=("close_box", "slide_block_to_target"), episodes=4)
    ids = sorted({planned.scenario.id for planned in plan})
    broken = {ids[0]: ["kill"], ids[2]: ["freeze"], ids[5]: ["segfault"], ids[7]: ["memory"]}
    found = []
    for name, settings in (("one", None), ("disturbed", WorkerSettings(count=2, time_limit=30.0))):
        plan_faults(folder, broken if settings else {})
        with ResultStore.for_writing(tmp_path / name) as store:
            agents = {name: make_registered_agent(name) for name in names}
            run(plan, store, HAMSTER, agents, workers=settings, make_environment=faults.make_real)
            found.append(store.comparable_records())
            attempts = [record.attempts for record in store.records()]
    assert found[0] == found[1]
    assert sum(attempts) == len(plan) + len(broken)
    assert {"renderer" in record["versions"] for record in found[0] if record["agent"] == "path_lift"} == {True}


@pytest.mark.slow
def test_200_episodes_while_workers_are_killed_frozen_starved_and_the_disk_is_full(tmp_path: Path, folder: Path) -> None:
    plan = faults.chaos_plan()
    assert len(plan) == 200
    names = sorted({planned.scenario.id for planned in plan})
    kinds = ("kill", "freeze", "memory", "segfault", "hang", "exit")
    broken = {name: [kinds[i % len(kinds)]] for i, name in enumerate(names[::5])}
    plan_faults(folder, broken)
    directory = tmp_path / "chaos"
    fillings = [25, 70, 120]
    kills = 0
    while True:
        with started(directory, 4) as process:
            fill_at = fillings.pop(0) if fillings else None
            workers: list[psutil.Process] = []
            while process.poll() is None:
                done = recorded(directory)
                if fill_at is not None and done >= fill_at:
                    # As if the file system had no room beyond what the store takes now.
                    size = (directory / FILE_NAME).stat().st_size
                    psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (size, -1))
                    fill_at = None
                alive = _children(process.pid)
                workers += alive
                if kills < 12 and done > 12 * kills and alive:
                    alive[kills % len(alive)].send_signal((signal.SIGKILL, signal.SIGSTOP)[kills % 2])
                    kills += 1
                time.sleep(0.05)
            said, complaint = process.communicate()
        assert gone(workers)
        assert process.returncode in (0, DISK_FULL), complaint
        if process.returncode == 0:
            break
        assert "could not be written" in said
    assert not fillings
    assert kills == 12
    plan_faults(folder, {})
    quiet = play(tmp_path / "quiet", plan)
    with ResultStore.for_reading(directory) as store:
        assert store.comparable_records() == quiet
        assert len(list(store.records())) == 200
        # When the disk is full a run ends, and with it what it knew of the tries of the episodes that its four workers had in hand.
        assert sum(record.attempts > 1 for record in store.records()) >= len(broken) - 4 * 3


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
