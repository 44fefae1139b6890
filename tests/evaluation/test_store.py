"""The result store: what it keeps, and what it refuses."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hamster_bench.errors import StoreError
from hamster_bench.evaluation import store_file
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord, HostLoad, Timings
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.store_file import FILE_NAME, LOCK_NAME
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

# As `hamster` was when stores with the earlier schemas were written.
HAMSTER = make_protocol("hamster", on_no_free_path="fail")
RECORD = EpisodeRecord(
    agent="a",
    agent_fingerprint="f",
    protocol=HAMSTER.fingerprint,
    scenario=Scenario(task="close_box", variation=2, episode=7, seed=1),
    outcome="failure",
    kind="motion_failure:path_not_found",
    message="naïve text with a 'quote' and a\nnew line",
    instruction="close the box",
    steps=4,
    control_steps=120,
    episode_return=0.0,
    motion_failures=1,
    path='{"points":[[0.1,0.2]],"gripper_open":[true]}',
    draws='{"tab_col":{"rgb":[0.3,0.4,0.5]}}',
    proposals='[{"step":0,"path":null,"error":"no answer","record":{"latency_s":0.2}}]',
    stage=2 / 3,
    stages="[0,3,null]",
    track='{"x":[512,-3],"y":[100,4],"open":[]}',
    oracle_path='{"x":[500,-3],"y":[90,4],"open":[]}',
    checkpoint="0123456789ab",
    attempts=2,
    host=HostLoad(1.25, 8),
    timings=Timings(reset_wall=0.5, reset_cpu=0.4, act_wall=0.3, act_cpu=0.2, step_wall=0.1, step_cpu=0.05, render_wall=0.02),
    versions={"python": "3.11"},
)
SUCCESS = dataclasses.replace(RECORD, agent="b", outcome="success", kind=None, message=None, path=None)


def filled(directory: Path) -> Path:
    with ResultStore.for_writing(directory) as store:
        run = store.start_run(HAMSTER, {"tasks": ["close_box"]})
        store.add(run, RECORD)
        store.add(run, SUCCESS)
        store.finish_run(run)
    return directory / FILE_NAME


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    filled(tmp_path)
    with ResultStore.for_reading(tmp_path) as store:
        assert list(store.records()) == [RECORD, SUCCESS]
        assert list(store.records(agent="b")) == [SUCCESS]
        assert list(store.records(scenario=RECORD.scenario.id, agent="a", protocol=HAMSTER.fingerprint)) == [RECORD]
        assert list(store.records(protocol="other")) == []
        assert store.recorded(HAMSTER.fingerprint) == {("a", RECORD.scenario.id), ("b", RECORD.scenario.id)}
        assert store.recorded("other") == set()
        assert store.protocols() == {HAMSTER.fingerprint: HAMSTER}
        (run,) = store.runs()
    assert run["configuration"] == {"tasks": ["close_box"]}
    assert run["finished"] is not None
    assert run["versions"]["numpy"] == np.__version__


def test_outcomes_are_the_records_column_by_column(tmp_path: Path) -> None:
    filled(tmp_path)
    with ResultStore.for_reading(tmp_path) as store:
        outcomes = store.outcomes()
        assert store.outcomes(protocol=HAMSTER.fingerprint) == outcomes
        assert store.outcomes(protocol="other") == ((),) * len(outcomes)
        assert store.version_sets() == [RECORD.versions]
        assert store.version_sets(protocol="other") == []
    for row, record in zip(zip(*outcomes, strict=True), (RECORD, SUCCESS), strict=True):
        of_scenario = [getattr(record.scenario, name) for name in ("task", "factor", "variation", "episode", "seed")]
        assert list(row) == [
            record.protocol,
            record.agent,
            *of_scenario,
            record.outcome,
            record.kind,
            record.stage,
            json.dumps(record.versions, sort_keys=True, ensure_ascii=False),
        ]


def test_nothing_recorded_is_overwritten_changed_or_deleted(tmp_path: Path) -> None:
    file = filled(tmp_path)
    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        with pytest.raises(StoreError, match="refused"):
            store.add(run, dataclasses.replace(RECORD, outcome="success", kind=None))
        assert list(store.records()) == [RECORD, SUCCESS]
    connection = sqlite3.connect(file)
    for statement in ("UPDATE episodes SET outcome = 'success', kind = NULL", "DELETE FROM episodes"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            connection.execute(statement)
    connection.close()


def test_records_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        for wrong in (
            dataclasses.replace(RECORD, outcome="success"),
            dataclasses.replace(RECORD, kind=None),
            dataclasses.replace(RECORD, outcome="maybe"),  # type: ignore[arg-type]
            dataclasses.replace(RECORD, protocol="unheard of"),
        ):
            with pytest.raises(StoreError, match="refused"):
                store.add(run, wrong)
        assert list(store.records()) == []


def test_digest_sees_outcomes_and_not_times_runs_or_order(tmp_path: Path) -> None:
    def digest(name: str, *records: EpisodeRecord, runs: int = 1) -> str:
        with ResultStore.for_writing(tmp_path / name) as store:
            run = [store.start_run(HAMSTER, {}) for _ in range(runs)][-1]
            for record in records:
                store.add(run, record)
            return store.digest()

    reference = digest("reference", RECORD, SUCCESS)
    assert digest("again", SUCCESS, dataclasses.replace(RECORD, timings=Timings(act_wall=9.0)), runs=3) == reference
    for i, change in enumerate([{"steps": 5}, {"kind": "step_limit"}, {"path": None}, {"message": None}, {"agent": "c"}]):
        assert digest(str(i), dataclasses.replace(RECORD, **change), SUCCESS) != reference  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: b"this is no database" * 40, id="text"),
        pytest.param(lambda data: data[:50], id="shorter than a header"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut off"),
        pytest.param(lambda data: data[:100] + bytes(len(data) - 100), id="zeros"),
        pytest.param(lambda data: data[:5000] + np.random.default_rng(0).bytes(len(data) - 5000), id="noise"),
    ],
)
def test_corrupt_file_is_refused_and_left_alone(spoil: object, tmp_path: Path) -> None:
    file = filled(tmp_path)
    spoilt = spoil(file.read_bytes())  # type: ignore[operator]
    file.write_bytes(spoilt)
    for door in (ResultStore.for_writing, ResultStore.for_reading):
        with pytest.raises(StoreError, match="corrupt"):
            door(tmp_path)
    assert file.read_bytes() == spoilt


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database" * 40, id="text"),
        pytest.param(b"SQLite format 3\0" + bytes(52) + b"HmBe" + bytes(9000), id="corrupt behind a sound header"),
    ],
)
def test_directory_that_is_refused_holds_what_it_held(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match="corrupt"):
        ResultStore.for_writing(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / FILE_NAME]
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_lock_on_a_file_that_was_taken_away_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock
    taken = []

    def take_away(lock: int, how: int) -> None:
        flock(lock, how)
        if not taken:
            taken.append(lock)
            (tmp_path / LOCK_NAME).unlink()

    monkeypatch.setattr(fcntl, "flock", take_away)
    with ResultStore.for_writing(tmp_path), pytest.raises(StoreError, match="being written by"):
        ResultStore.for_writing(tmp_path)
    assert taken


def test_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE episodes (id INTEGER PRIMARY KEY)")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    for door in (ResultStore.for_writing, ResultStore.for_reading):
        with pytest.raises(StoreError, match="another program"):
            door(tmp_path)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = filled(tmp_path)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = file.read_bytes()
    for door in (ResultStore.for_writing, ResultStore.for_reading):
        with pytest.raises(StoreError, match="schema version 99, made by a newer version"):
            door(tmp_path)
    assert file.read_bytes() == before


def test_older_schema_is_migrated_by_writers_and_understood_by_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = filled(tmp_path)
    before = file.read_bytes()
    newer = (*store_file.MIGRATIONS, ("ALTER TABLE episodes ADD COLUMN weather INTEGER",))
    monkeypatch.setattr(store_file, "MIGRATIONS", newer)
    with ResultStore.for_reading(tmp_path) as store:
        assert list(store.records()) == [RECORD, SUCCESS]
    assert file.read_bytes() == before
    with ResultStore.for_writing(tmp_path) as store:
        assert list(store.records()) == [RECORD, SUCCESS]
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(newer),)
    assert connection.execute("SELECT weather FROM episodes").fetchall() == [(None,), (None,)]
    connection.close()


OLD_COLUMNS = [
    "agent",
    "agent_fingerprint",
    "protocol",
    "outcome",
    "kind",
    "message",
    "instruction",
    "steps",
    "control_steps",
    "episode_return",
    "motion_failures",
    "path",
    "path_error",
]
LATER = {"stage": None, "stages": None, "track": None, "oracle_path": None, "checkpoint": None, "attempts": 1, "host": HostLoad()}


def old_store(directory: Path, version: int, *records: EpisodeRecord) -> list[EpisodeRecord]:
    """Writes records as programs with an earlier schema did; gives them as they should be read."""
    directory.mkdir(exist_ok=True)
    connection = sqlite3.connect(directory / FILE_NAME)
    for statement in (statement for migration in store_file.MIGRATIONS[:version] for statement in migration):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {store_file.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("INSERT INTO protocols VALUES (?, ?)", (HAMSTER.fingerprint, HAMSTER.to_json()))
    connection.execute("INSERT INTO runs VALUES (1, '2020-01-01T00:00:00+00:00', NULL, '{}', '{}', 'a machine')")
    added = ["draws", "proposals"] if version > 1 else []
    times = ["reset_wall", "reset_cpu", "act_wall", "act_cpu", "step_wall", "step_cpu"]
    for record in records:
        scenario = record.scenario
        row = {name: getattr(record, name) for name in OLD_COLUMNS + added}
        row |= {name: getattr(record.timings, name) for name in times}
        row |= {name: getattr(scenario, name) for name in ("task", "variation", "factor", "episode", "seed")}
        row |= {"run": 1, "recorded": "2020-01-01", "scenario": scenario.id, "versions": json.dumps(record.versions)}
        connection.execute(f"INSERT INTO episodes ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    connection.commit()
    connection.close()
    lost = LATER | ({} if version > 1 else {"draws": None, "proposals": None})
    return [
        dataclasses.replace(record, timings=Timings(**{n: getattr(record.timings, n) for n in times}), **lost)  # type: ignore[arg-type]
        for record in records
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_records_of_earlier_schemas_are_read_and_continued(version: int, tmp_path: Path) -> None:
    old = old_store(tmp_path, version, RECORD, SUCCESS)
    before = (tmp_path / FILE_NAME).read_bytes()
    with ResultStore.for_reading(tmp_path) as store:
        assert list(store.records()) == old
        digest = store.digest()
    assert (tmp_path / FILE_NAME).read_bytes() == before
    with ResultStore.for_writing(tmp_path) as store:
        assert store.digest() == digest
        store.add(store.start_run(HAMSTER, {}), dataclasses.replace(RECORD, agent="c"))
        assert list(store.records()) == [*old, dataclasses.replace(RECORD, agent="c")]


def test_digest_of_what_earlier_schemas_knew_is_the_one_they_had(tmp_path: Path) -> None:
    # Made with the program before stages and tracks were recorded.
    old_store(tmp_path, 2, RECORD, SUCCESS)
    with ResultStore.for_reading(tmp_path) as store:
        assert store.digest() == "8cb0dd2d6611de237d3e1ada7d973b8056a2c89ead2556b94e71dcc618918d19"


def test_what_a_planner_said_is_no_part_of_the_digest(tmp_path: Path) -> None:
    digests = []
    for number, proposals in enumerate((RECORD.proposals, None)):
        with ResultStore.for_writing(tmp_path / str(number)) as store:
            store.add(store.start_run(HAMSTER, {}), dataclasses.replace(RECORD, proposals=proposals))
            digests.append(store.digest())
    assert digests[0] == digests[1]


def test_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = filled(tmp_path)
    before = file.read_bytes()
    newer = (*store_file.MIGRATIONS, ("ALTER TABLE episodes ADD COLUMN weather INTEGER", "no such statement"))
    monkeypatch.setattr(store_file, "MIGRATIONS", newer)
    with pytest.raises(StoreError):
        ResultStore.for_writing(tmp_path)
    monkeypatch.undo()
    assert file.read_bytes() == before
    with ResultStore.for_writing(tmp_path) as store:
        assert list(store.records()) == [RECORD, SUCCESS]


def test_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    for path in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(StoreError, match="cannot be used as a results directory"):
            ResultStore.for_writing(path)
    # Not even the superuser can make files here.
    with pytest.raises(StoreError, match="cannot be written"):
        ResultStore.for_writing("/proc")
    (tmp_path / "folder" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be read"):
        ResultStore.for_writing(tmp_path / "folder")


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o444), (0o555, 0o644), (0o755, 0o444)])
def test_write_permission_is_needed(folder_mode: int, file_mode: int, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    file = filled(closed)
    file.chmod(file_mode)
    closed.chmod(folder_mode)
    if os.access(closed, os.W_OK) and os.access(file, os.W_OK):
        closed.chmod(0o755)
        pytest.skip("this user may write everywhere, permissions notwithstanding")
    with pytest.raises(StoreError, match="cannot be used"):
        ResultStore.for_writing(closed)
    with ResultStore.for_reading(closed) as store:
        assert list(store.records()) == [RECORD, SUCCESS]
    closed.chmod(0o755)


def test_file_that_cannot_be_written_is_refused_even_to_the_superuser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    connect = sqlite3.connect

    def read_only(database: str, **options: object) -> sqlite3.Connection:
        return connect(database.replace("mode=rwc", "mode=ro"), **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(StoreError, match="readonly database"):
        ResultStore.for_writing(tmp_path)


def test_reading_where_nothing_is_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="hamster-bench run"):
        ResultStore.for_reading(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


HOLDER = """
import os, sys
from hamster_bench.evaluation.store import ResultStore
store = ResultStore.for_writing(sys.argv[1])
print(os.getpid(), flush=True)
sys.stdin.read()
"""


def test_second_writer_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        pid = holder.stdout.readline().strip()
        with pytest.raises(StoreError, match=f"being written by process {pid} on "):
            ResultStore.for_writing(tmp_path)
        holder.kill()
        holder.wait()
        filled(tmp_path)


def test_second_writer_of_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path), pytest.raises(StoreError, match="being written by"):
        ResultStore.for_writing(tmp_path)
    filled(tmp_path)


def test_reader_sees_records_while_they_are_added(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path) as writer:
        run = writer.start_run(HAMSTER, {})
        with ResultStore.for_reading(tmp_path) as reader:
            assert list(reader.records()) == []
            writer.add(run, RECORD)
            assert list(reader.records()) == [RECORD]


def test_full_disk_is_said_and_keeps_what_was_recorded(tmp_path: Path) -> None:
    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        store.add(run, RECORD)
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="full"):
            store.add(run, dataclasses.replace(SUCCESS, message=None, path="x" * 100_000))
        assert list(store.records()) == [RECORD]


def test_episode_takes_at_most_two_kilobytes_without_paths_and_videos(tmp_path: Path) -> None:
    # More than most: a long track of a restless agent, and as much drawn as by half of all factors.
    way = Track(Path2D(np.random.default_rng(0).uniform(0.0, 1.0, (50, 2)), np.arange(50) % 7 < 4)).to_text()
    versions = {name: "26.11.1" for name in ("hamster_bench", "python", "assets", "mujoco", "gymnasium", "numpy", "renderer")}
    record = dataclasses.replace(
        RECORD, message=None, path=None, oracle_path=None, proposals=None, track=way, versions=versions, draws="x" * 300
    )
    sizes = []
    with ResultStore.for_writing(tmp_path) as store:
        run = store.start_run(HAMSTER, {})
        for episode in range(100):
            scenario = dataclasses.replace(
                RECORD.scenario, task="place_wine_at_rack_location", factor="all_mixed", episode=episode
            )
            store.add(run, dataclasses.replace(record, agent="path_follower", scenario=scenario))
            sizes.append((tmp_path / FILE_NAME).stat().st_size)
    assert (sizes[-1] - sizes[19]) / 80 <= 2000
