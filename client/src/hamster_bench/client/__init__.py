"""The policy protocol: serve a policy to the benchmark, or use one that is served. Needs numpy, msgpack and websockets alone.

`serve` and `PolicyServer` serve; `PolicyClient` uses. A policy's own environment installs this package without the rest of the benchmark.
"""

from hamster_bench.client.connection import Answer, PolicyClient
from hamster_bench.client.conventions import ACTIONS, CONVENTIONS, METADATA_KEY, PROTOCOL_VERSION, Declaration
from hamster_bench.client.errors import (
    AccessRefusedError,
    ConventionError,
    MessageError,
    PolicyError,
    PolicyFaultError,
    PolicyStopped,
    ServerTimeoutError,
    ServerUnreachableError,
)
from hamster_bench.client.policies import BatchedPolicy, Episode, Policy
from hamster_bench.client.server import PolicyServer, ServerSettings, serve, serve_until_interrupted

__all__ = [
    "ACTIONS",
    "CONVENTIONS",
    "METADATA_KEY",
    "PROTOCOL_VERSION",
    "AccessRefusedError",
    "Answer",
    "BatchedPolicy",
    "ConventionError",
    "Declaration",
    "Episode",
    "MessageError",
    "Policy",
    "PolicyClient",
    "PolicyError",
    "PolicyFaultError",
    "PolicyServer",
    "PolicyStopped",
    "ServerSettings",
    "ServerTimeoutError",
    "ServerUnreachableError",
    "serve",
    "serve_until_interrupted",
]
