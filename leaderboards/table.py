"""The success table: one figure, interval and count for each task, agent and factor."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import OUTCOMES, RENDERER, EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate, mean_over_strata, proportion, wilson_interval
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import CONTROL_FACTOR

MEAN = "mean over tasks"


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
        version_sets: number of different sets of program versions that made the records.
        renderers: what drew the images of records that rest on images, sorted.
    """

    protocol: Protocol
    tasks: tuple[str, ...]
    agents: tuple[str, ...]
    factors: tuple[str, ...]
    cells: dict[tuple[str, str, str], Cell]
    version_sets: int = 1
    renderers: tuple[str, ...] = ()

    def cell(self, task: str, agent: str, factor: str) -> Cell:
        """The cell of a combination; one without records where there is none."""
        return self.cells.get((task, agent, factor), Cell())

    def mean(self, agent: str, factor: str) -> tuple[Estimate, Cell]:
        """Unweighted mean over the tasks that have records, and the outcomes it rests on."""
        cells = [self.cell(task, agent, factor) for task in self.tasks]
        estimate = mean_over_strata([cell.successes for cell in cells], [cell.n for cell in cells])
        total = Cell(
            successes=sum(cell.successes for cell in cells),
            failures=sum(cell.failures for cell in cells),
            errors=sum(cell.errors for cell in cells),
        )
        return estimate, total


def success_tables(store: ResultStore) -> tuple[SuccessTable, ...]:
    """One table for each protocol in a store: figures made under different rules never stand in one table.

    Raises:
        StoreError: the store has no records.
    """
    tables = tuple(
        success_table(store.records(protocol=fingerprint), protocol) for fingerprint, protocol in store.protocols().items()
    )
    if not tables:
        raise StoreError(
            f"there are no records in {store.directory} yet; 'hamster-bench run --out {store.directory} ...' makes some"
        )
    return tables


def success_table(records: Iterable[EpisodeRecord], protocol: Protocol) -> SuccessTable:
    """The table of records that were all made under one protocol.

    Raises:
        StoreError: a record was made under another one.
    """
    counts: Counter[tuple[str, str, str, str]] = Counter()
    agents: dict[str, None] = {}
    factors: set[str] = set()
    version_sets = set()
    renderers = set()
    for record in records:
        if record.protocol != protocol.fingerprint:
            raise StoreError(
                f"a record of protocol {record.protocol} cannot stand in a table of protocol {protocol.fingerprint}; make one table each"
            )
        scenario = record.scenario
        counts[scenario.task, record.agent, scenario.factor, record.outcome] += 1
        agents.setdefault(record.agent)
        factors.add(scenario.factor)
        # Agents without cameras have no renderer, which makes them no other program.
        version_sets.add(tuple(sorted(item for item in record.versions.items() if item[0] != RENDERER)))
        if RENDERER in record.versions:
            renderers.add(record.versions[RENDERER])
    cells = {
        key: Cell(**dict(zip(("successes", "failures", "errors"), (counts[*key, outcome] for outcome in OUTCOMES), strict=True)))
        for key in dict.fromkeys(key[:3] for key in counts)
    }
    return SuccessTable(
        protocol=protocol,
        tasks=tuple(sorted({task for task, _, _ in cells})),
        agents=tuple(agents),
        factors=tuple(sorted(factors, key=lambda name: (name != CONTROL_FACTOR, name))),
        cells=cells,
        version_sets=len(version_sets),
        renderers=tuple(sorted(renderers)),
    )


def to_text(tables: Sequence[SuccessTable]) -> str:
    """Tables aligned for a terminal."""
    return "\n\n".join(_text(table) for table in tables) + "\n"


def to_markdown(tables: Sequence[SuccessTable]) -> str:
    """Tables in GitHub's Markdown."""
    return "\n\n".join(_markdown(table) for table in tables) + "\n"


def to_csv(tables: Sequence[SuccessTable]) -> str:
    """One line for each cell and mean, rates and limits in [0, 1] at full precision; empty where there are no records."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["protocol", "fingerprint", "task", "agent", "factor", "success", "low", "high", "n", "successes", "failures", "errors"]
    )
    for table in tables:
        protocol = [table.protocol.label, table.protocol.fingerprint]
        for agent in table.agents:
            for factor in table.factors:
                rows = [(task, table.cell(task, agent, factor).estimate, table.cell(task, agent, factor)) for task in table.tasks]
                for task, estimate, cell in [*rows, (MEAN, *table.mean(agent, factor))]:
                    figures = ["", "", ""] if cell.n == 0 else [repr(figure) for figure in estimate]
                    counts = [cell.n, cell.successes, cell.failures, cell.errors]
                    writer.writerow([*protocol, task, agent, factor, *figures, *counts])
    return stream.getvalue()


def _text(table: SuccessTable) -> str:
    header, *rows = _grid(table)
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (header, *rows)]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([_title(table), "", *lines, "", *_notes(table)])


def _markdown(table: SuccessTable) -> str:
    header, *rows = [[cell.replace("|", "\\|").replace("_", "\\_") for cell in row] for row in _grid(table)]
    lines = [f"| {' | '.join(row)} |" for row in (header, *rows)]
    lines.insert(1, "|" + "---|" * len(header))
    return "\n".join([f"**{_title(table)}**", "", *lines, "", *(note + "  " for note in _notes(table))]).rstrip()


def _grid(table: SuccessTable) -> list[list[str]]:
    """Header and rows: tasks x agents for one factor, else a block of tasks x factors for each agent."""
    blocks: list[tuple[list[str], list[tuple[str, str]]]]
    if len(table.factors) == 1:
        columns = [(agent, table.factors[0]) for agent in table.agents]
        blocks = [([], columns)]
        header = ["task", *table.agents]
    else:
        blocks = [([agent], [(agent, factor) for factor in table.factors]) for agent in table.agents]
        header = ["agent", "task", *table.factors]
    rows = [header]
    for prefix, columns in blocks:
        for task in table.tasks:
            cells = [table.cell(task, agent, factor) for agent, factor in columns]
            rows.append([*prefix, task, *(_figure(cell.estimate, cell) for cell in cells)])
        rows.append([*prefix, MEAN, *(_figure(*table.mean(agent, factor)) for agent, factor in columns)])
    return rows


def _figure(estimate: Estimate, cell: Cell) -> str:
    """``96.0 [86.5, 98.9] 50``, and the number of errors if there are any; ``-`` without records."""
    if cell.n == 0 or math.isnan(estimate.mean):
        return "-"
    errors = f" ({cell.errors} error{'s' if cell.errors > 1 else ''})" if cell.errors else ""
    return f"{100 * estimate.mean:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}] {cell.n}{errors}"


def _title(table: SuccessTable) -> str:
    factors = f", {table.factors[0]}" if len(table.factors) == 1 else ""
    return f"Success, protocol {table.protocol.label}{factors} (fingerprint {table.protocol.fingerprint})"


def _notes(table: SuccessTable) -> list[str]:
    notes = [
        "Success in % [95 % interval] and number of episodes. Intervals: Wilson; the mean weighs tasks equally, its interval is a score "
        "interval with the variance within tasks."
    ]
    if any(cell.errors for cell in table.cells.values()):
        notes.append("Errors (something broke) count as not successful.")
    combinations = [table.cell(t, a, f).n for t in table.tasks for a in table.agents for f in table.factors]
    if 0 in combinations:
        reason = " (most often the factor is not defined for the task)" if len(table.factors) > 1 else ""
        notes.append(f"-: no records{reason}; a mean is over the tasks that have some.")
    if len({n for n in combinations if n}) > 1:
        notes.append("Cells rest on different numbers of episodes.")
    if table.version_sets > 1:
        notes.append(f"Records were made by {table.version_sets} different sets of program versions.")
    if len(table.renderers) > 1:
        notes.append(
            f"Images were drawn by different renderers ({', '.join(table.renderers)}), which agents may take differently."
        )
    return notes
