"""``hamster-bench serve``: an agent behind a policy server."""

from __future__ import annotations

import argparse
import ipaddress
import os
import warnings

from hamster_bench.agent import make_agent
from hamster_bench.cli.options import whole_number
from hamster_bench.client import PolicyError, PolicyServer, ServerSettings, serve_until_interrupted
from hamster_bench.client.server import DEFAULT_HOST, DEFAULT_PORT
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.episode import contestant
from hamster_bench.serving.policy_host import declaration_of, policy_of

TOKEN_ENV = "HAMSTER_BENCH_POLICY_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--agent", required=True, metavar="NAME[:OPTIONS]", help="an agent that does not read the simulation")
    parser.add_argument(
        "--port", type=whole_number("--port", 0), default=DEFAULT_PORT, metavar="N", help=f"port (default {DEFAULT_PORT}; 0: any)"
    )
    parser.add_argument("--host", default=DEFAULT_HOST, metavar="ADDRESS", help=f"address to listen at (default {DEFAULT_HOST})")
    parser.add_argument(
        "--token-env",
        default=TOKEN_ENV,
        metavar="VARIABLE",
        help=f"environment variable that holds the token clients have to send; unset or empty: none (default {TOKEN_ENV})",
    )
    defaults = ServerSettings()
    parser.add_argument(
        "--max-message-mb",
        type=whole_number("--max-message-mb", 1),
        default=defaults.max_message_bytes >> 20,
        metavar="N",
        help=f"largest message that is read [MiB] (default {defaults.max_message_bytes >> 20})",
    )
    parser.add_argument(
        "--max-connections",
        type=whole_number("--max-connections", 1),
        default=defaults.max_connections,
        metavar="N",
        help=f"clients at once (default {defaults.max_connections})",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Serves until interrupted."""
    player = contestant(arguments.agent, make_agent(arguments.agent))
    policy = policy_of(player.name, player.agent, make_agent)
    declaration = declaration_of(player.name, player.agent, player.fingerprint, player.checkpoint)
    token = os.environ.get(arguments.token_env) or None
    if token is None and not _is_loopback(arguments.host):
        warnings.warn(
            f"anyone who reaches {arguments.host} can use this server; {arguments.token_env} sets a token", stacklevel=2
        )
    settings = ServerSettings(max_message_bytes=arguments.max_message_mb << 20, max_connections=arguments.max_connections)
    server = PolicyServer(policy, declaration, arguments.host, arguments.port, token=token, settings=settings)
    try:
        serve_until_interrupted(server, "serving {name} at {url}; --agents remote:{url} uses it; Ctrl-C ends it")
    except PolicyError as error:
        raise InvalidOptionError(f"{error}; choose another --host or --port") from error
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
