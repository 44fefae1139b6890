"""The sentences below a table of success: what its figures are, and what a reader might take them for but should not."""

from __future__ import annotations

from collections.abc import Sequence

from hamster_bench.leaderboards.formats import INCOMPLETE, MISSING, UNDEFINED
from hamster_bench.leaderboards.grid import Row
from hamster_bench.leaderboards.measures import Measure, over_seeds
from hamster_bench.leaderboards.table import SuccessTable

INTERVALS = "Intervals: Wilson; the mean weighs tasks equally, its interval is a score interval with the variance within tasks."


def success_title(table: SuccessTable, what: str = "Success", factor: str | None = None) -> str:
    """``Success, protocol hamster, no_var (fingerprint acdde6439fdd)``."""
    return f"{what}, protocol {table.protocol.label}{f', {factor}' if factor else ''} (fingerprint {table.protocol.fingerprint})"


def success_notes(
    tables: Sequence[SuccessTable], rows: Sequence[Row], measure: Measure, *, counted: bool, averages: int = 0
) -> tuple[str, ...]:
    """Notes for rows of success.

    Args:
        tables: what the figures were made from, one for each protocol.
        rows: the rows, without published ones.
        measure: how the figures are stated.
        counted: every figure shows its number of episodes.
        averages: number of columns at the left that are averages of the others; what is said of numbers of episodes is not of them.
    """
    entries = [entry for row in rows for entry in row.entries]
    single = [entry for row in rows if row.kind == "figures" for entry in row.entries[averages:] if entry.n]
    notes = [_figures_note(tables, measure, counted)]
    if any(entry.outcomes is not None and entry.outcomes.errors for entry in entries):
        notes.append("Errors (something broke) count as not successful.")
    notes += mark_notes(rows)
    numbers = sorted({entry.n for entry in single})
    if len(numbers) > 1:
        notes.append(
            "Cells rest on different numbers of episodes."
            if counted
            else f"Figures rest on {numbers[0]} to {numbers[-1]} episodes."
        )
    elif numbers and not counted:
        notes.append(f"Every figure rests on {numbers[0]} episodes.")
    version_sets = max((table.version_sets for table in tables), default=0)
    if version_sets > 1:
        of_one = "Records" if len(tables) == 1 else "Records of one protocol"
        notes.append(f"{of_one} were made by {version_sets} different sets of program versions.")
    renderers = sorted({renderer for table in tables for renderer in table.renderers})
    if len(renderers) > 1:
        notes.append(f"Images were drawn by different renderers ({', '.join(renderers)}), which agents may take differently.")
    return tuple(notes)


def mark_notes(rows: Sequence[Row]) -> list[str]:
    """What the marks mean that stand in some rows."""
    entries = [entry for row in rows for entry in row.entries]
    notes = []
    if any(entry.undefined for entry in entries):
        notes.append(f"{UNDEFINED}: the factor is not defined for the task; a mean is over defined cells only.")
    if any(entry.incomplete and entry.value is None for entry in entries):
        notes.append(f"{MISSING}: no records.")
    if any(entry.incomplete and entry.value is not None for entry in entries):
        notes.append(f"{INCOMPLETE}: defined cells without records, or seeds that lack some, are left out of this figure.")
    return notes


def _figures_note(tables: Sequence[SuccessTable], measure: Measure, counted: bool) -> str:
    number = " and number of episodes" if counted else ""
    if measure is not over_seeds:
        return f"Success in % [95 % interval]{number}. {INTERVALS}"
    seeds = ", ".join(map(str, sorted({seed for table in tables for seed in table.seeds})))
    return (
        f"Success in %, mean ± sample standard deviation over base seeds of the scenarios ({seeds}){number}. The deviation tells how much "
        "single seeds scatter; it is no confidence interval of the mean, and says nothing of the scatter between trainings."
    )
