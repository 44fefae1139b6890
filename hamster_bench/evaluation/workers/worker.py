"""What a supervisor knows of a worker."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.workers.messages import Ask
from hamster_bench.evaluation.workers.peers import Peer
from hamster_bench.evaluation.workers.pending import Attempt


@dataclass(eq=False)
class Worker:
    """A worker and what it is at.

    Attributes:
        peer: the way to it.
        allowance: time [s] it has left for what it is at.
        since: since when that runs [s], monotonic clock; None while it has nothing to do or is owed an answer.
        ready: it has said so.
        attempt: what it plays.
        asked: the question it waits for an answer to.
        doomed: its episode cannot go on; it learns that with its next question.
        played: episodes it has brought to an end.
        opened: environment it has open.
    """

    peer: Peer
    allowance: float
    since: float | None = None
    ready: bool = False
    attempt: Attempt | None = None
    asked: Ask | None = None
    doomed: bool = False
    played: int = 0
    opened: Requirements | None = None

    @property
    def deadline(self) -> float | None:
        """When it is taken for hung [s], monotonic clock."""
        return None if self.since is None else self.since + self.allowance

    def start_clock(self, allowance: float | None = None) -> None:
        """It has something to do from now on.

        Args:
            allowance: time for it [s]; what was left when the clock was stopped, if None.
        """
        self.allowance = self.allowance if allowance is None else allowance
        self.since = time.monotonic()

    def stop_clock(self) -> None:
        """It has answered."""
        if self.since is not None:
            self.allowance -= time.monotonic() - self.since
        self.since = None


@dataclass(frozen=True)
class Batch:
    """What an inference worker decides for.

    Attributes:
        members: workers, each with the number of the attempt it was at.
    """

    members: tuple[tuple[Worker, int], ...] = ()

    def waiting(self) -> list[tuple[Worker, Attempt] | None]:
        """The members in their order, None in the place of those that are at something else by now or gone."""
        return [
            (worker, worker.attempt) if worker.attempt is not None and worker.attempt.number == number else None
            for worker, number in self.members
        ]
