"""What a supervisor needs of its workers, wherever they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hamster_bench.errors import HamsterBenchError


class WorkerError(HamsterBenchError):
    """Workers cannot be started, or do not fit the process that started them."""


class PeerLostError(Exception):
    """A worker is gone; the text says how it ended."""


class Peer(Protocol):
    """The other end of a worker. Messages go to and fro in turn; no call waits for the worker."""

    def send(self, message: Any) -> None:
        """Sends a message; a worker that is gone shows when the answer is received."""
        ...

    def receive(self) -> Any:
        """The answer of a worker that `Crew.wait` named.

        Raises:
            PeerLostError: there is none and there will be none.
        """
        ...

    def kill(self) -> None:
        """Ends the worker and what it has started, whatever state it is in. Does nothing the second time."""
        ...


class Crew(Protocol):
    """Where workers come from.

    Attributes:
        count: environment workers at a time.
    """

    count: int

    def start(self, *, inference: bool) -> Any:
        """A new worker, which expects a `Setup`.

        Args:
            inference: it is going to run networks.
        """
        ...

    def wait(self, peers: Sequence[Any], timeout: float | None) -> list[Any]:
        """Those that have answered or are gone, after at most ``timeout`` [s]; forever if None."""
        ...

    def close(self) -> None:
        """Releases what the crew itself holds; its workers have been killed before."""
        ...
