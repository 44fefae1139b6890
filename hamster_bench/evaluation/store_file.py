"""The SQLite file of a results directory: its schema, the lock on its directory, and how it is opened."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import sqlite3
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hamster_bench.errors import StoreError

FILE_NAME = "results.sqlite"
LOCK_NAME = "results.lock"

# "HmBe" as a big-endian number; SQLite keeps it at byte 68 of the file, where `file` and we find it.
APPLICATION_ID = 0x486D4265
_MAGIC = b"SQLite format 3\x00"

# Migration i takes the schema from version i to i + 1. Entries are never changed, only added.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            started TEXT NOT NULL,
            finished TEXT,
            configuration TEXT NOT NULL,
            versions TEXT NOT NULL,
            platform TEXT NOT NULL
        )""",
        """CREATE TABLE protocols (
            fingerprint TEXT PRIMARY KEY,
            rules TEXT NOT NULL
        )""",
        """CREATE TABLE episodes (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            recorded TEXT NOT NULL,
            agent TEXT NOT NULL,
            agent_fingerprint TEXT NOT NULL,
            protocol TEXT NOT NULL REFERENCES protocols (fingerprint),
            scenario TEXT NOT NULL,
            task TEXT NOT NULL,
            variation INTEGER NOT NULL,
            factor TEXT NOT NULL,
            episode INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure', 'error')),
            kind TEXT CHECK ((kind IS NULL) = (outcome = 'success')),
            message TEXT,
            instruction TEXT,
            steps INTEGER NOT NULL CHECK (steps >= 0),
            control_steps INTEGER NOT NULL CHECK (control_steps >= 0),
            episode_return REAL NOT NULL,
            motion_failures INTEGER NOT NULL CHECK (motion_failures >= 0),
            path TEXT,
            path_error TEXT,
            reset_wall REAL NOT NULL,
            reset_cpu REAL NOT NULL,
            act_wall REAL NOT NULL,
            act_cpu REAL NOT NULL,
            step_wall REAL NOT NULL,
            step_cpu REAL NOT NULL,
            versions TEXT NOT NULL,
            UNIQUE (agent, protocol, scenario)
        )""",
        """CREATE TRIGGER episodes_are_not_changed BEFORE UPDATE ON episodes
            BEGIN SELECT RAISE(ABORT, 'records are never changed'); END""",
        """CREATE TRIGGER episodes_are_not_deleted BEFORE DELETE ON episodes
            BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END""",
    ),
    (
        "ALTER TABLE episodes ADD COLUMN draws TEXT",
        "ALTER TABLE episodes ADD COLUMN proposals TEXT",
    ),
    (
        "ALTER TABLE episodes ADD COLUMN stage REAL CHECK (stage BETWEEN 0.0 AND 1.0)",
        "ALTER TABLE episodes ADD COLUMN stages TEXT",
        "ALTER TABLE episodes ADD COLUMN track TEXT",
        "ALTER TABLE episodes ADD COLUMN oracle_path TEXT",
        "ALTER TABLE episodes ADD COLUMN checkpoint TEXT",
        "ALTER TABLE episodes ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1 CHECK (attempts >= 1)",
        "ALTER TABLE episodes ADD COLUMN host_load REAL",
        "ALTER TABLE episodes ADD COLUMN host_cpus INTEGER",
        *(
            f"ALTER TABLE episodes ADD COLUMN {part}_{clock} REAL"
            for part in ("plan", "simulate", "render")
            for clock in ("wall", "cpu")
        ),
        "CREATE INDEX episodes_by_protocol ON episodes (protocol)",
    ),
)


def lock_directory(folder: Path) -> tuple[int, bool]:
    """Takes the directory's write lock, which the operating system releases when the process ends, however it ends.

    Returns:
        The lock, and whether its file was made here.
    """
    file = folder / LOCK_NAME
    try:
        made = not file.exists()
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {reason(error)}; choose another results directory") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 200, 0).decode(errors="replace").strip() or "another process"
        os.close(lock)
        raise StoreError(f"{folder} is being written by {holder}; wait until it has ended or choose another directory") from None
    except OSError as error:
        os.close(lock)
        raise StoreError(f"{folder} cannot be locked: {reason(error)}; choose a directory on a local disk") from error
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} on {platform.node()} since {now()}".encode(), 0)
    except OSError as error:
        os.close(lock)
        raise StoreError(f"{folder} cannot be written: {reason(error)}; choose another results directory") from error
    if not _is_open_file(lock, file):
        # Who held it before refused the directory and took the file away.
        os.close(lock)
        return lock_directory(folder)
    return lock, made


def _is_open_file(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def connect(file: Path, *, write: bool) -> sqlite3.Connection:
    """Opens the file after making sure that it is sound and ours."""
    check_header(file)
    try:
        # A reader, too, asks for write access, which it does without where there is none: after a kill, the first to come restores the
        # file from its journal.
        mode = "rwc" if write else "rw"
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=30.0)
    except sqlite3.Error as error:
        raise StoreError(f"{file} cannot be opened: {error}") from error
    # Transactions are opened by hand: the module's implicit ones do not cover changes of the schema.
    connection.isolation_level = None
    try:
        if write:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
        if not write:
            connection.execute("PRAGMA query_only = ON")
        _check_content(connection, file)
        if write:
            _migrate(connection)
        elif _schema_version(connection) < len(MIGRATIONS):
            connection = _migrated_copy(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise unusable(file, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def check_header(file: Path) -> None:
    """Refuses a file that is not an SQLite database, or one of another program, without opening it as a database."""
    try:
        with file.open("rb") as stream:
            header = stream.read(100)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {reason(error)}") from error
    if not header:
        return
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise StoreError(
            f"{file} is not a result store: it is corrupt or of another kind; move it away or choose another directory"
        )
    (application_id,) = struct.unpack(">i", header[68:72])
    # A journal beside the file means that its last writer was killed; SQLite has to restore the file before it can be judged.
    if application_id != APPLICATION_ID and not Path(f"{file}-journal").exists():
        raise _foreign(file)


def _check_content(connection: sqlite3.Connection, file: Path) -> None:
    version = _schema_version(connection)
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise _foreign(file)
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{file} has schema version {version}, made by a newer version of this program, which knows versions up to "
            f"{len(MIGRATIONS)}; upgrade hamster-bench or choose another directory"
        )
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreError(f"{file} is corrupt ({verdict}); restore it from a copy or choose another directory")


def _migrate(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        present = _schema_version(connection)
        for statement in (statement for migration in MIGRATIONS[present:] for statement in migration):
            connection.execute(statement)
        # Written even when nothing has changed: on a file that cannot be written SQLite opens the transaction without complaint, and the
        # run would only fail after its first episode.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy in memory brought to the present schema; readers never change a file."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    connection.close()
    _migrate(copy)
    return copy


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that writes; what raises inside it undoes all of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _foreign(file: Path) -> StoreError:
    return StoreError(f"{file} is an SQLite file of another program; move it away or choose another directory")


def unusable(file: Path, error: sqlite3.DatabaseError) -> StoreError:
    """The refusal of a file that SQLite cannot use, with what to do about it."""
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(
            f"{file} cannot be used: {error}; check the permissions and the space left, or choose another directory"
        )
    return StoreError(f"{file} is corrupt ({error}); restore it from a copy or choose another directory")


def reason(error: OSError) -> str:
    """The operating system's words."""
    return error.strerror.lower() if error.strerror else str(error)


def now() -> str:
    """The time of day, for people who read the store later."""
    return datetime.now(UTC).isoformat(timespec="seconds")
