"""Messages over a socket between a process and the workers it has started itself: a length of 8 bytes, and a pickle."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any, Protocol

_LENGTH = struct.Struct(">Q")
_CHUNK = 1 << 18


class ChannelClosedError(Exception):
    """The other end is gone."""


class Channel(Protocol):
    """A worker's end: both calls wait."""

    def send(self, message: Any) -> None:
        """Sends a message."""
        ...

    def receive(self) -> Any:
        """The next message."""
        ...


def frame(message: Any) -> bytes:
    """A message as it goes over the socket."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(content)) + content


class BlockingChannel:
    """The worker's end of a socket.

    Args:
        connection: connected stream socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def send(self, message: Any) -> None:
        """Sends a message.

        Raises:
            ChannelClosedError: the other end is gone.
        """
        content = frame(message)
        try:
            self._socket.sendall(content)
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self) -> Any:
        """The next message.

        Raises:
            ChannelClosedError: the other end is gone.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return pickle.loads(self._exactly(length))

    def _exactly(self, size: int) -> bytearray:
        content = bytearray(size)
        view = memoryview(content)
        while view:
            try:
                count = self._socket.recv_into(view)
            except OSError as error:
                raise ChannelClosedError from error
            if not count:
                raise ChannelClosedError
            view = view[count:]
        return content


class PatientChannel:
    """The supervisor's end, which never waits: a worker may be frozen in the middle of a message.

    Args:
        connection: connected stream socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._outgoing = memoryview(b"")
        self._incoming = bytearray()
        self.closed = False

    def fileno(self) -> int:
        """Descriptor of the socket, for polling."""
        return self._socket.fileno()

    @property
    def has_outgoing(self) -> bool:
        """Whether part of a message is still to be sent."""
        return bool(self._outgoing) and not self.closed

    @property
    def has_message(self) -> bool:
        """Whether a complete message has come in."""
        return len(self._incoming) >= _LENGTH.size and len(self._incoming) >= self._needed()

    def send(self, message: Any) -> None:
        """Begins to send a message; `advance` does the rest."""
        self._outgoing = memoryview(frame(message))
        self.advance()

    def take(self) -> Any:
        """The message that has come in."""
        needed = self._needed()
        message = pickle.loads(memoryview(self._incoming)[_LENGTH.size : needed])
        self._incoming = self._incoming[needed:]
        return message

    def advance(self) -> None:
        """Sends and receives what goes without waiting."""
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[self._socket.send(self._outgoing) :]
        except BlockingIOError:
            pass
        except OSError:
            # What it said before it went may still lie in the socket.
            self._outgoing = memoryview(b"")
        try:
            while content := self._socket.recv(_CHUNK):
                self._incoming += content
            self.closed = True
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True

    def close(self) -> None:
        """Closes the socket."""
        self.closed = True
        self._socket.close()

    def _needed(self) -> int:
        return int(_LENGTH.unpack_from(self._incoming)[0]) + _LENGTH.size
