"""Writes pickles of objects whose classes need not be installed here, for programs that read nothing else.

`pickle` itself only writes objects of classes it can import. Nothing here reads a pickle.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Opcodes of protocol 4, by their names in the standard library's `pickletools`.
_PROTO, _STOP = b"\x80\x04", b"."
_NONE, _TRUE, _FALSE = b"N", b"\x88", b"\x89"
_BININT, _LONG1, _BINFLOAT = b"J", b"\x8a", b"G"
_BINUNICODE, _BINBYTES = b"X", b"B"
_MARK, _EMPTY_LIST, _APPENDS, _EMPTY_DICT, _SETITEMS, _TUPLE, _EMPTY_TUPLE = b"(", b"]", b"e", b"}", b"u", b"t", b")"
_STACK_GLOBAL, _REDUCE, _NEWOBJ, _BUILD = b"\x93", b"R", b"\x81", b"b"


@dataclass(frozen=True)
class Instance:
    """An object to be: a class by its names and the attributes that it gets.

    Attributes:
        module: of the class.
        name: of the class.
        attributes: whatever `pickled` can write, by name.
    """

    module: str
    name: str
    attributes: Mapping[str, Any]


def pickled(value: Any) -> bytes:
    """The pickle of a value.

    It can be, and hold: None, booleans, whole numbers, floats, texts, bytes, lists, tuples, dictionaries, numeric arrays, `Instance`.

    Raises:
        TypeError: it is, or holds, something else.
    """
    return _PROTO + _value(value) + _STOP


def _value(value: Any) -> bytes:
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return _BININT + struct.pack("<i", value)
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return _LONG1 + bytes([len(data)]) + data
    if isinstance(value, float):
        return _BINFLOAT + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8")
        return _BINUNICODE + struct.pack("<I", len(data)) + data
    if isinstance(value, bytes):
        return _BINBYTES + struct.pack("<I", len(value)) + value
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Instance):
        return _global(value.module, value.name) + _EMPTY_TUPLE + _NEWOBJ + _value(dict(value.attributes)) + _BUILD
    if isinstance(value, Mapping):
        items = b"".join(_value(part) for item in value.items() for part in item)
        return _EMPTY_DICT + _MARK + items + _SETITEMS
    if isinstance(value, tuple):
        return _tuple(*map(_value, value))
    if isinstance(value, Sequence):
        return _EMPTY_LIST + _MARK + b"".join(map(_value, value)) + _APPENDS
    raise TypeError(f"{type(value).__name__} cannot be written")


def _global(module: str, name: str) -> bytes:
    return _value(module) + _value(name) + _STACK_GLOBAL


def _tuple(*parts: bytes) -> bytes:
    return _MARK + b"".join(parts) + _TUPLE


def _array(array: np.ndarray[Any, Any]) -> bytes:
    """As NumPy itself does it; by the module's name in NumPy 1, which NumPy 2 knows as well."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"arrays of {array.dtype} cannot be written")
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    empty = (
        _global("numpy.core.multiarray", "_reconstruct")
        + _tuple(_global("numpy", "ndarray"), _tuple(_value(0)), _value(b"b"))
        + _REDUCE
    )
    kind = _global("numpy", "dtype") + _tuple(_value(plain.dtype.str[1:]), _value(False), _value(True)) + _REDUCE
    order = "|" if plain.dtype.itemsize == 1 else "<"
    kind += _value((3, order, None, None, None, -1, -1, 0)) + _BUILD
    state = _tuple(_value(1), _value(array.shape), kind, _value(False), _value(plain.tobytes()))
    return empty + state + _BUILD
