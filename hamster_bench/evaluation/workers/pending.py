"""Episodes that wait to be played, and which worker gets which."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.plan import PlannedEpisode


@dataclass(eq=False)
class Attempt:
    """An episode on its way to its record.

    Attributes:
        planned: the episode.
        required: environment it is played in.
        number: of this try at it, unique in the run.
        begun: how often it was begun.
        failures: (kind, text) of every try that lost its worker.
        alone: it is not batched with others, because something in a batch of its broke.
        settled: its record exists.
    """

    planned: PlannedEpisode
    required: Requirements
    number: int = -1
    begun: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    alone: bool = False
    settled: bool = False


class Pending:
    """Attempts by the environment they need.

    Args:
        attempts: in the order of the plan.
    """

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self._groups: dict[Requirements, deque[Attempt]] = {}
        for attempt in attempts:
            self._groups.setdefault(attempt.required, deque()).append(attempt)
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def put_back(self, attempt: Attempt) -> None:
        """It is to be played once more, and soon: what is tried last of all keeps one worker busy and the others waiting."""
        self._groups[attempt.required].appendleft(attempt)

    def take(self, opened: Requirements | None, at_work: Counter[Requirements]) -> Attempt | None:
        """What a worker plays next.

        A worker stays with the environment it has open. When nothing is left for that, it goes where most is left for each worker.

        Args:
            opened: the environment the worker has open.
            at_work: how many other workers have each environment open.
        """
        left = {required: waiting for required, waiting in self._groups.items() if waiting}
        if not left:
            return None
        if opened not in left:
            opened = max(left, key=lambda required: len(left[required]) / (1 + at_work[required]))
        assert opened is not None
        attempt = left[opened].popleft()
        attempt.number = next(self._numbers)
        attempt.begun += 1
        return attempt
