"""How a figure of success is stated: with a confidence interval, or with the deviation over seeds that papers print."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Sequence

import numpy as np

from hamster_bench.evaluation.statistics import Estimate, mean_over_columns
from hamster_bench.leaderboards.grid import MISSING, UNDEFINED, Entry
from hamster_bench.leaderboards.table import Cell, SuccessTable, total

# Whether a factor is defined for a task.
IsDefined = Callable[[str, str], bool]
# An agent's success in tasks x factors: tasks weigh equally within a factor, and factors weigh equally.
Measure = Callable[[SuccessTable, str, Collection[str], Collection[str], IsDefined], Entry]


def always_defined(task: str, factor: str) -> bool:
    """For tasks and factors of which nothing else is known."""
    return True


def with_interval(
    table: SuccessTable, agent: str, tasks: Collection[str], factors: Collection[str], is_defined: IsDefined = always_defined
) -> Entry:
    """Unweighted mean of the success rates of tasks, with a 95 % interval; for a single task its rate with Wilson's interval.

    Over several factors it is the unweighted mean of their means, with an interval that counts layouts: the arms of a scenario share
    theirs, so they are not independent of each other.
    """
    present = _present(table, agent, tasks, factors, is_defined)
    if isinstance(present, Entry):
        return present
    cells, incomplete = present
    outcomes = total(cell for column in cells for cell in column)
    if len(factors) > 1:
        average = over_factors(table, agent, tasks, factors)
        return Entry(
            value=average.mean, low=average.low, high=average.high, n=outcomes.n, outcomes=outcomes, incomplete=incomplete
        )
    (factor,) = factors
    estimate = cells[0][0].estimate if len(tasks) == 1 else table.mean(agent, factor, tasks)[0]
    return Entry(
        value=estimate.mean, low=estimate.low, high=estimate.high, n=outcomes.n, outcomes=outcomes, incomplete=incomplete
    )


def over_seeds(
    table: SuccessTable, agent: str, tasks: Collection[str], factors: Collection[str], is_defined: IsDefined = always_defined
) -> Entry:
    """Mean and sample standard deviation, over base seeds, of the figure each seed gives by itself.

    A seed counts where it has records of every cell that any seed has records of: the means of other seeds would be over other cells.
    With a single such seed there is no deviation.
    """
    present = _present(table, agent, tasks, factors, is_defined)
    if isinstance(present, Entry):
        return present
    cells, incomplete = present
    wanted = [[task for task in tasks if table.cell(task, agent, factor).n] for factor in factors]
    figures = []
    for seed in table.seeds:
        columns = [
            [table.seed_cells.get((task, agent, factor, seed), Cell()) for task in names]
            for factor, names in zip(factors, wanted, strict=True)
        ]
        filled = [column for column in columns if column]
        if all(cell.n for column in filled for cell in column):
            figures.append(statistics.fmean(statistics.fmean(cell.successes / cell.n for cell in column) for column in filled))
    if not figures:
        return MISSING
    outcomes = total(cell for column in cells for cell in column)
    return Entry(
        value=statistics.fmean(figures),
        deviation=statistics.stdev(figures) if len(figures) > 1 else math.nan,
        n=outcomes.n,
        outcomes=outcomes,
        incomplete=incomplete or len(figures) < len(table.seeds),
    )


MEASURES: dict[str, Measure] = {"interval": with_interval, "seeds": over_seeds}


def over_factors(table: SuccessTable, agent: str, tasks: Collection[str], factors: Collection[str]) -> Estimate:
    """The mean over factors of the means over tasks, each of those with records, with an interval that counts layouts."""
    found = {(task, factor): table.layouts.get((task, agent, factor), {}) for task in tasks for factor in factors}
    units = sorted({(task, *layout) for (task, _), layouts in found.items() for layout in layouts})
    counts = np.array(
        [[found[task, factor].get((seed, episode), (0, 0)) for factor in factors] for task, seed, episode in units],
        dtype=np.float64,
    )
    return mean_over_columns(counts[..., 0], counts[..., 1], [task for task, *_ in units])


def _present(
    table: SuccessTable, agent: str, tasks: Collection[str], factors: Collection[str], is_defined: IsDefined
) -> Entry | tuple[Sequence[Sequence[Cell]], bool]:
    """The cells with records, a list for each factor that has some, and whether any that could be there is not."""
    # Records prove that a cell exists, whatever the matrix says: a table may be older or newer than the factors.
    wanted = [
        [cell for task in tasks if (cell := table.cell(task, agent, factor)).n or is_defined(task, factor)] for factor in factors
    ]
    if not any(wanted):
        return UNDEFINED
    present = [column for cells in wanted if (column := [cell for cell in cells if cell.n])]
    if not present:
        return MISSING
    return present, any(not cell.n for cells in wanted for cell in cells)
