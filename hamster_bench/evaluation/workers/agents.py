"""Agents as a worker has them: made here, or standing in for one that lives in the inference worker."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import AgentNeeds, EpisodeContext
from hamster_bench.errors import AgentStopped
from hamster_bench.evaluation.episode import Contestant, RelayedError, contestant
from hamster_bench.evaluation.workers.channel import Channel
from hamster_bench.evaluation.workers.messages import AgentFacts, Ask, Decision, Fault, Setup, Stopped
from hamster_bench.evaluation.workers.peers import WorkerError


class EpisodeAbandoned(BaseException):
    """The supervisor wants the episode to be given up."""


class ServedAgent:
    """Stands in for an agent that lives in the inference worker.

    Args:
        facts: what is known of the agent.
        channel: to whoever passes questions on.
    """

    def __init__(self, facts: AgentFacts, channel: Channel) -> None:
        self.action_mode = facts.action_mode
        self.needs: AgentNeeds = facts.needs
        self._channel = channel
        self._instruction: str | None = None

    def reset(self, context: EpisodeContext) -> None:
        """Keeps what goes along with the first observation."""
        self._instruction = context.instruction

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The agent's own action.

        Raises:
            AgentStopped: as the agent did.
            RelayedError: the agent broke.
        """
        self._channel.send(Ask(self._instruction, observation))
        self._instruction = None
        decision: Decision = self._channel.receive()
        match decision.action:
            case None:
                raise EpisodeAbandoned
            case Stopped(reason, message):
                raise AgentStopped(reason, message)
            case Fault(description):
                raise RelayedError(description)
        action: NDArray[np.float64] = decision.action
        return action


def same_agent(name: str, setup: Setup) -> Contestant:
    """An agent, once it is sure that it is the one whose records are wanted.

    Raises:
        WorkerError: its code is another here, or has changed since the run began.
    """
    made = contestant(name, setup.make_agent(name))
    facts = setup.agents[name]
    here, there = (made.fingerprint, made.checkpoint), (facts.fingerprint, facts.checkpoint)
    if here != there:
        raise WorkerError(
            f"agent {name!r} is another one in a worker (fingerprint and checkpoint {here}) than where the run was started ({there}): its "
            "code was changed meanwhile, or differs between machines; give the same command again once it is the same everywhere"
        )
    return made


def sendable(error: Exception) -> Exception:
    """The error itself, or its text where it does not survive being sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WorkerError(f"{type(error).__name__}: {error}")
    return error
