"""The simulator's process: ``python -m hamster_bench.envs.rlbench.server CHANNEL LIFELINE SETTINGS``.

It answers calls over a socket until the other side has gone. What it prints is nobody's protocol.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import traceback
from dataclasses import asdict
from typing import Any

from hamster_bench.envs.rlbench.display import start_display, stop_display
from hamster_bench.envs.rlbench.messages import ChannelClosedError, receive, send
from hamster_bench.envs.rlbench.original import Original
from hamster_bench.envs.rlbench.settings import OriginalSettings
from hamster_bench.errors import HamsterBenchError, PlanningError, UnknownNameError

CALLS = (
    "reset",
    "keypose",
    "joint_position",
    "delta_pose",
    "state",
    "picture",
    "frames",
    "segment_names",
    "preview",
    "waypoint",
    "plan",
)
"""Methods of `Original` that can be called from outside."""

SHUTDOWN = "shutdown"


def main(arguments: list[str]) -> int:
    """Serves one environment.

    Args:
        arguments: numbers of two file descriptors, the socket and a pipe that is closed when the other side ends, and the settings as
            JSON.
    """
    channel = socket.socket(fileno=int(arguments[0]))
    threading.Thread(target=_end_with, args=(int(arguments[1]),), daemon=True).start()
    # Keys pressed in the user's terminal are none of the simulator's business; who started this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = settings_from_json(arguments[2])
    display = None if os.environ.get("DISPLAY") else start_display()
    simulator = Original(settings)
    try:
        send(channel, {"ready": os.getpid()})
        while True:
            request = receive(channel)
            if request["call"] == SHUTDOWN:
                simulator.shutdown()
                send(channel, {"result": None})
                return 0
            send(channel, _answer(simulator, request))
            # The simulator takes the signal for itself when it starts, and then ignores it.
            signal.signal(signal.SIGTERM, _leave)
    except ChannelClosedError:
        return 0
    finally:
        if display is not None:
            stop_display(display)


def settings_to_json(settings: OriginalSettings) -> str:
    """Settings as the text that `settings_from_json` reads."""
    return json.dumps(asdict(settings))


def settings_from_json(text: str) -> OriginalSettings:
    """The settings written by `settings_to_json`."""
    values = json.loads(text)
    for name in ("cameras", "image_size", "video_size"):
        values[name] = tuple(values[name])
    return OriginalSettings(**values)


def _answer(simulator: Original, request: dict[str, Any]) -> dict[str, Any]:
    try:
        if request["call"] not in CALLS:
            raise UnknownNameError("call", request["call"], CALLS)
        return {"result": getattr(simulator, request["call"])(**request["arguments"])}
    except HamsterBenchError as error:
        details: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
        if isinstance(error, PlanningError):
            details["reason"] = error.reason
        if isinstance(error, UnknownNameError):
            details |= {"kind": error.kind, "name": str(error.name), "choices": list(error.choices)}
        return details
    except Exception as error:
        traceback.print_exc()
        return {"error": "fault", "message": f"{type(error).__name__}: {error}"}


def _end_with(lifeline: int) -> None:
    """Ends this process when the other side's end of the pipe is closed, also while the simulator is busy or hangs."""
    while os.read(lifeline, 1):
        pass
    # A virtual display was started in this group, and would stay.
    os.killpg(os.getpgrp(), signal.SIGTERM)
    os._exit(1)


def _leave(number: int, frame: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Without the simulator's own end, which complains about locks.
    os._exit(code)
