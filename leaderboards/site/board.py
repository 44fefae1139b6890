"""What stands on a leaderboard: the records of all sources, every episode once, and who made them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.leaderboards.sources import Source
from hamster_bench.leaderboards.table import SuccessTable, success_table
from hamster_bench.scenario import CONTROL_FACTOR

# What two records of one episode by one agent must agree on; messages and times may differ from machine to machine.
_AGREED = ("outcome", "kind", "steps", "control_steps", "episode_return")
_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class BoardAgent:
    """An agent on the board.

    Attributes:
        label: its name; with a part of the fingerprint where several agents have the name.
        name: what it was asked for by.
        fingerprint: what it is.
        privileged: it reads the oracle: it frames a table and is no policy.
        submitters: who signed off its records; empty for those of results directories.
    """

    label: str
    name: str
    fingerprint: str
    privileged: bool
    submitters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """All records under one protocol. Figures of different sections never stand in one table.

    Attributes:
        protocol: the rules.
        table: success of every task, agent and factor; agents go by their labels.
        records: by label of the agent and task, in the order of factor, seed, episode and variation.
    """

    protocol: Protocol
    table: SuccessTable
    records: dict[tuple[str, str], list[EpisodeRecord]]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A leaderboard.

    Attributes:
        sections: one for each protocol, that with most records first.
        agents: by name.
        tasks: names, sorted.
        factors: names, the control first and the others in alphabetical order.
        sources: where the records come from.
        repeated: number of records that several sources have, and that agree; each counts once.
    """

    sections: tuple[Section, ...]
    agents: tuple[BoardAgent, ...]
    tasks: tuple[str, ...]
    factors: tuple[str, ...]
    sources: tuple[Source, ...]
    repeated: int


def make_board(sources: Iterable[Source], privileged: Collection[str] = ()) -> Board:
    """Puts the records of all sources together.

    Args:
        sources: where they come from.
        privileged: names of agents that read the oracle.

    Raises:
        StoreError: two records of one episode by one agent disagree.
    """
    listed = tuple(sources)
    protocols: dict[str, Protocol] = {}
    unique: dict[tuple[str, str, str, str], EpisodeRecord] = {}
    submitters: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    repeated, conflicts = 0, []
    for source in listed:
        for fingerprint, protocol in source.protocols.items():
            protocols.setdefault(fingerprint, protocol)
        for record in source.records:
            key = (record.protocol, record.agent, record.agent_fingerprint, record.scenario.id)
            known = len(unique)
            first = unique.setdefault(key, record)
            if source.acceptance is not None:
                submitters[record.agent, record.agent_fingerprint].setdefault(source.acceptance["signed_off_by"])
            if len(unique) == known:
                repeated += 1
                if any(getattr(first, name) != getattr(record, name) for name in _AGREED):
                    conflicts.append(f"{record.agent} on {record.scenario.id}")
    if conflicts:
        shown = ", ".join(conflicts[:_EXAMPLES]) + (", ..." if len(conflicts) > _EXAMPLES else "")
        raise StoreError(
            f"{len(conflicts)} episodes have two records that disagree: {shown}; find out which is right with 'hamster-bench replay', and "
            "build the board without the other source"
        )
    agents = _agents({(record.agent, record.agent_fingerprint) for record in unique.values()}, privileged, submitters)
    sections = _sections(unique.values(), protocols, {(agent.name, agent.fingerprint): agent.label for agent in agents})
    factors = {factor for section in sections for factor in section.table.factors}
    return Board(
        sections=sections,
        agents=agents,
        tasks=tuple(sorted({task for section in sections for task in section.table.tasks})),
        factors=tuple(sorted(factors, key=factor_order)),
        sources=listed,
        repeated=repeated,
    )


def factor_order(name: str) -> tuple[bool, str]:
    """Sorts the control first, the others by name."""
    return name != CONTROL_FACTOR, name


def _agents(
    identities: Collection[tuple[str, str]],
    privileged: Collection[str],
    submitters: defaultdict[tuple[str, str], dict[str, None]],
) -> tuple[BoardAgent, ...]:
    bearers = Counter(name for name, _ in identities)
    return tuple(
        BoardAgent(
            label=name if bearers[name] == 1 else f"{name} ({fingerprint[:8]})",
            name=name,
            fingerprint=fingerprint,
            privileged=name in privileged,
            submitters=tuple(submitters.get((name, fingerprint), ())),
        )
        for name, fingerprint in sorted(identities)
    )


def _sections(
    records: Iterable[EpisodeRecord], protocols: dict[str, Protocol], labels: dict[tuple[str, str], str]
) -> tuple[Section, ...]:
    by_protocol: defaultdict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in records:
        label = labels[record.agent, record.agent_fingerprint]
        by_protocol[record.protocol].append(record if label == record.agent else replace(record, agent=label))
    sections = []
    for fingerprint, under_it in sorted(by_protocol.items(), key=lambda item: (-len(item[1]), item[0])):
        groups: defaultdict[tuple[str, str], list[EpisodeRecord]] = defaultdict(list)
        for record in sorted(under_it, key=_record_order):
            groups[record.agent, record.scenario.task].append(record)
        protocol = protocols[fingerprint]
        sections.append(Section(protocol=protocol, table=success_table(under_it, protocol), records=dict(groups)))
    return tuple(sections)


def _record_order(record: EpisodeRecord) -> tuple[tuple[bool, str], int, int, int]:
    scenario = record.scenario
    return factor_order(scenario.factor), scenario.seed, scenario.episode, scenario.variation
