"""Everything in a result store in formats that other programs read."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from hamster_bench.errors import MissingDependencyError, StoreError, UnknownNameError
from hamster_bench.evaluation.store import TABLES, ResultStore, Table
from hamster_bench.files import write_whole

Format = Literal["parquet", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)

# Columns that hold JSON; the others hold numbers or plain text.
_JSON_COLUMNS = frozenset(
    {"versions", "configuration", "rules", "draws", "path", "proposals", "stages", "track", "oracle_path"}
)  # fmt: skip


def export(store: ResultStore, folder: Path, to: Format) -> tuple[Path, ...]:
    """Writes the tables ``episodes``, ``runs`` and ``protocols``, a file each, with every column of the store.

    Column names are those of `EpisodeRecord`, with the scenario's parts and the times as columns of their own. What a store holds as JSON
    text (paths, tracks, draws, versions) stays text in Parquet and CSV and is unpacked in JSON. In CSV, an empty cell means that there is
    nothing.

    Args:
        store: the store.
        folder: where to; made where it does not exist. Files of the same names are replaced.
        to: ``"parquet"``, ``"csv"`` or ``"json"``.

    Returns:
        The files.

    Raises:
        UnknownNameError: there is no such format.
        MissingDependencyError: Parquet is asked for, and pyarrow is not installed.
        StoreError: a file cannot be written.
    """
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    if to == "parquet":
        _require_pyarrow()
    write = {"parquet": _parquet, "csv": _csv, "json": _json}[to]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_write(folder / f"{table}.{to}", store, table, write) for table in TABLES)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error


Writer = Callable[[tuple[str, ...], list[tuple[Any, ...]]], bytes]


def _write(file: Path, store: ResultStore, table: Table, write: Writer) -> Path:
    write_whole(file, write(*store.rows(table)))
    return file


def _csv(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _json(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> bytes:
    def unpacked(row: tuple[Any, ...]) -> dict[str, Any]:
        return {
            name: json.loads(value) if name in _JSON_COLUMNS and value is not None else value
            for name, value in zip(columns, row, strict=True)
        }

    # A row a line: such files can be searched and compared.
    lines = (json.dumps(unpacked(row), ensure_ascii=False) for row in rows)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _parquet(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> bytes:
    import pandas as pd

    frame = pd.DataFrame.from_records(rows, columns=list(columns)).convert_dtypes()
    return bytes(frame.to_parquet(engine="pyarrow", index=False))


def _require_pyarrow() -> None:
    try:
        importlib.import_module("pyarrow")
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet files need pyarrow: pip install 'hamster-bench[export]'; CSV and JSON need nothing further"
        ) from error
