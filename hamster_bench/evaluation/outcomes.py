"""How episodes ended, without the rest of their records: all that tables and comparisons need, read in a fraction of the time."""

from __future__ import annotations

from typing import NamedTuple

from hamster_bench.evaluation.record import Outcome
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario


class EpisodeOutcome(NamedTuple):
    """How an episode ended.

    Attributes:
        agent: name of the agent.
        task: name of the task.
        variation: index of the RLBench variation.
        factor: name of the variation factor.
        episode: number of the episode.
        seed: base seed.
        outcome: success, failure or error.
    """

    agent: str
    task: str
    variation: int
    factor: str
    episode: int
    seed: int
    outcome: Outcome

    @property
    def scenario(self) -> Scenario:
        """The episode's scenario."""
        return Scenario(task=self.task, variation=self.variation, factor=self.factor, episode=self.episode, seed=self.seed)


def read_outcomes(store: ResultStore, protocol: str) -> list[EpisodeOutcome]:
    """Outcomes of every record under the protocol of this fingerprint, in the order in which they were made."""
    columns = store.outcomes(protocol=protocol)
    return list(map(EpisodeOutcome._make, zip(*(getattr(columns, name) for name in EpisodeOutcome._fields), strict=True)))
