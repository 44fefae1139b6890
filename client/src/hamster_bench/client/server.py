"""A policy behind a websocket, in the dialect of openpi and RoboArena.

On connecting, the server sends its metadata. The client then sends an observation and gets ``{"actions": (n, d) array, "server_timing":
{...}}``, over and over; a map with ``"endpoint": "reset"`` begins an episode and is answered by ``{"reset": True, ...}``. A text instead
of bytes is an error, after which the server hangs up. ``GET /healthz`` says that the server is there.
"""

from __future__ import annotations

import asyncio
import hmac
import http
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NamedTuple, cast

import numpy as np
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hamster_bench.client.codec import pack, unpack
from hamster_bench.client.conventions import METADATA_KEY, PROTOCOL_VERSION, Declaration, positive
from hamster_bench.client.errors import MessageError, PolicyError, PolicyStopped
from hamster_bench.client.policies import BatchedPolicy, Episode, ForAllConnections, Host, OnePerConnection, Policy

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000

# Waiting this share of a batch's own time costs little, and joins connections that would take turns in two halves.
_WAIT_SHARE = 0.1

# A policy that wants to leave the process has broken; the server has not.
_FAULTS = (Exception, SystemExit)

_INTERNAL_ERROR = 1011
_LONGEST_ERROR = 4000


@dataclass(frozen=True)
class ServerSettings:
    """How a server deals with its clients.

    Attributes:
        max_message_bytes: largest message that is read; whoever sends a larger one is hung up on.
        max_connections: clients at once; others are told to come back later.
        batch_wait: [s] a batch waits for connections that have not asked yet, at least; a tenth of the time that the last one took, if
            that is longer.
        send_patience: [s] a client may take to take an answer in.
    """

    max_message_bytes: int = 32 << 20
    max_connections: int = 256
    batch_wait: float = 0.005
    send_patience: float = 60.0

    def __post_init__(self) -> None:
        positive("max_message_bytes", self.max_message_bytes)
        positive("max_connections", self.max_connections)
        positive("send_patience", self.send_patience)


class _Session:
    """One connection and the episode it plays."""

    def __init__(self) -> None:
        self.state: Any = None
        self.begun = False


class _Asked(NamedTuple):
    session: _Session
    episode: Episode | None
    observation: Mapping[str, Any]
    answer: asyncio.Future[tuple[Any, float, int]]


class PolicyServer:
    """Serves one policy until it is closed. A context manager: within it, the server runs in a thread of its own.

    Requests wait in one queue. Policies decide in one thread; whatever has been asked meanwhile makes the next batch. A client has at most
    one request under way, and what it sends beyond that waits in its own buffers.

    Args:
        policy: a class or function that makes a `Policy` for every connection, or one `BatchedPolicy` for all.
        declaration: what the policy is and needs.
        host: address to listen at.
        port: port; 0 for any free one.
        token: if given, clients have to send it as ``Authorization: Api-Key TOKEN``.
        settings: limits.
    """

    def __init__(
        self,
        policy: Callable[[], Policy] | BatchedPolicy,
        declaration: Declaration,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        *,
        token: str | None = None,
        settings: ServerSettings | None = None,
    ) -> None:
        batched = hasattr(policy, "act_batch") and not isinstance(policy, type)
        self._policy: Host = ForAllConnections(cast(Any, policy)) if batched else OnePerConnection(cast(Any, policy))
        self._declaration = declaration
        self._host, self._port, self._token = host, port, token
        self._settings = settings or ServerSettings()
        self._sessions = 0
        self._waiting: asyncio.Queue[_Asked]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event
        self._listening = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._deciding = ThreadPoolExecutor(1, "policy")

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self._port}"

    def start(self) -> None:
        """Begins to listen, in a thread of its own.

        Raises:
            PolicyError: the address cannot be listened at.
        """
        self._thread = threading.Thread(target=self._run_thread, name="policy server", daemon=True)
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            raise PolicyError(f"cannot listen at {self._host} port {self._port}: {self._failure}") from self._failure

    def close(self) -> None:
        """Hangs up on everyone and ends; a policy that is deciding is not waited for."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10.0)
        self._deciding.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> PolicyServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run_thread(self) -> None:
        try:
            asyncio.run(self._run())
        except OSError as error:
            self._failure = error
        finally:
            self._listening.set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._waiting = asyncio.Queue()
        async with serve_websocket(
            self._attend,
            self._host,
            self._port,
            compression=None,
            max_size=self._settings.max_message_bytes,
            # One message beyond the one being answered; the rest stays with the client.
            max_queue=1,
            process_request=self._admit,
        ) as server:
            self._port = _port(server)
            deciding = asyncio.create_task(self._decide_forever())
            self._listening.set()
            await self._stopping.wait()
            deciding.cancel()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answers the health path and refuses whoever may not or cannot come in."""
        if request.path.partition("?")[0] == "/healthz":
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        if self._token is not None:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Api-Key {self._token}".encode()):
                return connection.respond(http.HTTPStatus.UNAUTHORIZED, "this server wants 'Authorization: Api-Key TOKEN'\n")
        if self._sessions >= self._settings.max_connections:
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "too many connections; come back later\n")
        return None

    async def _attend(self, connection: ServerConnection) -> None:
        session = _Session()
        self._sessions += 1
        try:
            await self._talk(connection, session)
        except ConnectionClosed:
            pass
        except Exception as error:
            with suppress(ConnectionClosed, asyncio.TimeoutError):
                await self._send(connection, f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])
                await connection.close(_INTERNAL_ERROR, "see the message before")
        finally:
            self._sessions -= 1

    async def _talk(self, connection: ServerConnection, session: _Session) -> None:
        metadata = {METADATA_KEY: self._declaration.metadata() | {"max_message_bytes": self._settings.max_message_bytes}}
        await self._send(connection, pack(metadata))
        total: float | None = None
        while True:
            data = await connection.recv()
            begun = time.perf_counter()
            request = unpack(data) if isinstance(data, bytes) else None
            if not isinstance(request, dict):
                raise MessageError("a request is a map of msgpack in one binary message")
            answer, seconds, batch = await self._answer(session, request)
            timing: dict[str, Any] = {"infer_ms": 1e3 * seconds, "batch_size": batch}
            if total is not None:
                timing["prev_total_ms"] = 1e3 * total
            await self._send(connection, pack(answer | {"server_timing": timing}))
            total = time.perf_counter() - begun

    async def _send(self, connection: ServerConnection, message: bytes | str) -> None:
        await asyncio.wait_for(connection.send(message), self._settings.send_patience)

    async def _answer(self, session: _Session, request: dict[str, Any]) -> tuple[dict[str, Any], float, int]:
        endpoint = request.pop("endpoint", "infer")
        if endpoint not in ("infer", "reset"):
            raise MessageError(f"there is no endpoint {endpoint!r}; there are 'reset' and 'infer'")
        episode = _episode(request) if endpoint == "reset" else None
        if episode is None and not session.begun:
            # Clients of openpi know no reset; an episode is a connection.
            await self._ask(session, Episode(str(request.get("prompt", request.get("instruction", "")))), {})
        decided, seconds, batch = await self._ask(session, episode, request)
        if isinstance(decided, PolicyStopped):
            return {"stopped": {"reason": decided.reason, "message": str(decided)}}, seconds, batch
        if endpoint == "reset":
            return {"reset": True}, seconds, batch
        actions = np.asarray(decided)
        return {"actions": actions[None] if actions.ndim == 1 else actions}, seconds, batch

    async def _ask(self, session: _Session, episode: Episode | None, observation: Mapping[str, Any]) -> tuple[Any, float, int]:
        future: asyncio.Future[tuple[Any, float, int]] = asyncio.get_running_loop().create_future()
        await self._waiting.put(_Asked(session, episode, observation, future))
        answer = await future
        if isinstance(answer[0], Exception) and not isinstance(answer[0], PolicyStopped):
            raise answer[0]
        return answer

    async def _decide_forever(self) -> None:
        loop = asyncio.get_running_loop()
        seconds = 0.0
        while True:
            batch = [await self._waiting.get()]
            until = loop.time() + max(self._settings.batch_wait, _WAIT_SHARE * seconds)
            while len(batch) < min(self._policy.max_batch_size, self._sessions):
                try:
                    batch.append(await asyncio.wait_for(self._waiting.get(), max(0.0, until - loop.time())))
                except asyncio.TimeoutError:
                    break
            begun = time.perf_counter()
            decided = await loop.run_in_executor(self._deciding, self._decide, batch)
            seconds = time.perf_counter() - begun
            for asked, answer in zip(batch, decided, strict=True):
                if not asked.answer.done():
                    asked.answer.set_result((answer, seconds, len(batch)))

    def _decide(self, batch: Sequence[_Asked]) -> list[Any]:
        """An action, an error or, for a reset, None for every request; in the policy's thread."""
        answers: dict[int, Any] = {}
        for number, asked in enumerate(batch):
            if asked.episode is not None:
                answers[number] = self._begun(asked.session, asked.episode)
        acting = [number for number in range(len(batch)) if number not in answers]
        answers.update(zip(acting, self._acted([batch[number] for number in acting]), strict=True))
        return [answers[number] for number in range(len(batch))]

    def _begun(self, session: _Session, episode: Episode) -> Any:
        session.begun = False
        try:
            session.state = self._policy.begin(session.state, episode)
        except _FAULTS as error:
            return _fault(error)
        session.begun = True
        return None

    def _acted(self, asked: Sequence[_Asked]) -> list[Any]:
        if not asked:
            return []
        try:
            actions = list(self._policy.act_batch([a.session.state for a in asked], [a.observation for a in asked]))
            if len(actions) != len(asked):
                raise PolicyError(f"act_batch gave {len(actions)} actions for {len(asked)} episodes")
        except _FAULTS as error:
            if len(asked) == 1:
                return [_fault(error)]
            # One of them broke it: the others should not suffer.
            return [answer for one in asked for answer in self._acted([one])]
        return actions


def serve(
    policy: Callable[[], Policy] | BatchedPolicy,
    *,
    action_mode: str,
    cameras: Sequence[str] = (),
    image_size: tuple[int, int] | None = None,
    path: str = "none",
    observations: Sequence[str] | None = None,
    name: str | None = None,
    fingerprint: str | None = None,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    token: str | None = None,
    settings: ServerSettings | None = None,
) -> None:
    """Serves a policy until interrupted; the arguments are those of `PolicyServer` and `Declaration`.

    Raises:
        ConventionError: what is declared does not exist.
        PolicyError: the address cannot be listened at.
    """
    called = name or str(getattr(policy, "__name__", type(policy).__name__))
    seen = None if observations is None else tuple(observations)
    declaration = Declaration(called, action_mode, tuple(cameras), image_size, path, seen, fingerprint)
    serve_until_interrupted(PolicyServer(policy, declaration, host, port, token=token, settings=settings))


def serve_until_interrupted(server: PolicyServer, announcement: str = "serving {name} at {url}; Ctrl-C ends it") -> None:
    """Runs a server until SIGINT or SIGTERM.

    Args:
        server: not started yet.
        announcement: printed once the server listens.
    """
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with server:
            print(announcement.format(name=server._declaration.name, url=server.url), flush=True)
            while not ended.wait(3600.0):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _episode(request: Mapping[str, Any]) -> Episode:
    version = request.get("protocol_version", PROTOCOL_VERSION)
    if version != PROTOCOL_VERSION:
        raise MessageError(f"this server speaks version {PROTOCOL_VERSION} of the protocol, not {version!r}")
    instruction = request.get("instruction", request.get("prompt", ""))
    scenario, seed = request.get("scenario", ""), request.get("seed", (0,))
    if not isinstance(instruction, str) or not isinstance(scenario, str):
        raise MessageError("instruction and scenario of a reset are texts")
    if not isinstance(seed, (list, tuple)) or not seed or not all(type(n) is int and n >= 0 for n in seed):
        raise MessageError(f"the seed of a reset is a list of whole numbers from 0, got {seed!r}")
    return Episode(instruction, scenario, tuple(seed))


def _fault(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else PolicyError(f"the policy raised {type(error).__name__}: {error}")


def _port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])
