"""An agent that lives behind a policy server."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import EpisodeContext
from hamster_bench.client import (
    AccessRefusedError,
    ConventionError,
    PolicyClient,
    PolicyError,
    PolicyStopped,
    ServerUnreachableError,
)
from hamster_bench.errors import AgentError, AgentStopped, AgentUnavailableError, InvalidOptionError
from hamster_bench.serving.layouts import layout_of

# Random numbers for the policy; taken from the agent's own stream of the scenario.
_SEED_NUMBERS = 4


class RemoteAgent:
    """What a policy server at `url` decides: this project's (`hamster-bench serve`, `hamster_bench.client`) or RoboArena's.

    A server that goes away, hangs or breaks within an episode ends that episode as an error of the agent. The next one waits for the
    server to come back; when it does not, the run stops with nothing recorded, and the same command does the rest later.

    Args:
        url: ``ws://host:port`` or ``wss://...``.
        token_env: environment variable that holds the server's token, where it wants one; never part of a record.
        timeout: [s] the server may take for one answer.
        wait: [s] to wait for a server that does not listen.
        execute: carry out this many actions of every answer before the next question, at most; 0 for all of them.

    Raises:
        AgentUnavailableError: nobody answers, or the token is refused.
        AgentError: the server's conventions are others.
        InvalidOptionError: an option has an impossible value.
    """

    def __init__(
        self,
        url: str,
        token_env: str = "HAMSTER_BENCH_POLICY_TOKEN",
        timeout: float = 120.0,
        wait: float = 60.0,
        execute: int = 0,
    ) -> None:
        if timeout <= 0.0 or wait < 0.0 or execute < 0:
            raise InvalidOptionError(f"timeout is above 0, wait and execute are from 0, got {timeout:g}, {wait:g} and {execute}")
        self._url, self._token_env = url, token_env
        self._timeout, self._wait, self._execute = timeout, wait, execute
        self._client: PolicyClient | None = None
        with self._connected(wait) as client:
            self._metadata = json.dumps(client.metadata, sort_keys=True, default=repr)
            try:
                self._layout = layout_of(client.metadata)
            except ConventionError as error:
                raise AgentError(f"the policy at {url} cannot take part: {error}") from error
        self.action_mode = self._layout.action_mode
        self.needs = self._layout.needs
        self.checkpoint_fingerprint = self._layout.checkpoint
        told = [self._layout.name, self._layout.fingerprint] if self._layout.fingerprint else self._metadata
        self.fingerprint: str = hashlib.sha256(json.dumps(["remote", told, execute]).encode()).hexdigest()[:12]
        self._context: EpisodeContext | None = None
        self._planned: deque[NDArray[Any]] = deque()

    def reset(self, context: EpisodeContext) -> None:
        """Tells the server of the episode, through a new connection if the old one is lost.

        Raises:
            AgentUnavailableError: the server is not there, does not answer, or serves another policy now.
            AgentStopped: the policy does not want to begin.
            AgentError: it broke.
        """
        self._context = context
        self._planned.clear()
        seed = [int(n) for n in context.rng.integers(2**32, size=_SEED_NUMBERS)]
        until = time.monotonic() + self._wait
        while True:
            try:
                if self._client is None:
                    self._client = self._same_policy(self._connected(max(0.0, until - time.monotonic())))
                self._client.reset(context.instruction, context.scenario.id, seed)
                return
            except PolicyStopped as stop:
                raise AgentStopped(stop.reason, str(stop)) from stop
            except ServerUnreachableError as error:
                # An episode that has not begun says nothing about the policy.
                self._hang_up()
                if time.monotonic() > until:
                    raise AgentUnavailableError(str(error)) from error
            except PolicyError as error:
                self._hang_up()
                raise AgentError(str(error)) from error

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next action.

        Raises:
            AgentStopped: the policy has nothing left to do.
            AgentError: it broke, gave no answer in time, or its server went away.
        """
        if not self._planned:
            if self._client is None or self._context is None:
                raise AgentError("remote must be reset before it acts")
            try:
                answer = self._client.act(self._layout.message(observation, self._context))
            except PolicyStopped as stop:
                raise AgentStopped(stop.reason, str(stop)) from stop
            except PolicyError as error:
                self._hang_up()
                raise AgentError(str(error)) from error
            if answer.actions.ndim != 2 or not len(answer.actions):
                raise AgentError(f"the policy at {self._url} answered actions of shape {answer.actions.shape}; they are (n, d)")
            self._planned.extend(answer.actions[: self._execute or None])
        action: NDArray[np.float64] = self._layout.action(self._planned.popleft())
        return action

    def _same_policy(self, client: PolicyClient) -> PolicyClient:
        if json.dumps(client.metadata, sort_keys=True, default=repr) == self._metadata:
            return client
        client.close()
        raise AgentUnavailableError(f"the server at {self._url} serves another policy than when the run began")

    def _connected(self, wait: float) -> PolicyClient:
        token = os.environ.get(self._token_env) or None
        try:
            return PolicyClient(self._url, token=token, timeout=self._timeout, wait=wait)
        except AccessRefusedError as error:
            raise AgentUnavailableError(f"{error}; set the environment variable {self._token_env}") from error
        except ServerUnreachableError as error:
            raise AgentUnavailableError(str(error)) from error
        except PolicyError as error:
            raise AgentError(str(error)) from error

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
