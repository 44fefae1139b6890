"""Success counted from the result store, one table for each protocol; what every printed table and figure is made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hamster_bench.errors import StoreError, UnknownNameError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import OUTCOMES, RENDERER, EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate, mean_over_strata, proportion, wilson_interval
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import CONTROL_FACTOR


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Outcomes of one agent on one task under one factor.

    Attributes:
        successes: number of successes.
        failures: number of failures.
        errors: number of errors; they count as not successful.
    """

    successes: int = 0
    failures: int = 0
    errors: int = 0

    @property
    def n(self) -> int:
        """Number of records, whatever their outcome."""
        return self.successes + self.failures + self.errors

    @property
    def estimate(self) -> Estimate:
        """Share of successes among all records, with Wilson's interval; NaN and (0, 1) without records."""
        interval = wilson_interval(self.successes, self.n)
        return Estimate(float(proportion(self.successes, self.n)), float(interval.low), float(interval.high))


@dataclass(frozen=True, kw_only=True)
class SuccessTable:
    """Success under one protocol.

    Attributes:
        protocol: the rules of every record in it.
        tasks: names, sorted.
        agents: names, in the order in which they were first recorded.
        factors: names, the control first and the others in alphabetical order, which is that of upstream's tables.
        cells: by (task, agent, factor); a combination without records is not there.
        seeds: base seeds of the scenarios, sorted.
        seed_cells: the cells split by base seed, by (task, agent, factor, seed).
        layouts: the cells split by what the arms of a scenario share under all factors, as numbers of successes and of records by (base
            seed, episode).
        kinds: number of failures and errors by (task, agent, factor, kind), the kind as records name it.
        version_sets: number of different sets of program versions that made the records.
        renderers: what drew the images of records that rest on images, sorted.
    """

    protocol: Protocol
    tasks: tuple[str, ...]
    agents: tuple[str, ...]
    factors: tuple[str, ...]
    cells: dict[tuple[str, str, str], Cell]
    seeds: tuple[int, ...] = ()
    seed_cells: dict[tuple[str, str, str, int], Cell] = field(default_factory=dict)
    layouts: dict[tuple[str, str, str], dict[tuple[int, int], tuple[int, int]]] = field(default_factory=dict)
    kinds: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    version_sets: int = 1
    renderers: tuple[str, ...] = ()

    def cell(self, task: str, agent: str, factor: str) -> Cell:
        """The cell of a combination; one without records where there is none."""
        return self.cells.get((task, agent, factor), Cell())

    def mean(self, agent: str, factor: str, tasks: Collection[str] | None = None) -> tuple[Estimate, Cell]:
        """Unweighted mean over the tasks that have records, and the outcomes it rests on.

        Args:
            agent: name of the agent.
            factor: name of the factor.
            tasks: names of the tasks; all by default.
        """
        cells = [self.cell(task, agent, factor) for task in (self.tasks if tasks is None else tasks)]
        return mean_over_strata([cell.successes for cell in cells], [cell.n for cell in cells]), total(cells)

    def restricted(self, *, tasks: Collection[str] | None = None, agents: Collection[str] | None = None) -> SuccessTable:
        """The part of it that concerns some tasks and agents, in the order given.

        Raises:
            UnknownNameError: one of them has no records here.
        """
        for kind, names, known in (("task with records", tasks, self.tasks), ("agent with records", agents, self.agents)):
            for name in names or ():
                if name not in known:
                    raise UnknownNameError(kind, name, known)
        kept_tasks = self.tasks if tasks is None else tuple(dict.fromkeys(tasks))
        kept_agents = self.agents if agents is None else tuple(dict.fromkeys(agents))

        def kept(key: tuple[str, str, *tuple[object, ...]]) -> bool:
            return key[0] in kept_tasks and key[1] in kept_agents

        cells = {key: cell for key, cell in self.cells.items() if kept(key)}
        seed_cells = {key: cell for key, cell in self.seed_cells.items() if kept(key)}
        return replace(
            self,
            tasks=kept_tasks,
            agents=kept_agents,
            factors=_in_order({factor for _, _, factor in cells}),
            cells=cells,
            seeds=tuple(sorted({seed for _, _, _, seed in seed_cells})),
            seed_cells=seed_cells,
            layouts={key: found for key, found in self.layouts.items() if kept(key)},
            kinds={key: count for key, count in self.kinds.items() if kept(key)},
        )


def total(cells: Iterable[Cell]) -> Cell:
    """The outcomes of several cells together."""
    listed = list(cells)
    return Cell(
        successes=sum(cell.successes for cell in listed),
        failures=sum(cell.failures for cell in listed),
        errors=sum(cell.errors for cell in listed),
    )


def success_tables(store: ResultStore) -> tuple[SuccessTable, ...]:
    """One table for each protocol in a store: figures made under different rules never stand in one table.

    Raises:
        StoreError: the store has no records.
    """
    tables = []
    for fingerprint, protocol in store.protocols().items():
        found = store.outcomes(protocol=fingerprint)
        counts = Counter(
            zip(found.task, found.agent, found.factor, found.seed, found.episode, found.outcome, found.kind, strict=True)
        )
        tables.append(_success_table(protocol, counts, store.version_sets(protocol=fingerprint)))
    if not tables:
        raise StoreError(
            f"there are no records in {store.directory} yet; 'hamster-bench run --out {store.directory} ...' makes some"
        )
    return tuple(tables)


def success_table(records: Iterable[EpisodeRecord], protocol: Protocol) -> SuccessTable:
    """The table of records that were all made under one protocol.

    Raises:
        StoreError: a record was made under another one.
    """
    counts: Counter[_Ending] = Counter()
    versions: dict[tuple[tuple[str, str], ...], None] = {}
    # A hash that is made anew each time it is asked for.
    fingerprint = protocol.fingerprint
    for record in records:
        if record.protocol != fingerprint:
            raise StoreError(
                f"a record of protocol {record.protocol} cannot stand in a table of protocol {fingerprint}; make one table each"
            )
        scenario = record.scenario
        ending = (scenario.task, record.agent, scenario.factor, scenario.seed, scenario.episode, record.outcome, record.kind)
        counts[ending] += 1
        versions.setdefault(tuple(record.versions.items()))
    return _success_table(protocol, counts, [dict(each) for each in versions])


# Task, agent, factor, base seed, number, outcome and kind of an episode.
_Ending = tuple[str, str, str, int, int, str, str | None]


def _success_table(protocol: Protocol, counts: Mapping[_Ending, int], versions: Sequence[Mapping[str, str]]) -> SuccessTable:
    """The table of counted episodes, counted in the order in which they were recorded, and of the versions that made them."""
    seed_counts: dict[tuple[str, str, str, int], dict[str, int]] = {}
    kinds: Counter[tuple[str, str, str, str]] = Counter()
    layouts: dict[tuple[str, str, str], dict[tuple[int, int], tuple[int, int]]] = {}
    for (task, agent, factor, seed, episode, outcome, kind), count in counts.items():
        layout = layouts.setdefault((task, agent, factor), {})
        successes, n = layout.get((seed, episode), (0, 0))
        layout[seed, episode] = (successes + count * (outcome == "success"), n + count)
        seed_counts.setdefault((task, agent, factor, seed), dict.fromkeys(OUTCOMES, 0))[outcome] += count
        if kind is not None:
            kinds[task, agent, factor, kind] += count
    seed_cells = {
        key: Cell(successes=each["success"], failures=each["failure"], errors=each["error"]) for key, each in seed_counts.items()
    }
    parts: dict[tuple[str, str, str], list[Cell]] = {}
    for (task, agent, factor, _), cell in seed_cells.items():
        parts.setdefault((task, agent, factor), []).append(cell)
    # Agents without cameras have no renderer, which makes them no other program.
    programs = {tuple(sorted(item for item in each.items() if item[0] != RENDERER)) for each in versions}
    return SuccessTable(
        protocol=protocol,
        tasks=tuple(sorted({task for task, _, _ in parts})),
        agents=tuple(dict.fromkeys(agent for _, agent, *_ in counts)),
        factors=_in_order({factor for _, _, factor in parts}),
        cells={key: total(cells) for key, cells in parts.items()},
        seeds=tuple(sorted({seed for _, _, _, seed in seed_cells})),
        seed_cells=seed_cells,
        layouts=layouts,
        kinds=dict(kinds),
        version_sets=len(programs),
        renderers=tuple(sorted({each[RENDERER] for each in versions if RENDERER in each})),
    )


def _in_order(factors: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(factors, key=lambda name: (name != CONTROL_FACTOR, name)))
