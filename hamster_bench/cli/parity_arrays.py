"""Comparing a network with an archive of recorded arrays."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.cli.parity import Figure
from hamster_bench.errors import InvalidOptionError, MissingDependencyError

if TYPE_CHECKING:
    from torch import Tensor

Arrays = Mapping[str, NDArray[Any]]


def compared(file: Path, figures: Callable[[Arrays], Iterable[Figure]], content: str, *, needs_torch: bool) -> Sequence[Figure]:
    """Reads an archive and makes the comparisons it holds.

    Args:
        file: NPZ.
        figures: makes them.
        content: what the archive should hold, for people.
        needs_torch: whether they need PyTorch.

    Raises:
        InvalidOptionError: the file cannot be read, is of another form, or is of a variant of the network that does not exist here.
        StoreError: its weights are not those of the network it describes.
        MissingDependencyError: PyTorch is not installed.
    """
    if needs_torch and importlib.util.find_spec("torch") is None:
        raise MissingDependencyError("the network needs PyTorch; install it with: pip install 'hamster-bench[torch]'")
    try:
        # Opened here: numpy leaves a file open that turns out to be no archive.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
            if not isinstance(data, np.lib.npyio.NpzFile):
                raise TypeError("it is a single array")
            arrays = {name: data[name] for name in data.files}
        return list(figures(arrays))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        IndexError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise InvalidOptionError(f"{file} holds no recorded network of {content}: {type(error).__name__}: {error}") from error


def relative(arrays: Arrays, name: str, found: Any, tolerance: float) -> Figure:
    """Largest difference over the largest number of the recorded array; over 1 when all of it is zero."""
    expected = of_shape(arrays, name, found)
    return Figure(name, largest(np.asarray(found) - expected) / (largest(expected) or 1.0), tolerance, " relative")


def absolute(arrays: Arrays, name: str, found: Any, tolerance: float) -> Figure:
    """Largest difference."""
    return Figure(name, largest(np.asarray(found) - of_shape(arrays, name, found)), tolerance)


def same_rotation(arrays: Arrays, name: str, found: Any, tolerance: float) -> Figure:
    """Largest difference of quaternions; one and its negative are the same rotation."""
    quat, expected = np.asarray(found), of_shape(arrays, name, found)
    apart = np.minimum(np.abs(quat - expected).max(-1), np.abs(quat + expected).max(-1))
    return Figure(name, largest(apart), tolerance)


def different(arrays: Arrays, name: str, found: Any) -> Figure:
    """How many whole numbers are not equal."""
    expected = of_shape(arrays, name, found)
    return Figure(name, int((np.asarray(found) != expected).sum()), 0, f" of {expected.size}")


def largest(values: NDArray[Any]) -> float:
    """Largest absolute number, 0 of none, and NaN where there is one."""
    # Not `max`, which drops NaN depending on the order.
    return float(np.abs(values).max()) if values.size else 0.0


def of_shape(arrays: Arrays, name: str, found: Any) -> NDArray[Any]:
    """A recorded array, its fractions in double precision.

    Raises:
        ValueError: it has another shape than what was found.
    """
    expected = arrays[name]
    if expected.dtype.kind == "f":
        expected = expected.astype(np.float64)
    if expected.shape != tuple(found.shape):
        raise ValueError(f"{name} has the shape {expected.shape}, and the network gives {tuple(found.shape)}")
    return expected


def tensor(arrays: Arrays, name: str) -> Tensor:
    """An array for the network: numbers with a fraction in float32, others as int64."""
    import torch

    values = arrays[name]
    return torch.from_numpy(values.astype(np.float32 if values.dtype.kind == "f" else np.int64))
