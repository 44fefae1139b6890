"""Errors of the policy protocol. This package stands alone, so they derive from nothing of the benchmark."""

from __future__ import annotations


class PolicyError(Exception):
    """Base of all errors raised on purpose by this package."""


class MessageError(PolicyError):
    """A message is malformed or holds what must not be sent."""


class ConventionError(PolicyError):
    """The two sides do not speak the same protocol or mean different things by the same numbers."""


class ServerUnreachableError(PolicyError):
    """Nobody answers at the address, or the connection was lost."""


class ServerTimeoutError(ServerUnreachableError):
    """The server did not answer in time."""


class AccessRefusedError(PolicyError):
    """The server wants another token."""


class PolicyFaultError(PolicyError):
    """The policy behind the server broke; the text is the server's."""


class PolicyStopped(PolicyError):  # noqa: N818 - an event, not a fault
    """A policy raises this when it has nothing left to do; the episode ends here.

    Attributes:
        reason: short cause in lower case with underscores, recorded with the episode.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        self.reason = reason
        super().__init__(message or reason)
