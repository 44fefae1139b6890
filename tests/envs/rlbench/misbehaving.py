"""A simulator process that does what it is told in its settings: ``python misbehaving.py CHANNEL LIFELINE BEHAVIOUR``."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import time

channel = socket.socket(fileno=int(sys.argv[1]))
behaviour = sys.argv[3]


def send(value: object) -> None:
    text = json.dumps(value).encode()
    channel.sendall(struct.pack(">Q", len(text)) + text)


def receive() -> object:
    data = b""
    while len(data) < 8:
        data += channel.recv(8 - len(data)) or sys.exit(0)
    (length,) = struct.unpack(">Q", data)
    data = b""
    while len(data) < length:
        data += channel.recv(length - len(data))
    return json.loads(data)


if behaviour == "never ready":
    time.sleep(10**6)
if behaviour == "dies at once":
    sys.exit("no licence for this machine")
if behaviour == "ignores signals":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
send({"ready": os.getpid()})
while True:
    request = receive()
    if request["call"] == "shutdown" and behaviour == "ignores signals":
        time.sleep(10**6)
    if request["call"] == "shutdown":
        send({"result": None})
        sys.exit(0)
    if behaviour == "crashes":
        print("about to crash", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if behaviour == "hangs":
        time.sleep(10**6)
    if behaviour == "floods":
        for _ in range(400):
            sys.stdout.write("x" * 100_000 + "\n")
        sys.stdout.flush()
    if behaviour == "talks nonsense":
        channel.sendall(struct.pack(">Q", 9) + b"not JSON!")
        continue
    if behaviour == "threatens":
        channel.sendall(struct.pack(">Q", 2**40))
        continue
    if behaviour == "refuses":
        send({"error": "PlanningError", "reason": "path_not_found", "message": "no way"})
        continue
    if behaviour == "breaks down":
        send({"error": "fault", "message": "RuntimeError: The call failed on the V-REP side. Return value: -1"})
        continue
    send({"result": request["arguments"]})
