"""Merging stores: nothing lost, nothing mixed that contradicts itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hamster_bench.cli.main import main
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.merge import merge
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.record import EpisodeRecord, Timings
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario

HAMSTER = make_protocol("hamster")


def record(agent: str = "a", episode: int = 0, **changes: Any) -> EpisodeRecord:
    return dataclasses.replace(
        EpisodeRecord(
            agent=agent,
            agent_fingerprint=f"f-{agent}",
            protocol=HAMSTER.fingerprint,
            scenario=Scenario(task="close_box", episode=episode),
            outcome="failure",
            kind="step_limit",
            stage=0.5,
            track='{"x":[1],"y":[2],"open":[1]}',
            proposals="[]",
            attempts=3,
            timings=Timings(act_wall=episode + 1.0, plan_wall=0.5),
            versions={"python": "3.11"},
        ),
        **changes,
    )


def store_of(folder: Path, *records: EpisodeRecord, configuration: str = "c") -> Path:
    with ResultStore.for_writing(folder) as store:
        run = store.start_run(HAMSTER, {"name": configuration})
        for one in records:
            store.add(run, one)
        store.finish_run(run)
    return folder


def records_of(folder: Path) -> list[EpisodeRecord]:
    with ResultStore.for_reading(folder) as store:
        return list(store.records())


def test_merged_stores_hold_every_record_and_run_as_it_was(tmp_path: Path) -> None:
    first = store_of(tmp_path / "first", record(episode=0), record("b"), configuration="one")
    second = store_of(tmp_path / "second", record(episode=1), record("c", episode=4), configuration="two")
    before = (first / "results.sqlite").read_bytes(), (second / "results.sqlite").read_bytes()
    report = merge([first, second], tmp_path / "both")
    assert (report.records, report.duplicates, report.conflicts) == (4, 0, ())
    assert records_of(tmp_path / "both") == records_of(first) + records_of(second)
    with ResultStore.for_reading(tmp_path / "both") as merged:
        assert [run["configuration"]["name"] for run in merged.runs()] == ["one", "two"]
        assert merged.protocols() == {HAMSTER.fingerprint: HAMSTER}
        names, rows = merged.rows("episodes")
        assert [row[names.index("run")] for row in rows] == [1, 1, 2, 2]
        with ResultStore.for_reading(first) as source:
            assert source.rows("episodes")[1] == rows[:2]
    assert before == ((first / "results.sqlite").read_bytes(), (second / "results.sqlite").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both", "first", "second"]


def test_equal_records_are_kept_once_whatever_they_took(tmp_path: Path) -> None:
    first = store_of(tmp_path / "first", record(), record("b"))
    slower = record(timings=Timings(act_wall=99.0), attempts=1, proposals=None)
    second = store_of(tmp_path / "second", slower, record(episode=1))
    report = merge([first, second], tmp_path / "both")
    assert (report.records, report.duplicates, report.conflicts) == (3, 1, ())
    assert records_of(tmp_path / "both") == [record(), record("b"), record(episode=1)]


CONTRADICTIONS = [
    pytest.param({"outcome": "success", "kind": None}, 0, "(kind, outcome differ)", id="outcome"),
    pytest.param({"stage": None}, 0, "(stage differ)", id="unknown to one"),
    pytest.param({"versions": {"python": "3.12"}}, 0, "(versions differ)", id="versions"),
    pytest.param({"agent_fingerprint": "g"}, 5, "another agent of that name", id="another agent"),
    pytest.param({"checkpoint": "g"}, 5, "(checkpoint differ)", id="another checkpoint"),
]


@pytest.mark.parametrize(("changes", "episode", "text"), CONTRADICTIONS)
def test_contradictions_are_refused_and_nothing_is_written(
    changes: dict[str, Any], episode: int, text: str, tmp_path: Path
) -> None:
    first = store_of(tmp_path / "first", record(), record("b"))
    second = store_of(tmp_path / "second", record(episode=episode, **changes), record("b"))
    with pytest.raises(StoreError, match="nothing was merged") as refusal:
        merge([first, second], tmp_path / "both")
    assert text in str(refusal.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


@pytest.mark.parametrize(("changes", "episode", "text"), CONTRADICTIONS)
def test_contradictions_can_be_kept_apart(changes: dict[str, Any], episode: int, text: str, tmp_path: Path) -> None:
    first = store_of(tmp_path / "first", record(), record("b"))
    others = [
        record(episode=episode, **changes),
        record(episode=7, **{k: v for k, v in changes.items() if k == "agent_fingerprint"}),
    ]
    second = store_of(tmp_path / "second", *others, record("b"))
    report = merge([first, second], tmp_path / "both", on_conflict="keep_apart")
    assert any(text in str(conflict) for conflict in report.conflicts)
    assert report.kept_apart == {(second, HAMSTER.fingerprint, "a"): "a@second"}
    apart = [dataclasses.replace(other, agent="a@second") for other in others]
    assert records_of(tmp_path / "both") == [record(), record("b"), *apart]
    assert (report.records, report.duplicates) == (4, 1)


def test_names_of_agents_kept_apart_do_not_meet(tmp_path: Path) -> None:
    stores = [
        store_of(tmp_path / folder / "results", record(outcome=outcome, kind=kind))
        for folder, outcome, kind in (("x", "failure", "step_limit"), ("y", "success", None), ("z", "error", "agent_error"))
    ]
    report = merge(stores, tmp_path / "all", on_conflict="keep_apart")
    assert list(report.kept_apart.values()) == ["a@results", "a@results-2"]
    assert [one.outcome for one in records_of(tmp_path / "all")] == ["failure", "success", "error"]


def test_what_cannot_be_merged_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    first, second = store_of(tmp_path / "first", record()), store_of(tmp_path / "second", record(episode=1))
    with pytest.raises(InvalidOptionError, match="two or more different"):
        merge([first], tmp_path / "both")
    with pytest.raises(InvalidOptionError, match="two or more different"):
        merge([first, first], tmp_path / "both")
    with pytest.raises(UnknownNameError, match="Did you mean: keep_apart"):
        merge([first, second], tmp_path / "both", on_conflict="keep-apart")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="no results"):
        merge([first, tmp_path / "nowhere"], tmp_path / "both")
    with pytest.raises(StoreError, match="exists already"):
        merge([first, second], first)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="exists already"):
        merge([first, second], tmp_path / "file")
    assert not (tmp_path / "both").exists()
    (tmp_path / "empty").mkdir()
    assert merge([first, second], tmp_path / "empty").records == 2


def test_merge_that_breaks_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = [store_of(tmp_path / "first", record()), store_of(tmp_path / "second", record(episode=1))]
    take_over = ResultStore.take_over

    def full(self: ResultStore, other: ResultStore, agents: Any) -> None:
        if other.directory.name == "second":
            raise StoreError("the disk is full")
        take_over(self, other, agents)

    monkeypatch.setattr(ResultStore, "take_over", full)
    with pytest.raises(StoreError, match="full"):
        merge(stores, tmp_path / "both")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = store_of(tmp_path / "first", record()), store_of(tmp_path / "second", record(outcome="success", kind=None))
    command = ["merge", str(first), str(second), "--out", str(tmp_path / "both")]
    assert main(command) == 2
    assert "nothing was merged" in capsys.readouterr().err
    assert main([*command, "--on-conflict", "keep_apart"]) == 1
    said = capsys.readouterr().out
    assert "2 records, 0 duplicates" in said
    assert "is called 'a@second'" in said
