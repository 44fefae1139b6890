"""What a policy is to the server: one for every connection, or one that decides for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Observation = Mapping[str, Any]


@dataclass(frozen=True)
class Episode:
    """What a policy is told at the start of an episode.

    Attributes:
        instruction: the task in words.
        scenario: id of the episode, such as ``close_box-v0-no_var-e0-s0``; empty when the other side does not say.
        seed: numbers for a policy that draws at random; the same scenario gives the same.
    """

    instruction: str
    scenario: str = ""
    seed: tuple[int, ...] = (0,)

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator of the episode."""
        return np.random.default_rng(self.seed)


class Policy(Protocol):
    """A policy of one connection, which plays one episode after the other."""

    def reset(self, episode: Episode) -> None:
        """Forgets the last episode."""
        ...

    def act(self, observation: Observation) -> NDArray[Any]:
        """The next action (d,), or several (n, d) that are carried out one after the other.

        Raises:
            PolicyStopped: the policy has nothing left to do.
        """
        ...


@runtime_checkable
class BatchedPolicy(Protocol):
    """A policy that decides for the episodes of many connections at once.

    What it remembers of an episode lies in what `begin` gives. When ``act_batch`` raises, every episode of the batch is asked for again
    alone, so it should change no state before it is sure of its answer.
    """

    max_batch_size: int

    def begin(self, episode: Episode) -> Any:
        """What is to be remembered of a new episode."""
        ...

    def act_batch(self, states: Sequence[Any], observations: Sequence[Observation]) -> Sequence[Any]:
        """For every episode its next action (d,), its next actions (n, d), or a `PolicyStopped`."""
        ...


class Host(Protocol):
    """A policy as the server sees it, whichever of the two it is."""

    max_batch_size: int

    def begin(self, before: Any, episode: Episode) -> Any:
        """What a connection remembers of a new episode, given what it remembered of the last one or None."""
        ...

    def act_batch(self, states: Sequence[Any], observations: Sequence[Observation]) -> Sequence[Any]:
        """As `BatchedPolicy.act_batch`."""
        ...


class ForAllConnections:
    """One policy that decides in batches."""

    def __init__(self, policy: BatchedPolicy) -> None:
        self.max_batch_size = int(policy.max_batch_size)
        self.act_batch = policy.act_batch
        self._begin = policy.begin

    def begin(self, before: Any, episode: Episode) -> Any:
        """Begins the episode."""
        return self._begin(episode)


class OnePerConnection:
    """A policy of its own for every connection; they decide one after the other."""

    max_batch_size = 1

    def __init__(self, make: Callable[[], Policy]) -> None:
        self._make = make

    def begin(self, before: Policy | None, episode: Episode) -> Policy:
        """Makes the connection's policy if there is none yet, and tells it of the episode."""
        policy = self._make() if before is None else before
        policy.reset(episode)
        return policy

    def act_batch(self, states: Sequence[Policy], observations: Sequence[Observation]) -> list[Any]:
        """What each decides."""
        return [policy.act(observation) for policy, observation in zip(states, observations, strict=True)]
