"""A real HTTP server on the loopback interface that answers as scripted, well or badly, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ANSWER = "<ans>[(0.25, 0.5), <action>Open Gripper</action>, (0.5, 0.25), (0.75, 0.75), <action>Close Gripper</action>]</ans>"


class Seen(NamedTuple):
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Behaviour = Callable[[BaseHTTPRequestHandler, Seen], None]


def send(handler: BaseHTTPRequestHandler, status: int, content: object, **headers: str) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", headers.pop("length", str(len(body))))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def completion(content: object, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]} | more


def says(text: str = ANSWER, as_list: bool = True, **more: Any) -> Behaviour:
    content = [{"type": "text", "text": text}] if as_list else text
    return lambda handler, seen: send(handler, 200, completion(content, **more))


def fails(status: int, content: object = None, **headers: str) -> Behaviour:
    return lambda handler, seen: send(handler, status, {"error": "out of order"} if content is None else content, **headers)


def hangs(seconds: float = 5.0) -> Behaviour:
    return lambda handler, seen: time.sleep(seconds)


def drips(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    """Never silent for long, never done."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def breaks_off(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    send(handler, 200, json.dumps(completion(ANSWER)).encode()[:60], length="5000")
    handler.close_connection = True


def hangs_up(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    handler.close_connection = True
    handler.connection.close()


def floods(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(64):
        handler.wfile.write(b" " * (1 << 16))


def repeats_the_key(status: int) -> Behaviour:
    """Says back what it was authorised with."""

    def behave(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        key = seen.headers["authorization"]
        content = completion(f"{ANSWER} by {key}") if status == 200 else {"error": {"message": f"Incorrect API key: {key}"}}
        send(handler, status, content)

    return behave


def knows_only(model: str, status: int) -> Behaviour:
    """Refuses other names, as HAMSTER's server does."""

    def behave(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        if seen.body["model"] == model:
            says()(handler, seen)
        else:
            said = f"The endpoint is configured to use the model {model}, but the request model is {seen.body['model']}"
            send(handler, status, {"error": said})

    return behave


class Scripted(ThreadingHTTPServer):
    """Behaves by its script, request by request; the last behaviour goes on for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *script: Behaviour) -> None:
        self.script = list(script)
        self.seen: list[Seen] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen = Seen(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        number = len(self.server.seen)
        self.server.seen.append(seen)
        self.server.script[min(number, len(self.server.script) - 1)](self, seen)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    """Lets a server run in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


def misbehaving(*script: Behaviour) -> Any:
    """A running server with this script; a context manager."""
    return serving(Scripted(*script))
