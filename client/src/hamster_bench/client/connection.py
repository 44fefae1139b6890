"""The side that uses a served policy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection, connect

from hamster_bench.client.codec import pack, unpack
from hamster_bench.client.conventions import PROTOCOL_VERSION, positive
from hamster_bench.client.errors import (
    AccessRefusedError,
    MessageError,
    PolicyError,
    PolicyFaultError,
    PolicyStopped,
    ServerTimeoutError,
    ServerUnreachableError,
)

MAX_MESSAGE_BYTES = 32 << 20
_TOO_LARGE = 1009
_POLL = 0.25


class Answer(NamedTuple):
    """What a policy decided.

    Attributes:
        actions: (n, d), to be carried out one after the other.
        timing: what the server measured: ``infer_ms`` and, from the second answer on, ``prev_total_ms``.
    """

    actions: NDArray[Any]
    timing: Mapping[str, Any]


class PolicyClient:
    """A connection to a policy server of this protocol or of openpi. A context manager.

    Args:
        url: ``ws://host:port`` or ``wss://...``.
        token: sent as ``Authorization: Api-Key TOKEN``.
        timeout: [s] the server may take for one answer.
        wait: [s] to go on trying while nobody listens at the address.
        max_message_bytes: largest answer that is read.

    Raises:
        ServerUnreachableError: nobody answered in that time.
        ServerTimeoutError: someone did, but said nothing.
        AccessRefusedError: the token is not the server's.
        MessageError: what came first were no metadata.
        PolicyError: the address is none.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 60.0,
        wait: float = 0.0,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._url = url
        self._timeout = positive("timeout", timeout)
        self._open = contextlib.ExitStack()
        self._connection = self._connected(token, wait, max_message_bytes)
        try:
            metadata = self._received()
        except BaseException:
            self.close()
            raise
        if not isinstance(metadata, dict):
            self.close()
            raise MessageError(f"a policy server's first message is a map; {url} sent a {type(metadata).__name__}")
        self.metadata: Mapping[str, Any] = metadata

    def reset(self, instruction: str, scenario: str = "", seed: Sequence[int] = (0,)) -> None:
        """Begins an episode.

        Raises:
            PolicyStopped: the policy does not want to begin.
            PolicyError: see `act`.
        """
        request = {
            "endpoint": "reset",
            "protocol_version": PROTOCOL_VERSION,
            "instruction": instruction,
            "scenario": scenario,
            "seed": [int(n) for n in seed],
        }
        self.exchange(request)

    def act(self, observation: Mapping[str, Any]) -> Answer:
        """What the policy does now.

        Raises:
            PolicyStopped: the policy has nothing left to do.
            PolicyFaultError: it broke.
            ServerTimeoutError: no answer came in time.
            ServerUnreachableError: the connection was lost.
            MessageError: the observation cannot be sent, or the answer is none.
        """
        answer = self.exchange({**observation, "endpoint": "infer"})
        if not isinstance(answer, dict):
            # RoboArena's servers send the array alone.
            answer = {"actions": answer}
        actions = answer.get("actions", answer.get("action"))
        if not isinstance(actions, np.ndarray):
            raise MessageError(
                f"an answer holds an array 'actions', got {type(actions).__name__} among {sorted(map(str, answer))}"
            )
        timing = answer.get("server_timing")
        return Answer(actions[None] if actions.ndim == 1 else actions, timing if isinstance(timing, dict) else {})

    def exchange(self, request: Mapping[str, Any]) -> Any:
        """Sends a request and gives the answer; after any error but a stop the connection is closed, since answers would go astray.

        Raises:
            PolicyError: as `act`.
        """
        data = pack(request)
        try:
            try:
                self._connection.send(data)
            except ConnectionClosed as lost:
                raise self._lost(lost) from lost
            answer = self._received()
        except BaseException:
            self.close()
            raise
        stopped = answer.get("stopped") if isinstance(answer, dict) else None
        if stopped is not None:
            said = stopped if isinstance(stopped, dict) else {}
            raise PolicyStopped(str(said.get("reason", "stopped")), str(said.get("message", "")))
        return answer

    def close(self) -> None:
        """Hangs up; can be called twice."""
        with contextlib.suppress(Exception):
            self._open.close()

    def __enter__(self) -> PolicyClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _connected(self, token: str | None, wait: float, max_message_bytes: int) -> ClientConnection:
        headers = None if token is None else {"Authorization": f"Api-Key {token}"}
        until = time.monotonic() + wait
        while True:
            left = max(0.0, until - time.monotonic())
            try:
                connection: ClientConnection = self._open.enter_context(
                    connect(
                        self._url,
                        additional_headers=headers,
                        compression=None,
                        max_size=max_message_bytes,
                        open_timeout=min(self._timeout, max(left, 10.0)),
                        close_timeout=1.0,
                    )
                )
                return connection
            except InvalidStatus as refusal:
                code = refusal.response.status_code
                if code in (401, 403):
                    raise AccessRefusedError(f"{self._url} refuses the token (status {code})") from refusal
                error: Exception = refusal
            except InvalidURI as wrong:
                raise PolicyError(
                    f"{self._url!r} is no address of a policy server; one looks like ws://127.0.0.1:8000"
                ) from wrong
            except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, ConnectionClosed, EOFError) as missing:
                error = missing
            if time.monotonic() + _POLL > until:
                raise ServerUnreachableError(
                    f"no policy server at {self._url} (waited {wait:g} s): {type(error).__name__}: {error}"
                ) from error
            time.sleep(_POLL)

    def _received(self) -> Any:
        try:
            data = self._connection.recv(self._timeout)
        except TimeoutError as late:
            raise ServerTimeoutError(f"{self._url} gave no answer within {self._timeout:g} s") from late
        except ConnectionClosed as lost:
            raise self._lost(lost) from lost
        if isinstance(data, str):
            # A server of RoboArena acknowledges a reset so.
            if data == "reset successful":
                return {"reset": True}
            raise PolicyFaultError(f"the policy at {self._url} broke: {data}")
        return unpack(data)

    def _lost(self, lost: ConnectionClosed) -> ServerUnreachableError | MessageError:
        closes = [frame for frame in (lost.rcvd, lost.sent) if frame is not None]
        if any(frame.code == _TOO_LARGE for frame in closes):
            whose = "the server's" if lost.rcvd is not None and lost.rcvd.code == _TOO_LARGE else "this side's"
            return MessageError(f"a message to or from {self._url} was larger than {whose} limit allows")
        return ServerUnreachableError(f"the connection to {self._url} was lost: {lost}")
