"""A question to a vision-language model behind an OpenAI-style chat endpoint: time limits, tries, and what every try came to.

Nothing here knows of paths. The key is read from the environment when a request is made, is handed to the client library and to nothing
else, and is struck out of every text that comes back.
"""

from __future__ import annotations

import asyncio
import email.utils
import importlib.util
import json
import math
import os
import re
import time
import urllib.parse
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeVar

from hamster_bench.errors import HamsterBenchError, InvalidOptionError, MissingDependencyError
from hamster_bench.planners.pacing import reserve

T = TypeVar("T")

# What a key is replaced with where a server repeats it.
_STRUCK_OUT = "[key]"
# Sent where a server wants no key: the client library refuses to send none.
_NO_KEY = "none"
_ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_LARGEST_REPLY = 1 << 20
_LONGEST_QUOTE = 300

Verdict = Literal[
    "answered",
    "timeout",
    "no_connection",
    "rate_limited",
    "server_error",
    "bad_response",
    "model_refused",
    "unauthorized",
    "request_refused",
]
_WORTH_REPEATING: frozenset[Verdict] = frozenset({"timeout", "no_connection", "rate_limited", "server_error", "bad_response"})


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where a model is and how patiently it is asked.

    Attributes:
        url: address below which ``/chat/completions`` lies.
        key_env: name of the environment variable that holds the API key; empty when the server wants none.
        timeout: seconds a try may take as a whole, from connecting to the last byte of the answer.
        retries: further tries after one that may have failed by chance.
        backoff: seconds before the first further try; doubled for each one after it.
        max_wait: longest wait between two tries [s]. A server that asks for a longer one is not asked again.
        per_minute: most requests a minute to this address, those of other processes included; 0 for no limit.

    Raises:
        InvalidOptionError: a value is impossible.
    """

    url: str
    key_env: str = ""
    timeout: float = 60.0
    retries: int = 2
    backoff: float = 1.0
    max_wait: float = 60.0
    per_minute: float = 0.0

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not (math.isfinite(self.timeout) and self.timeout > 0.0):
            raise InvalidOptionError(f"timeout is a number of seconds above 0, got {self.timeout!r}")
        if isinstance(self.retries, bool) or not isinstance(self.retries, int) or self.retries < 0:
            raise InvalidOptionError(f"retries is a whole number from 0, got {self.retries!r}")
        for name in ("backoff", "max_wait", "per_minute"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidOptionError(f"{name} is a number from 0, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a model is asked.

    Attributes:
        models: names of the model; the next is tried when the server does not know one.
        text: the text part of the only message.
        image_url: its image part, ``data:image/...``, or None for a message of text alone.
        sampling: fields of the request such as ``temperature``.
        extra: fields that OpenAI's own servers do not know.
    """

    models: Sequence[str]
    text: str
    image_url: str | None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model answered.

    Attributes:
        text: its words.
        model: name it was asked by.
        finish_reason: why it stopped, as the server says, or None.
        prompt_tokens: tokens of the request, or None where the server does not say.
        answer_tokens: tokens of the answer, or None.
        latency_s: wall-clock seconds of the try that was answered.
        attempts: every try in order: ``model``, ``verdict``, and where there are such ``status`` and ``said``.
    """

    text: str
    model: str
    finish_reason: str | None
    prompt_tokens: int | None
    answer_tokens: int | None
    latency_s: float
    attempts: tuple[dict[str, Any], ...]


class NoReplyError(HamsterBenchError):
    """A model gave no answer.

    Attributes:
        verdict: of the last try.
        attempts: as in `Reply`.
    """

    def __init__(self, message: str, verdict: Verdict, attempts: Sequence[dict[str, Any]]) -> None:
        self.verdict = verdict
        self.attempts = tuple(attempts)
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.verdict, self.attempts)


def check_ready(connection: Connection) -> None:
    """Checks what can be checked before anything is asked: without client library or key every episode would fail.

    Raises:
        MissingDependencyError: the client library is not installed.
        InvalidOptionError: a key is wanted and not set.
    """
    _require_client()
    read_key(connection.key_env)


def _require_client() -> None:
    try:
        found = importlib.util.find_spec("openai") is not None
    except ValueError:
        found = False
    if not found:
        raise MissingDependencyError(
            "planners behind a network need the package 'openai': pip install 'hamster-bench[planners]', or pip install openai"
        )


def ask(connection: Connection, question: Question) -> Reply:
    """Asks until there is an answer or no hope of one.

    Raises:
        NoReplyError: there was no answer.
        MissingDependencyError: the client library is not installed.
    """
    _require_client()
    return _run(lambda: _converse(connection, question))


def read_key(key_env: str) -> str | None:
    """The API key, or None where none is wanted.

    Messages never repeat the name given: someone may have typed the key itself.

    Raises:
        InvalidOptionError: no such variable is set, or it holds what no key can be.
    """
    if not key_env:
        return None
    if not _ENVIRONMENT_NAME.fullmatch(key_env):
        raise InvalidOptionError(
            "key_env is the name of an environment variable (capital letters, digits, underscores), never the API key itself"
        )
    key = os.environ.get(key_env, "").strip()
    if not key:
        raise InvalidOptionError(
            f"the environment variable {key_env} holds no API key; set it, or give key_env= if the server wants none"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidOptionError(f"the environment variable {key_env} holds characters that no API key has")
    return key


def _check_url(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    # The address is recorded with every run, so it must not carry a secret; a message would repeat it.
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidOptionError(
            "url is http:// or https://, a host, and what more the server needs before /chat/completions, such as "
            "http://127.0.0.1:8000 or https://api.openai.com/v1; user names, passwords and queries have no place in it"
        )


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end, also where an event loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


async def _converse(connection: Connection, question: Question) -> Reply:
    from openai import AsyncOpenAI

    key = read_key(connection.key_env)
    attempts: list[dict[str, Any]] = []
    models = list(question.models)
    model = models.pop(0)
    left = connection.retries
    client = AsyncOpenAI(
        api_key=key or _NO_KEY,
        admin_api_key="",
        organization="",
        project="",
        base_url=connection.url,
        default_headers=_headers(key),
        max_retries=0,
        timeout=None,
    )
    async with client:
        while True:
            await asyncio.sleep(reserve(connection.url, connection.per_minute))
            started = time.perf_counter()
            outcome = await _attempt(client, connection, question, model, key)
            attempts.append(outcome.described(model))
            if outcome.reply is not None:
                return Reply(
                    model=model, latency_s=time.perf_counter() - started, attempts=tuple(attempts), **outcome.reply._asdict()
                )
            if models and outcome.perhaps_the_name:
                model = models.pop(0)
                continue
            wait = max(outcome.retry_after, min(connection.backoff * 2.0 ** (connection.retries - left), connection.max_wait))
            if outcome.verdict not in _WORTH_REPEATING or left == 0 or wait > connection.max_wait:
                raise NoReplyError(_summary(connection, outcome, len(attempts), wait if left else 0.0), outcome.verdict, attempts)
            left -= 1
            await asyncio.sleep(wait)


def _headers(key: str | None) -> dict[str, Any]:
    """Headers against those the library takes from the environment: they may be meant for another server, and hold secrets."""
    from openai import Omit

    theirs = [line.partition(":")[0].strip() for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")]
    unwanted: dict[str, Any] = {name: Omit() for name in (*theirs, "OpenAI-Organization", "OpenAI-Project") if name}
    return unwanted | {"Authorization": f"Bearer {key or _NO_KEY}"}


class _Content(NamedTuple):
    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    answer_tokens: int | None


class _Outcome(NamedTuple):
    """What one try came to.

    Attributes:
        verdict: in one word.
        said: in the server's words or ours.
        status: HTTP status, where there was one.
        retry_after: seconds the server asks to wait.
        reply: the answer, if there is one.
        perhaps_the_name: another name of the model may work.
    """

    verdict: Verdict
    said: str = ""
    status: int | None = None
    retry_after: float = 0.0
    reply: _Content | None = None
    perhaps_the_name: bool = False

    def described(self, model: str) -> dict[str, Any]:
        told = {"status": self.status, "said": self.said or None}
        return {"model": model, "verdict": self.verdict, **{name: value for name, value in told.items() if value is not None}}


async def _attempt(client: Any, connection: Connection, question: Question, model: str, key: str | None) -> _Outcome:
    import openai

    parts: list[dict[str, Any]] = [{"type": "text", "text": question.text}]
    if question.image_url is not None:
        parts.insert(0, {"type": "image_url", "image_url": {"url": question.image_url}})
    message = {"role": "user", "content": parts}
    request = client.chat.completions.with_streaming_response.create(
        model=model, messages=[message], extra_body=dict(question.extra) or None, **question.sampling
    )
    try:
        # One limit for the whole try: the library's own limits start anew with every byte of a slow server.
        async with asyncio.timeout(connection.timeout):
            async with request as response:
                body = bytearray()
                async for part in response.iter_bytes():
                    body += part
                    if len(body) > _LARGEST_REPLY:
                        return _Outcome("bad_response", f"more than {_LARGEST_REPLY} bytes", response.status_code)
                status = response.status_code
    except (TimeoutError, openai.APITimeoutError):
        return _Outcome("timeout", f"no complete answer within {connection.timeout:g} s")
    except openai.APIStatusError as error:
        return _refusal(error, key)
    except openai.APIConnectionError as error:
        return _Outcome("no_connection", _quote(str(error.__cause__ or error), key))
    except Exception as error:
        # The transport underneath has errors of its own for an answer that breaks off.
        return _Outcome("bad_response", _quote(f"{type(error).__name__}: {error}", key))
    try:
        return _Outcome("answered", status=status, reply=_content(bytes(body), key))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        return _Outcome("bad_response", _quote(f"{error}: {body.decode('utf-8', 'replace')}", key), status)


def _refusal(error: Any, key: str | None) -> _Outcome:
    status = int(error.status_code)
    said = _quote(_error_text(error), key)
    about_model = "model" in said.lower()
    verdict: Verdict
    if status == 429:
        verdict = "rate_limited"
    elif status in (401, 403):
        verdict = "unauthorized"
    elif status >= 500 or status in (408, 409, 425):
        verdict = "server_error"
    else:
        verdict = "model_refused" if about_model else "request_refused"
    # HAMSTER's server refuses a name twice over: its schema by 422, and by 500 a name that is not its folder's.
    name = status in (400, 404, 422) or (status == 500 and about_model)
    return _Outcome(verdict, said, status, _retry_after(error.response.headers), perhaps_the_name=name)


def _error_text(error: Any) -> str:
    body = error.body
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, default=str)


def _content(body: bytes, key: str | None) -> _Content:
    reply = json.loads(body)
    choice = reply["choices"][0]
    content = choice["message"]["content"]
    if isinstance(content, list):
        # HAMSTER's server answers in parts, OpenAI's in one text.
        content = "".join(part["text"] for part in content if part.get("type") == "text")
    if not isinstance(content, str) or not content.strip():
        raise ValueError("the answer holds no text")
    usage = reply.get("usage") or {}
    reason = choice.get("finish_reason")
    return _Content(
        _without_key(content, key),
        reason if isinstance(reason, str) else None,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds a server asks to wait: a number, or a date."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (email.utils.parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return 0.0
    # Not a number is not greater than anything.
    return seconds if seconds > 0.0 else 0.0


def _summary(connection: Connection, outcome: _Outcome, tries: int, wait: float) -> str:
    status = "" if outcome.status is None else f", status {outcome.status}"
    asked = f"; it asks to wait {wait:g} s, more than max_wait" if wait > connection.max_wait else ""
    return f"{connection.url} gave no answer in {tries} {'try' if tries == 1 else 'tries'}: {outcome.verdict}{status}{asked}" + (
        f": {outcome.said}" if outcome.said else ""
    )


def _quote(text: str, key: str | None) -> str:
    text = " ".join(_without_key(text, key).split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}..."


def _without_key(text: str, key: str | None) -> str:
    return text.replace(key, _STRUCK_OUT) if key else text
