"""A server with the schema of OpenVLA's deploy script, written for these tests from its description; needs the standard library alone.

python official_server.py BEHAVIOUR: prints its port. BEHAVIOUR: moves, blind, fails, garbage, hangs, text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEHAVIOUR = sys.argv[1]


def array(numbers: list[float]) -> dict[str, Any]:
    data = struct.pack(f"<{len(numbers)}d", *numbers)
    return {"__numpy__": base64.b64encode(data).decode(), "dtype": "<f8", "shape": [len(numbers)]}


def action(payload: dict[str, Any]) -> Any:
    oft = "full_image" in payload
    image = payload["full_image" if oft else "image"]
    assert image["dtype"] == "|u1", image["dtype"]
    assert len(base64.b64decode(image["__numpy__"])) == image["shape"][0] * image["shape"][1] * 3
    seen = b"" if BEHAVIOUR == "blind" else json.dumps([image, payload["instruction"]]).encode()
    digest = hashlib.sha256(seen).digest()
    numbers = [0.002 * (byte / 255.0 - 0.5) for byte in digest[:6]] + [1.0]
    if payload.get("unnorm_key") == "unknown":
        raise KeyError("unknown")
    return [array(numbers), array(numbers)] if oft else array(numbers)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/act"
        if BEHAVIOUR == "hangs":
            time.sleep(30)
        self.reply(self.answer(body))

    def answer(self, body: bytes) -> str:
        if BEHAVIOUR == "garbage":
            return "<html>"
        try:
            payload = json.loads(body)
            if double := "encoded" in payload:
                assert len(payload) == 1
                payload = json.loads(payload["encoded"])
            if BEHAVIOUR == "fails":
                raise ValueError("anything")
            decided = "left" if BEHAVIOUR == "text" else action(payload)
            # A text in a text, where the request came so.
            return json.dumps(json.dumps(decided) if double else decided)
        except Exception:
            return json.dumps("error")

    def reply(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
