"""Reads pickles of RLBench's demonstrations without running anything of them.

A pickle is a program; what it can do is what it can name. Here it can name RLBench's two classes for demonstrations, which are stand-ins
without behaviour, and arrays of plain numbers, which are made by this module and not by numpy's own unpickling. Everything else it
names is refused before it is looked up.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import HamsterBenchError

_LARGEST = 2**29
_NUMBERS = re.compile(r"[<>=|]?(?:b1|[iu][1248]|f[248]|\?)", re.ASCII)


class UnsafePickleError(HamsterBenchError):
    """A pickle names something that is no part of a recorded demonstration; it was not run."""


class BrokenPickleError(HamsterBenchError):
    """A pickle cannot be read."""


class Record:
    """Stands for an observation or a demonstration: attributes and nothing else."""

    def __init__(self, *arguments: object) -> None:
        if arguments:
            raise UnsafePickleError("a recorded observation is made without arguments")

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise UnsafePickleError("a recorded observation is a mapping of names")
        self.fields: dict[str, Any] = state

    def get(self, name: str) -> Any:
        """The attribute, an array where it was one, or None."""
        return _plain(getattr(self, "fields", {}).get(name))


class _Type:
    """A data type of plain numbers."""

    def __init__(self, name: object, *rest: object) -> None:
        if not isinstance(name, str) or not _NUMBERS.fullmatch(name):
            raise UnsafePickleError(f"an array of {name!r} is none of plain numbers")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: object) -> None:
        # Version, byte order, and what structured types have.
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise UnsafePickleError("an array is of a structured type")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """An array on its way: filled by `__setstate__`."""

    value: NDArray[Any]

    def __setstate__(self, state: object) -> None:
        try:
            given: Any = state
            _, shape, kind, by_column, data = given
            array = np.frombuffer(data, dtype=kind.dtype)
            self.value = array.reshape(shape, order="F" if by_column else "C").copy()
        except (TypeError, ValueError, AttributeError) as error:
            raise UnsafePickleError(f"an array is not written as numbers are: {error}") from error


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    return _Array()


def _frombuffer(data: object, kind: object, shape: object, order: object) -> _Array:
    """What pickle protocol 5 writes in place of an array."""
    array = _Array()
    array.__setstate__((1, shape, kind, order == "F", data))
    return array


def _scalar(kind: object, data: object = None) -> Any:
    if not isinstance(kind, _Type) or not isinstance(data, bytes):
        raise UnsafePickleError("a number is not written as numbers are")
    return np.frombuffer(data, dtype=kind.dtype, count=1)[0]


def _latin1(text: object, encoding: object) -> bytes:
    """What old pickle protocols write in place of bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise UnsafePickleError("bytes are not written as bytes are")
    return text.encode("latin1")


def _array_kind(*arguments: object) -> None:
    raise UnsafePickleError("arrays are not made by calling their class")


def _admitted() -> dict[tuple[str, str], Callable[..., Any]]:
    """What a pickle may name. Made anew for every pickle: none can leave something behind for the next."""
    demo = type("Demo", (Record,), {})
    observation = type("Observation", (Record,), {})
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("rlbench.demo", "Demo"): demo,
        ("rlbench.backend.observation", "Observation"): observation,
        ("numpy", "ndarray"): _array_kind,
        ("numpy", "dtype"): type("dtype", (_Type,), {}),
        ("_codecs", "encode"): _latin1,
    }
    for package in ("numpy.core", "numpy._core"):
        names[f"{package}.multiarray", "_reconstruct"] = _reconstruct
        names[f"{package}.multiarray", "scalar"] = _scalar
        names[f"{package}.numeric", "_frombuffer"] = _frombuffer
    return names


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(io.BytesIO(data))
        self._name = name
        self._names = _admitted()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._names[module, name]
        except KeyError:
            raise UnsafePickleError(
                f"{self._name} names {module}.{name}, which is no part of a recorded demonstration; it was not run"
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        raise UnsafePickleError(f"{self._name} refers to something outside itself; it was not run")


def load_restricted(file: Path) -> Any:
    """What a pickle holds: plain values, arrays, and `Record` for observations and demonstrations.

    Raises:
        UnsafePickleError: it names anything else, or writes what it may name in a way RLBench does not.
        BrokenPickleError: it cannot be read.
    """
    try:
        if file.stat().st_size > _LARGEST:
            raise BrokenPickleError(f"{file} is larger than a demonstration can be")
        data = file.read_bytes()
    except OSError as error:
        raise BrokenPickleError(f"{file} cannot be read: {error.strerror or error}") from error
    try:
        return _plain(_Unpickler(data, str(file)).load())
    except HamsterBenchError:
        raise
    except Exception as error:
        raise BrokenPickleError(f"{file} is no pickle of a demonstration: {type(error).__name__}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return getattr(value, "value", None)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value
