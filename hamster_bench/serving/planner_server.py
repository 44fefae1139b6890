"""A path planner behind the door of HAMSTER's server: OpenAI-style chat requests over HTTP.

The standard library's server is enough: requests are few and large, one planner answers them in turn, and nothing else is served.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from hamster_bench import __version__
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, PlannerError
from hamster_bench.paths.grammar import write_answer
from hamster_bench.paths.path import Path2D
from hamster_bench.planners import PathPlanner, PlannerContext, Proposal
from hamster_bench.serving.chat_request import PathRequest, RefusedRequestError, read_request

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000

# Existing clients of HAMSTER's server ask for one of these.
HAMSTER_MODELS = ("HAMSTER_dev", "Hamster_dev")

_CHAT = ("/chat/completions", "/v1/chat/completions")
_MODELS = ("/models", "/v1/models")
_HEALTH = ("/health", "/v1/health")

_LARGEST_BODY = 16 << 20
_MOST_CONNECTIONS = 32
# A client that stops sending, or reading, is given up after this long [s].
_PATIENCE = 30.0


class PlannerServer(ThreadingHTTPServer):
    """Serves one planner.

    ``POST /chat/completions`` (also below ``/v1``) answers with the path in the planners' grammar, in the list form of HAMSTER's server.
    ``GET /health`` says that the server is there, ``GET /models`` what it answers to. Refused requests have status 400, 404, 405, 411
    or 413; a planner that fails has status 500; the body then holds ``error``. A context manager.

    Args:
        planner: asked by one request at a time.
        name: what the planner is called; clients may ask for this name or for one of `HAMSTER_MODELS`.
        host: address to listen at.
        port: port; 0 for any free one.

    Raises:
        InvalidOptionError: the planner is privileged, or the address cannot be listened at.
    """

    daemon_threads = True
    request_queue_size = _MOST_CONNECTIONS

    def __init__(self, planner: PathPlanner, name: str, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
        if planner.privileged:
            raise InvalidOptionError(
                f"path planner {name!r} reads the running simulation, which a picture from elsewhere does not have; serve one that looks "
                "at the image alone"
            )
        self.planner = planner
        self.models = tuple(dict.fromkeys((name, *HAMSTER_MODELS)))
        self._planning = threading.Lock()
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidOptionError(f"cannot listen at {host} port {port}: {reason}; choose another --host or --port") from error

    @property
    def url(self) -> str:
        """Address of the server, as clients are told it."""
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def answer(self, request: PathRequest) -> str:
        """The planner's path in the answer grammar.

        Raises:
            HamsterBenchError: the planner failed or has no path.
        """
        context = PlannerContext.of_picture(request.image_rgb, request.instruction)
        with self._planning:
            proposed = self.planner.propose(request.image_rgb, request.instruction, context)
        path = proposed.path if isinstance(proposed, Proposal) else proposed
        if path is None:
            raise PlannerError("the planner has no path for this picture")
        return write_answer(path if len(path) > 1 else _drawn_out(path))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own, or hangs up when too many wait already."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread of one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the client's business."""


class _Handler(BaseHTTPRequestHandler):
    server: PlannerServer
    protocol_version = "HTTP/1.1"
    server_version = f"hamster-bench/{__version__}"
    timeout = _PATIENCE

    def do_GET(self) -> None:
        path = self._path()
        if path in _HEALTH:
            self._send(200, {"status": "ok", "models": list(self.server.models)})
        elif path in _MODELS:
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "hamster-bench"} for name in self.server.models]
            self._send(200, {"object": "list", "data": listed})
        elif path in _CHAT:
            self._send(405, {"error": "ask by POST"}, allow="POST")
        else:
            self._nothing_here()

    def do_POST(self) -> None:
        try:
            body = self._body()
            if self._path() not in _CHAT:
                self._nothing_here()
                return
            request = read_request(body, self.server.models)
        except RefusedRequestError as refusal:
            self._send(refusal.status, {"error": str(refusal)})
            return
        try:
            answer = self.server.answer(request)
        except HamsterBenchError as error:
            self._send(500, {"error": str(error)})
            return
        except Exception as error:
            self._send(500, {"error": f"the planner broke: {type(error).__name__}: {error}"})
            return
        self._send(200, _completion(request.model, answer))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked and answered belongs to the client."""

    def _path(self) -> str:
        return self.path.partition("?")[0].rstrip("/") or "/"

    def _body(self) -> bytes:
        # Without a known length the next request could not be told from the rest of this one.
        self.close_connection = True
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise RefusedRequestError("requests need a Content-Length", 411)
        if len(length) > 12 or int(length) > _LARGEST_BODY:
            raise RefusedRequestError(f"requests have at most {_LARGEST_BODY} bytes", 413)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise RefusedRequestError("the request ends before its Content-Length")
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return body

    def _nothing_here(self) -> None:
        self._send(404, {"error": f"there is nothing at this path; requests go to POST {_CHAT[0]}"})

    def _send(self, status: int, content: dict[str, Any], **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.capitalize(), value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _completion(model: str, answer: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
    return {
        "id": f"chatcmpl-{hashlib.sha256(answer.encode()).hexdigest()[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def _drawn_out(path: Path2D) -> Path2D:
    """A path of one point as one of two, because answers have at least two."""
    return Path2D(np.repeat(path.points, 2, axis=0), np.repeat(path.gripper_open, 2))
