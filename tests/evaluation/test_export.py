"""Exports: every record, every column, in formats others read."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from hamster_bench.cli.main import main
from hamster_bench.errors import MissingDependencyError, StoreError, UnknownNameError
from hamster_bench.evaluation.export import export
from hamster_bench.evaluation.store import ResultStore
from tests.evaluation.test_store import HAMSTER, RECORD, SUCCESS, filled


def columns_and_rows(directory: Path) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    with ResultStore.for_reading(directory) as store:
        return store.rows("episodes")


def test_csv_holds_every_column_as_it_is_stored(tmp_path: Path) -> None:
    filled(tmp_path)
    with ResultStore.for_reading(tmp_path) as store:
        files = export(store, tmp_path / "out", "csv")
    assert [file.name for file in files] == ["episodes.csv", "runs.csv", "protocols.csv"]
    with files[0].open(newline="", encoding="utf-8") as stream:
        header, *lines = csv.reader(stream)
    columns, rows = columns_and_rows(tmp_path)
    assert tuple(header) == columns
    assert lines == [["" if value is None else str(value) for value in row] for row in rows]
    assert {"outcome", "stage", "track", "plan_wall", "host_load", "task", "factor"} <= set(columns)


def test_json_is_unpacked(tmp_path: Path) -> None:
    filled(tmp_path)
    with ResultStore.for_reading(tmp_path) as store:
        files = export(store, tmp_path / "out", "json")
    episodes, runs, protocols = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    assert [episode["agent"] for episode in episodes] == ["a", "b"]
    assert episodes[0]["message"] == RECORD.message
    assert episodes[0]["stages"] == [0, 3, None]
    assert episodes[0]["draws"] == {"tab_col": {"rgb": [0.3, 0.4, 0.5]}}
    assert episodes[1]["path"] is None
    assert episodes[1]["outcome"] == SUCCESS.outcome
    assert runs[0]["configuration"] == {"tasks": ["close_box"]}
    assert protocols[0]["fingerprint"] == HAMSTER.fingerprint
    assert protocols[0]["rules"]["cameras"] == ["front"]


def test_parquet_keeps_types_and_what_is_missing(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    filled(tmp_path)
    with ResultStore.for_reading(tmp_path) as store:
        files = export(store, tmp_path / "out", "parquet")
    frame = pd.read_parquet(files[0], dtype_backend="pyarrow")
    columns, rows = columns_and_rows(tmp_path)
    assert tuple(frame.columns) == columns
    back = frame.astype(object).where(frame.notna(), None)
    assert [tuple(row) for row in back.itertuples(index=False)] == rows
    assert frame["steps"].dtype.pyarrow_dtype == "int64"
    assert frame["stage"].dtype.pyarrow_dtype == "double"


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with ResultStore.for_reading(tmp_path) as store:
        with pytest.raises(MissingDependencyError, match=r"hamster-bench\[export\]"):
            export(store, tmp_path / "out", "parquet")
        assert not (tmp_path / "out").exists()
        export(store, tmp_path / "out", "json")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "file").write_text("")
    with ResultStore.for_reading(tmp_path) as store:
        with pytest.raises(StoreError, match="cannot be written"):
            export(store, tmp_path / "file", "csv")
        with pytest.raises(UnknownNameError, match="Did you mean: parquet"):
            export(store, tmp_path / "out", "parket")  # type: ignore[arg-type]


def test_command_names_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path)
    assert main(["export", str(tmp_path), "--to", "csv"]) == 0
    files = capsys.readouterr().out.split()
    assert files == [str(tmp_path / "export" / f"{name}.csv") for name in ("episodes", "runs", "protocols")]
    assert main(["export", str(tmp_path), "--to", "cvs"]) == 2
    assert "Did you mean: csv" in capsys.readouterr().err
