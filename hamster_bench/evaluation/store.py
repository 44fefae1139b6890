"""The result store: one SQLite file in a results directory.

Every record is one transaction, synced to disk before the next episode starts, so a process killed at any moment loses at most the
episode it was in. A rollback journal is kept rather than a write-ahead log: a run commits a few times a second at most, and the
directory then holds a single file that can be copied, or read from a medium that cannot be written.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, get_args

from hamster_bench.errors import StoreError, UnknownNameError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord, HostLoad, Outcome, Timings, versions
from hamster_bench.evaluation.store_file import (
    FILE_NAME,
    LOCK_NAME,
    check_header,
    connect,
    lock_directory,
    now,
    reason,
    transaction,
)
from hamster_bench.scenario import Scenario

Table = Literal["episodes", "runs", "protocols"]
TABLES: tuple[Table, ...] = get_args(Table)

_TIMINGS = tuple(f.name for f in fields(Timings))
_HOST = ("host_load", "host_cpus")
_COMPARABLE = (
    "agent",
    "agent_fingerprint",
    "protocol",
    "scenario",
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
    "draws",
    "stage",
    "stages",
    "track",
    "oracle_path",
    "checkpoint",
    "versions",
)
# Of these, what the first stores did not know. Where there is nothing they are left out of digests, which outlive the schema.
_COMPARABLE_IF_KNOWN = ("stage", "stages", "track", "oracle_path", "checkpoint")
# Kept as they are, but no part of what two runs must agree on: a planner's answers tell how long they took.
_KEPT = ("proposals", "attempts")


def comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a row of the table of episodes, what two runs of the same plan must agree on."""
    return {name: row[name] for name in _COMPARABLE if row[name] is not None or name not in _COMPARABLE_IF_KNOWN}


class Outcomes(NamedTuple):
    """What tables are made from, column by column, a row for each record in the order in which they were made.

    Attributes:
        protocol: fingerprints.
        agent: names.
        task: names.
        factor: names.
        variation: indices.
        episode: numbers.
        seed: base seeds.
        outcome: ``"success"``, ``"failure"`` or ``"error"``.
        kind: why, or None for a success.
        stage: share of the task's stages that were reached, or None where it is not known.
        versions: JSON texts of the versions of the programs that made them; equal sets have equal texts.
    """

    protocol: tuple[str, ...]
    agent: tuple[str, ...]
    task: tuple[str, ...]
    factor: tuple[str, ...]
    variation: tuple[int, ...]
    episode: tuple[int, ...]
    seed: tuple[int, ...]
    outcome: tuple[Outcome, ...]
    kind: tuple[str | None, ...]
    stage: tuple[float | None, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Player:
    """What records of one agent tell of it.

    Attributes:
        checkpoints: fingerprints of the weights it played with, in the order of their first record.
        sees_paths: whether it was given paths, or would have been had there been one; an agent that was given some under any protocol
            of the store sees paths under all of them, also where the planner is `none`.
    """

    checkpoints: tuple[str, ...] = ()
    sees_paths: bool = False


class ResultStore:
    """Records of one results directory. Made by `for_writing` or `for_reading`; a context manager.

    Attributes:
        directory: the results directory.
    """

    def __init__(self, directory: Path, connection: sqlite3.Connection, lock: int | None) -> None:
        self.directory = directory
        self._connection = connection
        self._lock = lock

    @classmethod
    def for_writing(cls, directory: str | os.PathLike[str]) -> ResultStore:
        """Opens the directory as its only writer; it and the file are made where they do not exist.

        Raises:
            StoreError: the directory cannot be written, another process writes to it, or the file in it is corrupt, foreign, or made by
                a newer version of this program. Nothing has been changed then.
        """
        folder = Path(directory)
        # Before the lock: a directory that is another program's is left exactly as it is.
        check_header(folder / FILE_NAME)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder} cannot be used as a results directory: {reason(error)}; choose another one") from error
        lock, made = lock_directory(folder)
        try:
            connection = connect(folder / FILE_NAME, write=True)
        except BaseException:
            if made:
                (folder / LOCK_NAME).unlink(missing_ok=True)
            os.close(lock)
            raise
        return cls(folder, connection, lock)

    @classmethod
    def for_reading(cls, directory: str | os.PathLike[str]) -> ResultStore:
        """Opens the records of a directory, also while another process adds to them.

        Raises:
            StoreError: there are no results, or the file is corrupt, foreign, or made by a newer version of this program.
        """
        folder = Path(directory)
        try:
            present = (folder / FILE_NAME).stat().st_size > 0
        except OSError:
            present = False
        if not present:
            raise StoreError(f"there are no results in {folder}; 'hamster-bench run --out {folder} ...' makes some")
        return cls(folder, connect(folder / FILE_NAME, write=False), None)

    def close(self) -> None:
        """Closes the file and, after writing, lets others write."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> ResultStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start_run(self, protocol: Protocol, configuration: Mapping[str, Any]) -> int:
        """Notes that a run begins.

        Args:
            protocol: the rules it is played by.
            configuration: the arguments in effect, as JSON-able values.

        Returns:
            Number of the run.

        Raises:
            StoreError: the directory cannot be written.
        """
        with self._writing("the run"):
            self._connection.execute(
                "INSERT OR IGNORE INTO protocols (fingerprint, rules) VALUES (?, ?)", (protocol.fingerprint, protocol.to_json())
            )
            cursor = self._connection.execute(
                "INSERT INTO runs (started, configuration, versions, platform) VALUES (?, ?, ?, ?)",
                (now(), _json(configuration), _json(versions()), f"{platform.platform()}, {_processor()}"),
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def finish_run(self, run: int) -> None:
        """Notes that a run came to its end; runs that were interrupted have none."""
        with self._writing("the end of the run"):
            self._connection.execute("UPDATE runs SET finished = ? WHERE id = ?", (now(), run))

    def add(self, run: int, record: EpisodeRecord) -> None:
        """Stores a record for good: when this returns it is on the disk.

        Args:
            run: number of the run that made it.
            record: the record.

        Raises:
            StoreError: the episode is recorded already, or it cannot be written (for instance because the disk is full).
        """
        scenario = record.scenario
        values: dict[str, Any] = {
            "run": run,
            "recorded": now(),
            **{name: getattr(record, name) for name in (*_COMPARABLE, *_KEPT)},
            "scenario": scenario.id,
            "task": scenario.task,
            "variation": scenario.variation,
            "factor": scenario.factor,
            "episode": scenario.episode,
            "seed": scenario.seed,
            "versions": _json(record.versions),
            **dict(zip(_HOST, record.host, strict=True)),
            **dict(zip(_TIMINGS, astuple(record.timings), strict=True)),
        }
        columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
        with self._writing(f"the record of {record.agent} on {scenario.id}"):
            self._connection.execute(f"INSERT INTO episodes ({columns}) VALUES ({places})", values)

    @contextlib.contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            with transaction(self._connection):
                yield
        except sqlite3.IntegrityError as error:
            raise StoreError(f"{what} was refused, {self.directory} is unchanged: {error}") from error
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"{what} could not be written to {self.directory}: {error}; what was recorded before is safe, make room or set the "
                "permissions right and give the same command again"
            ) from error

    def recorded(self, protocol: str) -> set[tuple[str, str]]:
        """Every (agent, scenario id) that has a record under the protocol of this fingerprint."""
        rows = self._connection.execute("SELECT agent, scenario FROM episodes WHERE protocol = ?", (protocol,))
        return {(str(agent), str(scenario)) for agent, scenario in rows}

    def agent_fingerprints(self, protocol: str) -> dict[str, set[str]]:
        """Fingerprints under which each agent has records in this protocol."""
        found: dict[str, set[str]] = {}
        rows = self._connection.execute("SELECT DISTINCT agent, agent_fingerprint FROM episodes WHERE protocol = ?", (protocol,))
        for agent, fingerprint in rows:
            found.setdefault(agent, set()).add(fingerprint)
        return found

    def players(self) -> dict[tuple[str, str], Player]:
        """What played, by fingerprint of the protocol and name of the agent."""
        rows = self._connection.execute(
            "SELECT protocol, agent, checkpoint, MAX(path IS NOT NULL OR path_error IS NOT NULL) FROM episodes "
            "GROUP BY protocol, agent, checkpoint ORDER BY MIN(id)"
        )
        found: dict[tuple[str, str], Player] = {}
        for protocol, agent, checkpoint, sees_paths in rows:
            known = found.get((protocol, agent), Player())
            checkpoints = known.checkpoints if checkpoint is None else (*known.checkpoints, checkpoint)
            found[protocol, agent] = Player(checkpoints=checkpoints, sees_paths=known.sees_paths or bool(sees_paths))
        seeing = {agent for (_, agent), player in found.items() if player.sees_paths}
        return {(protocol, agent): replace(player, sees_paths=agent in seeing) for (protocol, agent), player in found.items()}

    def protocols(self) -> dict[str, Protocol]:
        """Protocols with records, by fingerprint, in the order of their first record."""
        rows = self._connection.execute(
            "SELECT fingerprint, rules FROM (SELECT fingerprint, rules, "
            "(SELECT MIN(id) FROM episodes WHERE protocol = fingerprint) AS first FROM protocols) "
            "WHERE first IS NOT NULL ORDER BY first"
        )
        return {fingerprint: Protocol.from_json(rules) for fingerprint, rules in rows}

    def runs(self) -> list[dict[str, Any]]:
        """Every run: ``id``, ``started``, ``finished`` (UTC, or None), ``configuration``, ``versions``, ``platform``."""
        cursor = self._connection.execute("SELECT id, started, finished, configuration, versions, platform FROM runs ORDER BY id")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return [row | {name: json.loads(row[name]) for name in ("configuration", "versions")} for row in rows]

    def records(
        self, *, protocol: str | None = None, agent: str | None = None, scenario: str | None = None
    ) -> Iterator[EpisodeRecord]:
        """Records in the order in which they were made.

        Args:
            protocol: only those under the protocol of this fingerprint.
            agent: only this agent's.
            scenario: only those of the scenario with this id.
        """
        wanted = {"protocol": protocol, "agent": agent, "scenario": scenario}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(f'{name} = :{name}' for name in given)}" if given else ""
        names = (*_COMPARABLE, *_KEPT, *_HOST, *_TIMINGS)
        cursor = self._connection.execute(f"SELECT {', '.join(names)} FROM episodes {where} ORDER BY id", given)
        # Most records share theirs with others; reading a text once takes a third off.
        scenarios, versions = functools.cache(Scenario.from_id), functools.cache(json.loads)
        # All at once: a reader in the middle of a query would keep the writer waiting.
        for row in cursor.fetchall():
            values = dict(zip(names, row, strict=True))
            values["scenario"] = scenarios(values["scenario"])
            values["versions"] = dict(versions(values["versions"]))
            values["host"] = HostLoad(*(values.pop(name) for name in _HOST))
            values["timings"] = Timings(**{name: values.pop(name) for name in _TIMINGS})
            yield EpisodeRecord(**values)

    def outcomes(self, *, protocol: str | None = None) -> Outcomes:
        """How every episode ended, without what else is known of it: many times faster than `records`.

        Args:
            protocol: only those under the protocol of this fingerprint.
        """
        where = "" if protocol is None else "WHERE protocol = ?"
        cursor = self._connection.execute(
            f"SELECT {', '.join(Outcomes._fields)} FROM episodes {where} ORDER BY id", () if protocol is None else (protocol,)
        )
        rows = cursor.fetchall()
        return Outcomes(*zip(*rows, strict=True)) if rows else Outcomes(*((),) * len(Outcomes._fields))

    def version_sets(self, *, protocol: str | None = None) -> list[dict[str, str]]:
        """Every different set of program versions that made records, in the order of their first record.

        Args:
            protocol: only of records under the protocol of this fingerprint.
        """
        where = "" if protocol is None else "WHERE protocol = ?"
        rows = self._connection.execute(
            f"SELECT versions FROM episodes {where} GROUP BY versions ORDER BY MIN(id)", () if protocol is None else (protocol,)
        )
        return [json.loads(text) for (text,) in rows]

    def rows(self, table: Table) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Everything in a table as it is stored: names of its columns, and its rows in the order in which they were made.

        Args:
            table: ``"episodes"``, ``"runs"`` or ``"protocols"``.
        """
        if table not in TABLES:
            raise UnknownNameError("table", table, TABLES)
        cursor = self._connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
        return tuple(column[0] for column in cursor.description), cursor.fetchall()

    def take_over(self, other: ResultStore, agents: Mapping[int, str]) -> None:
        """Copies runs, protocols and records of another store, in one transaction; times and all else stay as they are.

        Args:
            other: where from.
            agents: ids of the records to copy (see `rows`), and the name of the agent each is to have here.

        Raises:
            StoreError: one of the episodes is recorded here already, or the directory cannot be written; nothing has been copied then.
        """
        names, runs = other.rows("runs")
        episode_names, episodes = other.rows("episodes")
        run_place, agent_place = episode_names.index("run"), episode_names.index("agent")
        copied = f"INSERT INTO episodes ({', '.join(episode_names[1:])}) VALUES ({', '.join('?' * (len(episode_names) - 1))})"
        with self._writing(f"what {other.directory} holds"):
            self._connection.executemany("INSERT OR IGNORE INTO protocols VALUES (?, ?)", other.rows("protocols")[1])
            numbers: dict[int, int | None] = {}
            for run in runs:
                cursor = self._connection.execute(
                    f"INSERT INTO runs ({', '.join(names[1:])}) VALUES ({', '.join('?' * (len(names) - 1))})", run[1:]
                )
                numbers[run[0]] = cursor.lastrowid
            for episode in episodes:
                if episode[0] in agents:
                    values = list(episode)
                    values[run_place], values[agent_place] = numbers[episode[run_place]], agents[episode[0]]
                    self._connection.execute(copied, values[1:])

    def comparable_records(self) -> list[dict[str, Any]]:
        """What two runs of the same plan must agree on: every record without times and run numbers, in an order of its own."""
        cursor = self._connection.execute(
            f"SELECT {', '.join(_COMPARABLE)} FROM episodes ORDER BY protocol, agent, task, factor, seed, episode, scenario"
        )
        return [comparable(dict(zip(_COMPARABLE, row, strict=True))) for row in cursor]

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of `comparable_records`."""
        return hashlib.sha256(_json(self.comparable_records()).encode()).hexdigest()


def _json(value: Mapping[str, Any] | Iterable[Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _processor() -> str:
    """What the machine computes on: networks round differently on another kind of processor, and may then act differently."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
