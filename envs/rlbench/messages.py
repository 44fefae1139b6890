"""Messages between an environment and its simulator process: JSON, with arrays as raw bytes behind it.

A message is 8 bytes that give the length of the JSON text, the text, and the arrays it refers to, in order. Nothing in a message is
executed.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from typing import Any

import numpy as np

_LENGTH = struct.Struct(">Q")
_ARRAY = "__array__"
_KINDS = "bifu"
_LARGEST_TEXT = 2**24
_LARGEST_ARRAY = 2**30


class ChannelClosedError(ConnectionError):
    """The other side has gone."""


class MessageError(ValueError):
    """What arrived is no message."""


def send(channel: socket.socket, value: Any) -> None:
    """Sends JSON values and arrays, nested as they may be."""
    arrays: list[np.ndarray[Any, Any]] = []
    text = json.dumps(_packed(value, arrays)).encode()
    try:
        channel.sendall(_LENGTH.pack(len(text)) + text)
        for array in arrays:
            channel.sendall(np.ascontiguousarray(array).tobytes())
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ChannelClosedError("the other side has closed the channel") from error


def receive(channel: socket.socket, limit: float | None = None) -> Any:
    """The next message.

    Args:
        channel: where it comes from.
        limit: longest time to wait for all of it [s]; None waits for ever.

    Raises:
        TimeoutError: it did not come in time.
        ChannelClosedError: the other side has gone.
        MessageError: what arrived is no message.
    """
    deadline = None if limit is None else time.monotonic() + limit
    (length,) = _LENGTH.unpack(_read(channel, _LENGTH.size, deadline))
    if length > _LARGEST_TEXT:
        raise MessageError(f"a message of {length} bytes of text is too long")
    try:
        return _unpacked(json.loads(_read(channel, length, deadline)), channel, deadline)
    except (UnicodeDecodeError, json.JSONDecodeError, TypeError) as error:
        raise MessageError(f"what arrived is no message: {error}") from error


def _packed(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_ARRAY: [value.dtype.str, list(value.shape)]}
    if isinstance(value, dict):
        return {str(key): _packed(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _unpacked(value: Any, channel: socket.socket, deadline: float | None) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            name, shape = value[_ARRAY]
            dtype = np.dtype(name)
            size = math.prod(shape) * dtype.itemsize
            if dtype.kind not in _KINDS or not 0 <= size <= _LARGEST_ARRAY:
                raise MessageError(f"an array {name} {shape} is none that is sent here")
            return np.frombuffer(_read(channel, size, deadline), dtype).reshape(shape).copy()
        return {key: _unpacked(item, channel, deadline) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpacked(item, channel, deadline) for item in value]
    return value


def _read(channel: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0.0:
                raise TimeoutError("no answer in time")
            channel.settimeout(left)
        else:
            channel.settimeout(None)
        try:
            piece = channel.recv(min(size - len(data), 2**20))
        except ConnectionResetError as error:
            raise ChannelClosedError("the other side has closed the channel") from error
        if not piece:
            raise ChannelClosedError("the other side has closed the channel")
        data += piece
    return bytes(data)
