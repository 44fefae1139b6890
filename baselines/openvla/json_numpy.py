"""Arrays in JSON as the package json-numpy writes them: ``{"__numpy__": base64, "dtype": "<f8", "shape": [7]}``."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from hamster_bench.errors import AgentError

_KINDS = "biuf"


def dumps(value: Any) -> str:
    """A value with arrays in it as JSON."""
    return json.dumps(value, default=_encoded)


def loads(text: str | bytes) -> Any:
    """The value that `dumps` wrote.

    Raises:
        AgentError: the text is no JSON, or an array in it is none.
    """
    try:
        return json.loads(text, object_hook=_decoded)
    except (ValueError, TypeError, RecursionError) as error:
        raise AgentError(f"the answer is no JSON with arrays: {error}") from error


def _encoded(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.ascontiguousarray(value)
        return {"__numpy__": base64.b64encode(array.tobytes()).decode(), "dtype": array.dtype.str, "shape": list(np.shape(value))}
    raise TypeError(f"a {type(value).__name__} has no place in JSON")


def _decoded(found: dict[str, Any]) -> Any:
    if "__numpy__" not in found:
        return found
    dtype = np.dtype(str(found.get("dtype")))
    shape = found.get("shape")
    if dtype.kind not in _KINDS or not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"no array has type {found.get('dtype')!r} and shape {shape!r}")
    data = base64.b64decode(found["__numpy__"], validate=True)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array of {dtype} of shape {shape} cannot have {len(data)} bytes")
    array = np.frombuffer(data, dtype).reshape(shape).copy()
    return array if shape else array[()]
