"""One listening service of the controller: its client's connection, and the datagrams of states and commands."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import NamedTuple

# Enough for a few seconds of datagrams; a client that does not read loses the rest, as with the real one.
_SEND_BUFFER = 1 << 16
_LARGEST_MESSAGE = 1 << 20


class Message(NamedTuple):
    """A request: number of the command, number of the request, what follows the header."""

    command: int
    request: int
    payload: bytes


class Service:
    """Serves one client at a time; a new one takes the place of the last.

    Args:
        host: address to listen on.
        port: port to listen on.
        header: layout of the header of requests and answers.
    """

    def __init__(self, host: str, port: int, header: struct.Struct) -> None:
        self._header = header
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._client: socket.socket | None = None
        self._buffer = b""
        self._peer_host = ""
        self._peer: tuple[str, int] | None = None
        self.gone = False
        self.refusing = False
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((host, port))
            self._listener.listen(4)
            self._listener.setblocking(False)
            self._datagrams.bind((host, 0))
            self._datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            self._datagrams.setblocking(False)
        except OSError:
            self.close()
            raise

    @property
    def connected(self) -> bool:
        """Whether a client has connected and is sent states."""
        return self._peer is not None

    def requests_from(self) -> list[socket.socket]:
        """Sockets on which requests and new clients come."""
        return [self._listener] if self._client is None else [self._listener, self._client]

    @property
    def datagrams(self) -> socket.socket:
        """The socket of states and commands."""
        return self._datagrams

    def poll(self) -> list[Message]:
        """Accepts a client that waits and gives every complete request; `gone` is set when the client has left since the last poll."""
        self.gone = False
        self._accept()
        if self._client is None:
            return []
        try:
            while True:
                received = self._client.recv(65536)
                if not received:
                    self.drop()
                    self.gone = True
                    return []
                self._buffer += received
        except BlockingIOError:
            pass
        except OSError:
            self.drop()
            self.gone = True
            return []
        return self._messages()

    def set_peer(self, port: int) -> None:
        """From now on sends states to this port of the client."""
        self._peer = (self._peer_host, port)

    def reply(self, command: int, request: int, payload: bytes) -> None:
        """Answers a request."""
        if self._client is None:
            return
        self._client.settimeout(1.0)
        with contextlib.suppress(OSError):
            self._client.sendall(self._header.pack(command, request, self._header.size + len(payload)) + payload)
        self._client.setblocking(False)

    def send_state(self, state: bytes) -> None:
        """Sends a state to the client, if there is one."""
        if self._peer is not None:
            # A full buffer drops the packet, as the network would.
            with contextlib.suppress(OSError):
                self._datagrams.sendto(state, self._peer)

    def drop(self) -> None:
        """Closes the client's connection."""
        if self._client is not None:
            self._client.close()
        self._client, self._peer, self._buffer = None, None, b""

    def close(self) -> None:
        """Closes everything."""
        self.drop()
        self._listener.close()
        self._datagrams.close()

    def _accept(self) -> None:
        try:
            client, address = self._listener.accept()
        except BlockingIOError:
            return
        if self.refusing:
            client.close()
            return
        self.drop()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client, self._peer_host = client, str(address[0])

    def _messages(self) -> list[Message]:
        messages = []
        while len(self._buffer) >= self._header.size:
            command, request, size = self._header.unpack_from(self._buffer)
            if not self._header.size <= size <= _LARGEST_MESSAGE:
                self.drop()
                self.gone = True
                return []
            if len(self._buffer) < size:
                break
            messages.append(Message(command, request, self._buffer[self._header.size : size]))
            self._buffer = self._buffer[size:]
        return messages
