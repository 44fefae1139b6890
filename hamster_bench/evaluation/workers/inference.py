"""Decisions for many episodes at once, by the one copy of an agent that serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hamster_bench.agent import BatchedAgent, EpisodeContext
from hamster_bench.errors import AgentStopped
from hamster_bench.evaluation.environment import PASS_THROUGH
from hamster_bench.evaluation.episode import describe
from hamster_bench.evaluation.workers.agents import same_agent, sendable
from hamster_bench.evaluation.workers.messages import (
    BatchBroke,
    Decide,
    Decided,
    Exhausted,
    Fault,
    Refused,
    Request,
    Setup,
    Stopped,
)
from hamster_bench.evaluation.workers.peers import WorkerError


class _BatchBrokeError(Exception):
    pass


class Inference:
    """The served agents of a run and what they remember of the episodes in play.

    Args:
        setup: names the agents and how they are made.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._agents: dict[str, BatchedAgent] = {}
        self._episodes: dict[int, Any] = {}

    def decide(self, message: Decide) -> Decided | BatchBroke | Exhausted | Refused:
        """Lets an agent decide for a batch of episodes."""
        for number in message.ended:
            self._episodes.pop(number, None)
        try:
            return Decided(tuple(self._actions(self._agent(message.agent), message.requests)))
        except _BatchBrokeError:
            for request in message.requests:
                self._episodes.pop(request.number, None)
            return BatchBroke()
        except MemoryError as error:
            return Exhausted(str(error))
        except Exception as error:
            return Refused(sendable(error))

    def _agent(self, name: str) -> BatchedAgent:
        if name not in self._agents:
            agent = same_agent(name, self._setup).agent
            if not isinstance(agent, BatchedAgent):
                raise WorkerError(f"agent {name!r} decides for several episodes where the run was started, but not in a worker")
            self._agents[name] = agent
        return self._agents[name]

    def _actions(self, agent: BatchedAgent, requests: Sequence[Request]) -> list[Any]:
        actions: dict[int, Any] = {}
        for request in requests:
            if request.instruction is not None:
                ended = self._begin(agent, request, request.instruction)
                if ended is not None:
                    actions[request.number] = ended
        acting = [request for request in requests if request.number not in actions]
        if acting:
            decided = self._decided(agent, acting)
            actions |= {request.number: action for request, action in zip(acting, decided, strict=True)}
        return [actions[request.number] for request in requests]

    def _begin(self, agent: BatchedAgent, request: Request, instruction: str) -> Stopped | Fault | None:
        """Begins an episode, and gives its end if it ends right there."""
        scenario = request.scenario
        context = EpisodeContext(scenario=scenario, instruction=instruction, rng=scenario.rng("agent"))
        try:
            self._episodes[request.number] = agent.begin(context)
        except PASS_THROUGH:
            raise
        except AgentStopped as stop:
            return Stopped(stop.reason, str(stop))
        except (Exception, SystemExit) as error:
            return Fault(describe(error))
        return None

    def _decided(self, agent: BatchedAgent, requests: Sequence[Request]) -> list[Any]:
        try:
            actions = list(agent.act_batch([self._episodes[r.number] for r in requests], [r.observation for r in requests]))
            if len(actions) != len(requests):
                raise ValueError(f"act_batch gave {len(actions)} actions for {len(requests)} episodes")
        except PASS_THROUGH:
            raise
        except (Exception, SystemExit) as error:
            if len(requests) > 1:
                # Which of them it was shows when each is played again with batches of its own.
                raise _BatchBrokeError from error
            return [Stopped(error.reason, str(error)) if isinstance(error, AgentStopped) else Fault(describe(error))]
        return [Stopped(a.reason, str(a)) if isinstance(a, AgentStopped) else a for a in actions]
