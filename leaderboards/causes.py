"""Why the episodes of each agent failed: path prediction, path adherence, execution, as shares with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hamster_bench.errors import PathError
from hamster_bench.evaluation.attribution import CAUSES, Cause, attribute_failure, can_be_attributed
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate, proportion, wilson_interval

# Causes take some milliseconds each; over all agents together no more are computed than this where somebody waits. Agents with more
# failures are represented by some spread evenly over theirs.
MOST = 1000


class CauseSplit(NamedTuple):
    """Causes of the failures of one agent.

    Attributes:
        agent: its name.
        counts: number of failures of each cause.
        known: number of failures whose records tell paths and way; those that the counts are of, or more.
    """

    agent: str
    counts: dict[Cause, int]
    known: int

    @property
    def n(self) -> int:
        """Number of failures that were looked at."""
        return sum(self.counts.values())

    def share(self, cause: Cause) -> Estimate:
        """Share of a cause among the failures that were looked at, with Wilson's interval."""
        limits = wilson_interval(self.counts[cause], self.n)
        return Estimate(float(proportion(self.counts[cause], self.n)), float(limits.low), float(limits.high))


def cause_splits(records: Mapping[str, Sequence[EpisodeRecord]], most: int | None = MOST) -> tuple[CauseSplit, ...]:
    """The causes for every agent that follows 2D paths and failed; others are left out.

    Args:
        records: of each agent, by its name.
        most: number of failures that are looked at, shared evenly by the agents; None for all.
    """
    failures = {agent: [record for record in own if can_be_attributed(record)] for agent, own in records.items()}
    failures = {agent: own for agent, own in failures.items() if own}
    found = []
    for agent, own in failures.items():
        looked_at = own if most is None else _spread(own, max(most // len(failures), 1))
        causes = Counter(cause for record in looked_at if (cause := _cause(record)) is not None)
        if causes:
            found.append(CauseSplit(agent, {cause: causes[cause] for cause in CAUSES}, len(own)))
    return tuple(found)


def _cause(record: EpisodeRecord) -> Cause | None:
    try:
        found = attribute_failure(record)
    except PathError:
        # A record that somebody submitted may hold what is no path; it is as if it held none.
        return None
    return None if found is None else found.cause


def _spread(records: Sequence[EpisodeRecord], most: int) -> list[EpisodeRecord]:
    """At most so many, at equal distances."""
    count = min(most, len(records))
    return [records[i * len(records) // count] for i in range(count)]
