"""Several result stores as one, with nothing lost and nothing mixed that contradicts itself."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.store import ResultStore, comparable

OnConflict = Literal["refuse", "keep_apart"]
ON_CONFLICT: tuple[OnConflict, ...] = get_args(OnConflict)

# More conflicts than this are counted and not listed.
_MOST_LISTED = 5


class Conflict(NamedTuple):
    """Two stores that say different things of one agent.

    Attributes:
        directory: the later store.
        protocol: fingerprint of the protocol.
        agent: name of the agent.
        scenario: id of an episode that both have and that did not end alike in all that runs must agree on; None where the stores
            hold different agents under one name.
        fields: in which the records, or the agents, differ.
    """

    directory: Path
    protocol: str
    agent: str
    scenario: str | None
    fields: tuple[str, ...]

    def __str__(self) -> str:
        what = "another agent of that name" if self.scenario is None else f"another record of {self.scenario}"
        return f"{self.directory} has {what} for {self.agent!r} under protocol {self.protocol} ({', '.join(self.fields)} differ)"


class MergeReport(NamedTuple):
    """What a merge did.

    Attributes:
        records: number of records in the merged store.
        duplicates: records left out because a store named earlier has an equal one, times and machine aside.
        conflicts: what contradicted each other and is kept apart.
        kept_apart: new names of agents, by store, protocol and old name.
    """

    records: int
    duplicates: int
    conflicts: tuple[Conflict, ...]
    kept_apart: dict[tuple[Path, str, str], str]


def merge(sources: Sequence[Path], target: Path, *, on_conflict: OnConflict = "refuse") -> MergeReport:
    """Makes a results directory with the records of several others, which stay as they are.

    Records of one agent, protocol and scenario that are equal in everything two runs must agree on are kept once, that of the first
    store. A conflict is one name for agents of different fingerprints under one protocol, or two records of one episode that differ.

    Args:
        sources: results directories, two at least.
        target: the new one; a directory of this name must be empty.
        on_conflict: ``"refuse"``, or ``"keep_apart"``: all records of the agent in the later store go by a new name, made of the old one
            and the store's, ``expert@laptop``. Pairs of an agent's episodes then never come from two stores that disagree.

    Raises:
        InvalidOptionError: fewer than two stores, or one of them twice.
        UnknownNameError: there is no such way to deal with conflicts.
        StoreError: a store cannot be read, there are conflicts and they are refused, or the new one cannot be written. Nothing has been
            written then.
    """
    if on_conflict not in ON_CONFLICT:
        raise UnknownNameError("rule for conflicts", on_conflict, ON_CONFLICT)
    if len({source.resolve() for source in sources}) < max(2, len(sources)):
        raise InvalidOptionError("a merge needs two or more different results directories")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError(f"{target} exists already; choose a new directory for the merged results")
    with ExitStack() as stack:
        stores = [stack.enter_context(ResultStore.for_reading(source)) for source in sources]
        plan = _Plan()
        copies = [plan.add(store) for store in stores]
        if plan.conflicts and on_conflict == "refuse":
            listed = "; ".join(map(str, plan.conflicts[:_MOST_LISTED]))
            more = f"; and {len(plan.conflicts) - _MOST_LISTED} more" if len(plan.conflicts) > _MOST_LISTED else ""
            raise StoreError(f"the stores contradict each other, and nothing was merged: {listed}{more}")
        with _unfinished(target) as folder, ResultStore.for_writing(folder) as merged:
            for store, agents in zip(stores, copies, strict=True):
                merged.take_over(store, agents)
    return MergeReport(sum(map(len, copies)), plan.duplicates, tuple(plan.conflicts), plan.kept_apart)


class _Plan:
    """What is to be copied, and under which names."""

    def __init__(self) -> None:
        self.duplicates = 0
        self.conflicts: list[Conflict] = []
        self.kept_apart: dict[tuple[Path, str, str], str] = {}
        self._records: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}

    def add(self, store: ResultStore) -> dict[int, str]:
        """Ids of a store's records that are to be copied, and the name of the agent each is to have."""
        names, rows = store.rows("episodes")
        groups: dict[tuple[str, str], dict[str, tuple[int, dict[str, Any]]]] = {}
        for values in rows:
            row = dict(zip(names, values, strict=True))
            groups.setdefault((row["protocol"], row["agent"]), {})[row["scenario"]] = row["id"], comparable(row)
        copied: dict[int, str] = {}
        for (protocol, agent), records in groups.items():
            found = self._conflicts(store.directory, protocol, agent, {k: content for k, (_, content) in records.items()})
            self.conflicts += found
            name = agent
            if found:
                name = self._free_name(protocol, f"{agent}@{store.directory.resolve().name}")
                self.kept_apart[store.directory, protocol, agent] = name
            here = self._records.setdefault((protocol, name), {})
            for scenario, (number, content) in records.items():
                if scenario in here:
                    self.duplicates += 1
                else:
                    here[scenario] = content
                    copied[number] = name
        return copied

    def _conflicts(self, directory: Path, protocol: str, agent: str, records: dict[str, dict[str, Any]]) -> list[Conflict]:
        here = self._records.get((protocol, agent), {})
        identity = ("agent_fingerprint", "checkpoint")
        known = {tuple(content.get(name) for name in identity) for content in here.values()}
        new = {tuple(content.get(name) for name in identity) for content in records.values()}
        found = []
        if known and not new <= known:
            differing = tuple(n for i, n in enumerate(identity) if {k[i] for k in known} != {k[i] for k in new})
            found.append(Conflict(directory, protocol, agent, None, differing or identity))
        for scenario in records.keys() & here.keys():
            old, content = here[scenario], records[scenario]
            fields = tuple(sorted(name for name in old.keys() | content if old.get(name) != content.get(name)))
            if fields:
                found.append(Conflict(directory, protocol, agent, scenario, fields))
        return sorted(found, key=lambda conflict: conflict.scenario or "")

    def _free_name(self, protocol: str, wanted: str) -> str:
        names = (wanted if number == 1 else f"{wanted}-{number}" for number in count(1))
        return next(name for name in names if (protocol, name) not in self._records)


@contextlib.contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its place at the end, and goes if there is none."""
    folder = target.with_name(f".{target.name}.unfinished")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror or error}; choose another directory, or remove it") from error
    try:
        yield folder
        folder.replace(target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
