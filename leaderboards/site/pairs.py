"""Paired figures of a board: agent against agent, and factor against control, on the same scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.evaluation.statistics import Estimate, holm, mcnemar_p, paired_difference
from hamster_bench.leaderboards.site.board import Section
from hamster_bench.scenario import CONTROL_FACTOR

_UNSEEN = -1


class Pairs(NamedTuple):
    """How the pairs of two arms came out.

    Attributes:
        both: pairs in which both arms succeeded.
        first_only: pairs in which only the first arm did.
        second_only: pairs in which only the second arm did.
        neither: pairs in which neither did. Errors are no success.
    """

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def n(self) -> int:
        """Number of pairs."""
        return sum(self)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two arms under one factor.

    Attributes:
        factor: name of the factor.
        task: name of the task, or None for the unweighted mean over the tasks that have pairs.
        pairs: how the pairs came out.
        difference: success of the first arm less that of the second, with its interval.
        p: two-sided p-value of the exact McNemar test.
        p_holm: the same, adjusted for the number of factors compared; None for a single task.
    """

    factor: str
    task: str | None
    pairs: Pairs
    difference: Estimate
    p: float
    p_holm: float | None


class PairedOutcomes:
    """The outcomes of a section as a matrix of agents by scenarios, from which any pairing is counted.

    Args:
        section: the records.
    """

    def __init__(self, section: Section) -> None:
        table = section.table
        self.tasks, self.factors = table.tasks, table.factors
        cells = {(task, factor): i for i, (task, factor) in enumerate((t, f) for t in self.tasks for f in self.factors)}
        scenarios: dict[tuple[str, int, str, int, int], int] = {}
        rows, columns, won = [], [], []
        index = {agent: i for i, agent in enumerate(table.agents)}
        controls: dict[int, tuple[str, int, str, int, int]] = {}
        cell_of: list[int] = []
        for (agent, _), records in section.records.items():
            for record in records:
                scenario = record.scenario
                key = (scenario.task, scenario.variation, scenario.factor, scenario.episode, scenario.seed)
                column = scenarios.setdefault(key, len(scenarios))
                if column == len(cell_of):
                    cell_of.append(cells[scenario.task, scenario.factor])
                    if scenario.factor != CONTROL_FACTOR:
                        control = scenario.control()
                        controls[column] = (control.task, control.variation, control.factor, control.episode, control.seed)
                rows.append(index[agent])
                columns.append(column)
                won.append(record.outcome == "success")
        self._agents = index
        self._cell_of = np.array(cell_of, dtype=np.int64)
        self._outcomes = np.full((len(index), len(scenarios)), _UNSEEN, dtype=np.int8)
        self._outcomes[rows, columns] = won
        self._control_of = np.full(len(scenarios), _UNSEEN, dtype=np.int64)
        for column, control_key in controls.items():
            self._control_of[column] = scenarios.get(control_key, _UNSEEN)

    def agents(self, first: str, second: str) -> tuple[Comparison, ...]:
        """One agent against another under every factor that both have met, as means over tasks and for each task."""
        return self._compare(self._outcomes[self._agents[first]], self._outcomes[self._agents[second]])

    def factors_against_control(self, agent: str) -> tuple[Comparison, ...]:
        """One agent under every factor against itself in the matched control."""
        own = self._outcomes[self._agents[agent]]
        return self._compare(own, np.where(self._control_of >= 0, own[self._control_of], _UNSEEN))

    def _compare(self, first: NDArray[np.int8], second: NDArray[np.int8]) -> tuple[Comparison, ...]:
        paired = (first >= 0) & (second >= 0)
        # 0 both, 1 only the first, 2 only the second, 3 neither
        kind = (1 - first[paired]) * 2 + (1 - second[paired])
        number = len(self.tasks) * len(self.factors)
        counts = np.bincount(self._cell_of[paired] * 4 + kind, minlength=4 * number).reshape(
            len(self.tasks), len(self.factors), 4
        )
        return tuple(self._figures(counts))

    def _figures(self, counts: NDArray[np.int64]) -> Iterator[Comparison]:
        """From numbers of pairs (tasks, factors, kinds)."""
        n = counts.sum(axis=-1)
        present = np.flatnonzero(n.any(axis=0))
        if not len(present):
            return
        b, c = counts[:, present, 1], counts[:, present, 2]
        means, limits = paired_difference(b.T, c.T, n[:, present].T)
        p = mcnemar_p(b.sum(axis=0), c.sum(axis=0))
        adjusted = holm(p)
        seen = n[:, present] > 0
        figures, limits_of_tasks = paired_difference(b[seen][:, None], c[seen][:, None], n[:, present][seen][:, None])
        of_tasks = iter(zip(figures, limits_of_tasks.low, limits_of_tasks.high, mcnemar_p(b[seen], c[seen]), strict=True))
        singles = {(i, j): next(of_tasks) for i, j in np.argwhere(seen).tolist()}
        for j, factor in enumerate(present):
            yield Comparison(
                factor=self.factors[factor],
                task=None,
                pairs=Pairs(*counts[:, factor].sum(axis=0).tolist()),
                difference=Estimate(float(means[j]), float(limits.low[j]), float(limits.high[j])),
                p=float(p[j]),
                p_holm=float(adjusted[j]),
            )
            for i in np.flatnonzero(seen[:, j]).tolist():
                difference, low, high, single_p = singles[i, j]
                yield Comparison(
                    factor=self.factors[factor],
                    task=self.tasks[i],
                    pairs=Pairs(*counts[i, factor].tolist()),
                    difference=Estimate(float(difference), float(low), float(high)),
                    p=float(single_p),
                    p_holm=None,
                )
