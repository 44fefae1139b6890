"""Bundles: the records of a run in one file that can be handed to a leaderboard.

A bundle is a ZIP archive of three files: ``records.jsonl``, one record a line; ``protocols.json``, the rules by fingerprint; and
``manifest.json``, which holds the SHA-256 of the other two, the declared plan, the agents' fingerprints and a line by which somebody
signs off. The SHA-256 of the manifest is the bundle's digest and stands for all of it.

Text files and no database: reading a database that somebody else wrote means running whatever its schema says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from hamster_bench import __version__
from hamster_bench.errors import HamsterBenchError, StoreError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.record_json import LARGEST_COUNT, is_plain_name, record_from_json, record_to_json

FORMAT = "hamster_bench_bundle"
VERSION = 1
MANIFEST, RECORDS, PROTOCOLS = "manifest.json", "records.jsonl", "protocols.json"
STATEMENT = "These are all records of the declared plan, as the program wrote them; none was left out, repeated or changed."

# A hundred thousand records with their paths are about 150 MB, and 40 MB as an archive.
LARGEST_BUNDLE = 512 * 2**20
LARGEST_UNPACKED = 2**30
LARGEST_MANIFEST = 4 * 2**20
_LONGEST_LINE = 8 * 2**20
# A wrong bundle is mostly wrong in the same way many times.
_MOST_REASONS = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SubmissionError(HamsterBenchError):
    """A bundle cannot be made, or is refused.

    Attributes:
        reasons: what is wrong, one sentence each.
    """

    def __init__(self, what: str, reasons: Sequence[str]) -> None:
        self.what = what
        self.reasons = tuple(reasons)
        super().__init__(f"{what}:" + "".join(f"\n  - {reason}" for reason in self.reasons))

    def __reduce__(self) -> tuple[type[SubmissionError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.what, self.reasons)


@dataclass(frozen=True, kw_only=True)
class DeclaredPlan:
    """The arguments of a run, from which its episodes follow.

    Attributes:
        protocol: fingerprint of the rules.
        agents: names.
        tasks: names.
        factors: names; cells in which a factor is not defined for a task are no part of the plan.
        episodes: number of episodes of every agent, task and factor.
        seed: base seed.
    """

    protocol: str
    agents: tuple[str, ...]
    tasks: tuple[str, ...]
    factors: tuple[str, ...]
    episodes: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is in a bundle whose files are what its manifest says.

    Attributes:
        digest: SHA-256 of the manifest, in hexadecimal.
        submitter: who signed off.
        program: version of this program that made the bundle.
        agents: fingerprint of every agent by name.
        plans: what was planned.
        protocols: the rules by fingerprint.
        records: in the order in which they were made.
    """

    digest: str
    submitter: str
    program: str
    agents: dict[str, str]
    plans: tuple[DeclaredPlan, ...]
    protocols: dict[str, Protocol]
    records: tuple[EpisodeRecord, ...]


def plans_of(store: ResultStore) -> tuple[DeclaredPlan, ...]:
    """What the runs of a results directory planned, without repetitions.

    Raises:
        SubmissionError: a run does not tell its plan.
    """
    plans: dict[DeclaredPlan, None] = {}
    for run in store.runs():
        configuration = run["configuration"]
        try:
            protocol = Protocol.from_json(configuration["protocol"]).fingerprint
            plans.setdefault(
                _plan({name: configuration[name] for name in _PLAN_FIELDS if name != "protocol"} | {"protocol": protocol})
            )
        except (KeyError, TypeError, StoreError) as error:
            raise SubmissionError(
                f"no bundle can be made of {store.directory}",
                [f"run {run['id']} does not tell its plan ({error}); make the records with 'hamster-bench run'"],
            ) from error
    return tuple(plans)


def write_bundle(store: ResultStore, file: Path, submitter: str) -> str:
    """Writes the records of a results directory as a bundle.

    The same records, signed off by the same person, make the same bytes.

    Args:
        store: open for reading.
        file: where to; must not exist.
        submitter: who signs off: a name, and a way to reach them.

    Returns:
        The bundle's digest.

    Raises:
        SubmissionError: the file exists, the line is no name, there are no records, or a run does not tell its plan.
        StoreError: the file cannot be written.
    """
    if file.exists():
        raise SubmissionError(f"{file} is not written", ["it exists already; choose another name"])
    if not is_plain_name(submitter) or not submitter.strip():
        raise SubmissionError(
            f"{file} is not written", ["name who signs off in one line, for instance 'Jane Doe <jane@example.org>'"]
        )
    plans = plans_of(store)
    agents: dict[str, str] = {}
    protocols = store.protocols()
    file_hashes: dict[str, dict[str, Any]] = {}
    count = 0
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as unfinished:
            temporary = Path(unfinished.name)
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                with archive.open(_member(RECORDS), "w") as stream:
                    digest, size = hashlib.sha256(), 0
                    for record in store.records():
                        if agents.setdefault(record.agent, record.agent_fingerprint) != record.agent_fingerprint:
                            raise SubmissionError(
                                f"{file} is not written",
                                [f"{store.directory} holds records of two agents called {record.agent!r}; submit them apart"],
                            )
                        line = f"{record_to_json(record)}\n".encode()
                        stream.write(line)
                        digest.update(line)
                        size += len(line)
                        count += 1
                    file_hashes[RECORDS] = {"sha256": digest.hexdigest(), "bytes": size}
                rules = _text({fingerprint: json.loads(protocol.to_json()) for fingerprint, protocol in protocols.items()})
                archive.writestr(_member(PROTOCOLS), rules)
                file_hashes[PROTOCOLS] = {"sha256": hashlib.sha256(rules).hexdigest(), "bytes": len(rules)}
                manifest = _text(
                    {
                        "format": FORMAT,
                        "version": VERSION,
                        "hamster_bench": __version__,
                        "signed_off_by": submitter,
                        "statement": STATEMENT,
                        "records": count,
                        "agents": agents,
                        "plans": [asdict(plan) for plan in plans],
                        "files": file_hashes,
                    }
                )
                archive.writestr(_member(MANIFEST), manifest)
            if count == 0:
                raise SubmissionError(f"{file} is not written", [f"there are no records in {store.directory}"])
            temporary.chmod(0o644)
            os.link(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error
    return hashlib.sha256(manifest).hexdigest()


def read_bundle(file: Path) -> Bundle:
    """Reads a bundle that may have been made by anybody; nothing of it is unpacked to disk or run.

    Raises:
        SubmissionError: it is no bundle, or its files are not what its manifest says.
    """
    problems = _Problems(file)
    try:
        size = file.stat().st_size
        if not stat.S_ISREG(file.stat().st_mode):
            problems.stop("it is no file")
        if size > LARGEST_BUNDLE:
            problems.stop(f"it has {size} bytes; a bundle has at most {LARGEST_BUNDLE}")
        with zipfile.ZipFile(file) as archive:
            _check_members(archive, problems)
            return _read(archive, problems)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, UnicodeError) as error:
        raise SubmissionError(problems.what, [f"it is no sound ZIP archive ({error})"]) from error
    except OSError as error:
        raise SubmissionError(problems.what, [f"it cannot be read: {error.strerror or error}"]) from error


class _Problems:
    """Collects what is wrong, so that somebody who has to repair a bundle is told at once."""

    def __init__(self, file: Path) -> None:
        self.what = f"{file} is refused"
        self._reasons: list[str] = []
        self._more = 0

    def add(self, reason: str) -> None:
        if len(self._reasons) < _MOST_REASONS:
            self._reasons.append(reason)
        else:
            self._more += 1

    def stop(self, reason: str | None = None) -> None:
        """Raises if anything is wrong so far."""
        if reason is not None:
            self.add(reason)
        if self._reasons:
            more = [f"and {self._more} more of the kind"] if self._more else []
            raise SubmissionError(self.what, [*self._reasons, *more])


def _check_members(archive: zipfile.ZipFile, problems: _Problems) -> None:
    members = archive.infolist()
    wanted = {MANIFEST, RECORDS, PROTOCOLS}
    for info in members:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.filename not in wanted:
            problems.add(f"it holds {info.filename[:120]!r}; a bundle holds {', '.join(sorted(wanted))} and nothing else")
        elif kind not in (0, stat.S_IFREG):
            problems.add(f"{info.filename} is no plain file but a link or a folder")
        elif info.flag_bits & 0x1:
            problems.add(f"{info.filename} is encrypted")
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problems.add(f"{info.filename} is compressed by a method other than deflate")
    for name, times in Counter(info.filename for info in members).items():
        if times > 1:
            problems.add(f"it holds {name[:120]!r} {times} times")
    for name in sorted(wanted - {info.filename for info in members}):
        problems.add(f"it lacks {name}")
    unpacked = sum(info.file_size for info in members)
    if unpacked > LARGEST_UNPACKED:
        problems.add(f"it says that it unpacks to {unpacked} bytes; a bundle unpacks to at most {LARGEST_UNPACKED}")
    problems.stop()


def _read(archive: zipfile.ZipFile, problems: _Problems) -> Bundle:
    if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST or archive.getinfo(PROTOCOLS).file_size > LARGEST_MANIFEST:
        problems.stop(f"its manifest or its rules are larger than {LARGEST_MANIFEST} bytes")
    text = archive.read(MANIFEST)
    manifest = _manifest(text, problems)
    rules = archive.read(PROTOCOLS)
    _check_file(PROTOCOLS, hashlib.sha256(rules).hexdigest(), len(rules), manifest, problems)
    protocols = _protocols(rules, problems)
    records = _records(archive, manifest, problems)
    problems.stop()
    return Bundle(
        digest=hashlib.sha256(text).hexdigest(),
        submitter=manifest["signed_off_by"],
        program=manifest["hamster_bench"],
        agents=manifest["agents"],
        plans=tuple(_plan(values) for values in manifest["plans"]),
        protocols=protocols,
        records=records,
    )


def _manifest(text: bytes, problems: _Problems) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        problems.stop(f"{MANIFEST} is not JSON ({error})")
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        problems.stop(f"{MANIFEST} is not the manifest of a bundle")
    if manifest.get("version") != VERSION:
        problems.stop(f"it is a bundle of version {str(manifest.get('version'))[:20]}; this program reads version {VERSION}")
    checks: dict[str, Callable[[Any], bool]] = {
        "hamster_bench": lambda v: isinstance(v, str) and is_plain_name(v),
        "signed_off_by": lambda v: isinstance(v, str) and is_plain_name(v) and bool(v.strip()),
        "statement": lambda v: v == STATEMENT,
        "records": _is_count,
        "agents": lambda v: (
            isinstance(v, dict) and all(isinstance(x, str) and is_plain_name(x) for pair in v.items() for x in pair)
        ),
        "plans": lambda v: isinstance(v, list) and 0 < len(v) <= 1000 and all(map(_is_plan, v)),
        "files": lambda v: isinstance(v, dict) and set(v) == {RECORDS, PROTOCOLS} and all(map(_is_file_entry, v.values())),
    }
    for name, good in checks.items():
        if name not in manifest:
            problems.add(f"{MANIFEST} lacks {name!r}")
        elif not good(manifest[name]):
            problems.add(f"{MANIFEST} holds no usable {name!r}")
    for name in sorted(manifest.keys() - checks.keys() - {"format", "version"}):
        problems.add(f"{MANIFEST} holds {name[:80]!r}, which means nothing")
    problems.stop()
    return dict(manifest)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT


def _is_file_entry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"sha256", "bytes"}
        and isinstance(value["sha256"], str)
        and _SHA256.fullmatch(value["sha256"]) is not None
        and _is_count(value["bytes"])
    )


_PLAN_FIELDS = tuple(f.name for f in fields(DeclaredPlan))
_LISTED = ("agents", "tasks", "factors")


def _is_plan(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != set(_PLAN_FIELDS):
        return False
    lists = all(
        isinstance(value[name], list)
        and 0 < len(value[name]) <= 1000
        and all(isinstance(v, str) and is_plain_name(v) for v in value[name])
        for name in _LISTED
    )
    return lists and isinstance(value["protocol"], str) and _is_count(value["episodes"]) and _is_count(value["seed"])


def _plan(values: Mapping[str, Any]) -> DeclaredPlan:
    listed = {name: tuple(values[name]) for name in _LISTED}
    return DeclaredPlan(protocol=values["protocol"], episodes=values["episodes"], seed=values["seed"], **listed)


def _check_file(name: str, digest: str, size: int, manifest: Mapping[str, Any], problems: _Problems) -> None:
    entry = manifest["files"][name]
    if (digest, size) != (entry["sha256"], entry["bytes"]):
        problems.add(f"{name} is not the file that was signed off: its SHA-256 is {digest}, the manifest says {entry['sha256']}")


def _protocols(rules: bytes, problems: _Problems) -> dict[str, Protocol]:
    protocols: dict[str, Protocol] = {}
    try:
        stored = json.loads(rules)
        if not isinstance(stored, dict):
            raise TypeError("no object")
    except (ValueError, TypeError, RecursionError) as error:
        problems.add(f"{PROTOCOLS} is not a JSON object ({error})")
        return protocols
    for fingerprint, values in stored.items():
        try:
            protocol = Protocol.from_json(json.dumps(values))
        except (HamsterBenchError, ValueError, TypeError, AttributeError, RecursionError) as error:
            problems.add(f"the protocol {fingerprint[:40]} is not understood ({str(error)[:200]})")
            continue
        if not is_plain_name(protocol.name):
            problems.add(f"the protocol {fingerprint[:40]} has no printable name")
        elif protocol.fingerprint != fingerprint:
            problems.add(f"the rules called {fingerprint[:40]} have the fingerprint {protocol.fingerprint}: they are other rules")
        else:
            protocols[fingerprint] = protocol
    return protocols


def _records(archive: zipfile.ZipFile, manifest: Mapping[str, Any], problems: _Problems) -> tuple[EpisodeRecord, ...]:
    digest, size, number = hashlib.sha256(), 0, 0
    records = []
    with archive.open(RECORDS) as stream:
        for number, line in enumerate(_lines(stream, problems), start=1):
            digest.update(line)
            size += len(line)
            try:
                records.append(record_from_json(line.decode()))
            except (StoreError, UnicodeDecodeError) as error:
                problems.add(f"{RECORDS}, line {number}: {error}")
    _check_file(RECORDS, digest.hexdigest(), size, manifest, problems)
    if number != manifest["records"]:
        problems.add(f"{RECORDS} holds {number} records, the manifest says {manifest['records']}")
    return tuple(records)


def _lines(stream: IO[bytes], problems: _Problems) -> Iterator[bytes]:
    while line := stream.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            problems.stop(f"{RECORDS} holds a line of more than {_LONGEST_LINE} bytes")
        yield line


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
