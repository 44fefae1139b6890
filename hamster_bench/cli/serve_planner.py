"""``hamster-bench serve-planner``: a path planner behind an OpenAI-style door."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import signal
import warnings
from types import FrameType

from hamster_bench.cli.options import whole_number
from hamster_bench.planners import make_planner
from hamster_bench.serving.planner_server import DEFAULT_HOST, DEFAULT_PORT, HAMSTER_MODELS, PlannerServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--planner", required=True, metavar="NAME[:OPTIONS]", help="a planner that looks at the image alone")
    parser.add_argument(
        "--port", type=whole_number("--port", 0), default=DEFAULT_PORT, metavar="N", help=f"port (default {DEFAULT_PORT}; 0: any)"
    )
    parser.add_argument("--host", default=DEFAULT_HOST, metavar="ADDRESS", help=f"address to listen at (default {DEFAULT_HOST})")


def execute(arguments: argparse.Namespace) -> int:
    """Serves until interrupted."""
    name = arguments.planner.partition(":")[0]
    with PlannerServer(make_planner(arguments.planner), name, arguments.host, arguments.port) as server:
        if not _is_loopback(arguments.host):
            warnings.warn(f"anyone who reaches {arguments.host} can use this server: it asks for no key", stacklevel=2)
        signal.signal(signal.SIGTERM, _interrupt)
        print(
            f"serving {arguments.planner} at {server.url}: POST /chat/completions, model {name} or {' or '.join(HAMSTER_MODELS)}; "
            "Ctrl-C ends it",
            flush=True,
        )
        # Being interrupted is how a server is meant to end.
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.2)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
