"""Any agent of this project as a policy that can be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from hamster_bench.agent import Agent, BatchedAgent, EpisodeContext
from hamster_bench.client import BatchedPolicy, Declaration, Episode, MessageError, Policy, PolicyStopped
from hamster_bench.errors import AgentError, AgentStopped, HamsterBenchError
from hamster_bench.scenario import Scenario

# Whoever does not say which episode it is gets the random stream of this one.
_UNKNOWN = Scenario(task="unknown")


def policy_of(name: str, agent: Agent, make: Callable[[str], Agent]) -> Callable[[], Policy] | BatchedPolicy:
    """What serves an agent: itself for all connections where it decides in batches, else an agent of its own for each.

    Args:
        name: what the agent is made by.
        agent: one such agent.
        make: makes more.

    Raises:
        AgentError: the agent reads the running simulation.
    """
    if agent.needs.privileged:
        raise AgentError(f"agent {name!r} reads the running simulation, which a server does not have; serve one that does not")
    if isinstance(agent, BatchedAgent):
        return _Batched(agent)
    return lambda: _Single(make(name))


def declaration_of(name: str, agent: Agent, fingerprint: str, checkpoint: str | None) -> Declaration:
    """What the server says of an agent."""
    needs = agent.needs
    return Declaration(
        name, agent.action_mode, needs.cameras, needs.image_size, needs.path, fingerprint=fingerprint, checkpoint=checkpoint
    )


def _context(episode: Episode) -> EpisodeContext:
    try:
        scenario = Scenario.from_id(episode.scenario) if episode.scenario else _UNKNOWN
    except HamsterBenchError as error:
        raise MessageError(str(error)) from error
    return EpisodeContext(scenario=scenario, instruction=episode.instruction, rng=scenario.rng("agent"))


class _Single:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def reset(self, episode: Episode) -> None:
        try:
            self._agent.reset(_context(episode))
        except AgentStopped as stop:
            raise PolicyStopped(stop.reason, str(stop)) from stop

    def act(self, observation: Mapping[str, Any]) -> NDArray[Any]:
        try:
            return self._agent.act(observation)
        except AgentStopped as stop:
            raise PolicyStopped(stop.reason, str(stop)) from stop


class _Batched:
    def __init__(self, agent: BatchedAgent) -> None:
        self._agent = agent
        self.max_batch_size = agent.max_batch_size

    def begin(self, episode: Episode) -> Any:
        try:
            return self._agent.begin(_context(episode))
        except AgentStopped as stop:
            raise PolicyStopped(stop.reason, str(stop)) from stop

    def act_batch(self, states: Sequence[Any], observations: Sequence[Mapping[str, Any]]) -> list[Any]:
        decided = self._agent.act_batch(states, observations)
        return [PolicyStopped(d.reason, str(d)) if isinstance(d, AgentStopped) else d for d in decided]
