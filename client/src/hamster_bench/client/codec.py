"""msgpack with numpy arrays, as openpi and RoboArena write them.

An array is a map ``{b"__ndarray__": True, b"data": bytes, b"dtype": "<f4", b"shape": [...]}``, a numpy scalar
``{b"__npgeneric__": True, b"data": number, b"dtype": ...}``. Nothing in a message can name code: arrays of objects and records are
refused in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

from hamster_bench.client.errors import MessageError

_KINDS = frozenset("biufSU")


def pack(message: Any) -> bytes:
    """A message as bytes.

    Args:
        message: None, numbers, texts, bytes, arrays, and lists and dictionaries with text keys of these.

    Raises:
        MessageError: something in it cannot be sent.
    """
    try:
        packed: bytes = msgpack.packb(message, default=_encoded)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MessageError(f"this cannot be sent: {error}") from error
    return packed


def unpack(data: bytes) -> Any:
    """The message that `pack` wrote. Arrays are fresh and writable.

    Raises:
        MessageError: the bytes are no such message.
    """
    try:
        return msgpack.unpackb(data, object_hook=_decoded)
    except MessageError:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise MessageError(f"{len(data)} bytes are no message of msgpack: {type(error).__name__}: {error}") from error


def _encoded(value: Any) -> Any:
    if isinstance(value, np.generic):
        _check_kind(value.dtype)
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    if isinstance(value, np.ndarray):
        _check_kind(value.dtype)
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is neither a number, text, array, list nor dictionary")


def _decoded(found: dict[Any, Any]) -> Any:
    if b"__ndarray__" in found:
        dtype, shape, data = _dtype(found), found.get(b"shape"), found.get(b"data")
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape) or not isinstance(data, bytes):
            raise MessageError(f"an array has a shape of whole numbers and its data as bytes, got shape {shape!r}")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise MessageError(f"an array of {dtype} of shape {tuple(shape)} cannot have {len(data)} bytes")
        return np.frombuffer(data, dtype).reshape(shape).copy()
    if b"__npgeneric__" in found:
        return _dtype(found).type(found.get(b"data"))
    return found


def _dtype(found: dict[Any, Any]) -> np.dtype[Any]:
    text = found.get(b"dtype")
    if not isinstance(text, str):
        raise MessageError(f"an array names its type as numpy does ('<f4'), got {text!r}")
    dtype = np.dtype(text)
    _check_kind(dtype)
    return dtype


def _check_kind(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in _KINDS or dtype.hasobject or dtype.itemsize == 0:
        raise MessageError(f"arrays of {dtype} are not sent; allowed are truth values, numbers and fixed-width texts")
