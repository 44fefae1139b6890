"""Operators on values. Each asks the meter before it computes, so that no single one can use unbounded time or memory.

Comparisons, conversions to text and look-ups in lists are written out instead of left to Python: on lists that hold one another
(``x = [x, x]``, forty times) Python's own would take forever inside one operation.

Wrong types and values raise TypeError and ValueError as in Python; the interpreter reports them as the program's error.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.planners.code_as_policies.sandbox.limits import INTEGER_BITS, Meter, Reason, Stopped
from hamster_bench.planners.code_as_policies.sandbox.values import OPAQUE, Value, is_number, type_name

Array = NDArray[Any]

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.MatMult: operator.matmul,
}
_SYMBOLS = dict(zip(_ARITHMETIC, ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "@"], strict=True))
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

# Deeper nesting of lists is no array of coordinates.
_ARRAY_DIMENSIONS = 6
# Python writes a missing key into its message, and compares keys part by part.
_KEY_PARTS = 16
# Largest number of elements a look-up by an array of indices may give before its length is tested.
_INDEXED = 1_000_000


def checked_number(value: Value) -> Value:
    """A number, if programs may hold it.

    Raises:
        Stopped: an integer of more than 63 bits.
        ValueError: a complex number.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > INTEGER_BITS:
        raise Stopped(Reason.SIZE, f"an integer of more than {INTEGER_BITS} bits")
    if isinstance(value, complex):
        raise ValueError("the result is a complex number")
    return value


def binary(meter: Meter, kind: type[ast.operator], left: Value, right: Value) -> Value:
    """``left <operator> right``."""
    function = _ARITHMETIC[kind]
    if is_number(left) and is_number(right):
        _check_growth(kind, left, right)
        return checked_number(function(left, right))
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return _array_binary(meter, kind, to_array(meter, left), to_array(meter, right))
    if kind is ast.Add and type(left) is type(right) and isinstance(left, list | tuple | str):
        meter.allot(len(left) + len(right))
        return left + right
    if kind is ast.Mult:
        sequence, count = (left, right) if isinstance(left, list | tuple | str) else (right, left)
        if isinstance(sequence, list | tuple | str) and isinstance(count, int):
            meter.allot(len(sequence) * max(0, count))
            return sequence * count
    raise TypeError(f"unsupported operands for {_SYMBOLS[kind]}: {type_name(left)} and {type_name(right)}")


def _check_growth(kind: type[ast.operator], left: Value, right: Value) -> None:
    """Stops the two operators on integers whose result can be far longer than their operands."""
    grows = kind is ast.LShift or (kind is ast.Pow and abs(left) > 1)
    if isinstance(left, int) and isinstance(right, int) and grows and right > INTEGER_BITS:
        raise Stopped(Reason.SIZE, f"an integer of more than {INTEGER_BITS} bits")


def _array_binary(meter: Meter, kind: type[ast.operator], left: Array, right: Array) -> Value:
    if kind is ast.MatMult:
        # The work of a product of matrices: every element of one meets a row or column of the other.
        meter.charge(left.size * max(1, right.size // max(1, right.shape[0] if right.ndim else 1)))
    meter.allot(broadcast_size(left, right) if kind is not ast.MatMult else 0)
    return from_numpy(meter, _ARITHMETIC[kind](left, right))


def broadcast_size(*arrays: Array) -> int:
    """Number of elements of what an operation element by element makes of these.

    Raises:
        ValueError: the shapes do not fit.
    """
    size = 1
    for length in np.broadcast_shapes(*(array.shape for array in arrays)):
        size *= length
    return size


def unary(meter: Meter, kind: type[ast.unaryop], value: Value) -> Value:
    """``<operator> value``."""
    if kind is ast.Not:
        return not truth(value)
    if is_number(value):
        return checked_number(_UNARY[kind](value))
    if isinstance(value, np.ndarray):
        meter.allot(value.size)
        return from_numpy(meter, _UNARY[kind](value))
    raise TypeError(f"unsupported operand for a sign: {type_name(value)}")


def truth(value: Value) -> bool:
    """Whether a value counts as true."""
    if isinstance(value, np.ndarray) and value.size != 1:
        raise ValueError(f"the truth of an array of {value.size} elements is ambiguous: use any() or all()")
    return isinstance(value, OPAQUE) or bool(value)


def compare(meter: Meter, kind: type[ast.cmpop], left: Value, right: Value) -> Value:
    """``left <comparison> right``."""
    if kind in (ast.Is, ast.IsNot):
        return (left is right) is (kind is ast.Is)
    if kind in (ast.In, ast.NotIn):
        return contains(meter, right, left) is (kind is ast.In)
    if (isinstance(left, np.ndarray) and _comparable(right)) or (isinstance(right, np.ndarray) and _comparable(left)):
        arrays = to_array(meter, left), to_array(meter, right)
        meter.allot(broadcast_size(*arrays))
        return from_numpy(meter, _ORDER[kind](*arrays))
    if kind in (ast.Eq, ast.NotEq):
        return equal(meter, left, right) is (kind is ast.Eq)
    if _plain_pair(left, right):
        return _ORDER[kind](left, right)
    if kind in (ast.Gt, ast.GtE):
        left, right = right, left
    return less(meter, left, right) or (kind in (ast.LtE, ast.GtE) and equal(meter, left, right))


def _comparable(value: Value) -> bool:
    return isinstance(value, np.ndarray | list | tuple | int | float)


def _plain_pair(left: Value, right: Value) -> bool:
    """Two numbers or two strings, which Python compares in one step."""
    return (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def equal(meter: Meter, left: Value, right: Value) -> bool:
    """``left == right`` as one truth value."""
    meter.charge()
    if left is right:
        return True
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(equal(meter, a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(meter, item, right[key]) for key, item in left.items())
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return truth(compare(meter, ast.Eq, left, right)) if _comparable(left) and _comparable(right) else False
    if _plain_pair(left, right):
        return bool(left == right)
    if isinstance(left, range) and isinstance(right, range):
        return left == right
    return False


def less(meter: Meter, left: Value, right: Value) -> bool:
    """``left < right`` as one truth value."""
    meter.charge()
    if isinstance(left, list | tuple) and type(left) is type(right):
        for a, b in zip(left, right, strict=False):
            if not equal(meter, a, b):
                return less(meter, a, b)
        return len(left) < len(right)
    if _plain_pair(left, right):
        return bool(left < right)
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return truth(compare(meter, ast.Lt, left, right))
    raise TypeError(f"no order between {type_name(left)} and {type_name(right)}")


class Ordered:
    """A value that `list.sort` can put in order."""

    def __init__(self, meter: Meter, value: Value) -> None:
        self.meter = meter
        self.value = value

    def __lt__(self, other: Ordered) -> bool:
        return less(self.meter, self.value, other.value)


def contains(meter: Meter, container: Value, item: Value) -> bool:
    """``item in container``."""
    if isinstance(container, dict):
        return checked_key(item) in container
    if isinstance(container, str):
        if not isinstance(item, str):
            raise TypeError(f"only a string can be in a string, got {type_name(item)}")
        meter.charge(len(container))
        return item in container
    if isinstance(container, range):
        return is_number(item) and item in container
    return any(equal(meter, element, item) for element in iterate(meter, container))


def checked_key(key: Value) -> Value:
    """A key of a dict: a number, a string, None, or a short tuple of such."""
    if isinstance(key, tuple) and len(key) > _KEY_PARTS:
        raise TypeError(f"a key of a dict has at most {_KEY_PARTS} parts")
    for part in key if isinstance(key, tuple) else (key,):
        if not (part is None or isinstance(part, int | float | str)):
            raise TypeError(f"a key of a dict is a number, a string or a tuple of such, got {type_name(part)}")
    return key


def iterate(meter: Meter, value: Value) -> Iterator[Value]:
    """The elements of a value one by one, an operation each."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        raise TypeError("an array without dimensions has no elements to go through")
    if not isinstance(value, list | tuple | str | range | dict | np.ndarray):
        raise TypeError(f"{type_name(value)} has no elements to go through")
    for element in value:
        meter.charge()
        yield from_numpy(meter, element) if isinstance(value, np.ndarray) else element


def listed(meter: Meter, value: Value) -> list[Value]:
    """The elements of a value as a new list."""
    elements = []
    for element in iterate(meter, value):
        elements.append(element)
        meter.fit(len(elements))
    return elements


def length_of(value: Value) -> int:
    """``len(value)``."""
    if isinstance(value, list | tuple | str | range | dict) or (isinstance(value, np.ndarray) and value.ndim):
        return len(value)
    raise TypeError(f"{type_name(value)} has no length")


def get_item(meter: Meter, value: Value, index: Value) -> Value:
    """``value[index]``."""
    if isinstance(value, dict):
        key = checked_key(index)
        if key not in value:
            raise KeyError(text(meter, key))
        return value[key]
    if isinstance(value, np.ndarray):
        return from_numpy(meter, value[_array_index(meter, value, index)])
    if isinstance(value, list | tuple | str | range):
        if isinstance(index, slice):
            meter.allot(len(range(*index.indices(len(value)))))
        elif not isinstance(index, int):
            raise TypeError(f"an index is an integer or a slice, got {type_name(index)}")
        return value[index]
    raise TypeError(f"{type_name(value)} has no elements to look up")


def set_item(meter: Meter, target: Value, index: Value, value: Value) -> None:
    """``target[index] = value``."""
    if isinstance(target, dict):
        target[checked_key(index)] = value
        meter.fit(len(target))
    elif isinstance(target, np.ndarray):
        meter.charge(target.size)
        target[_array_index(meter, target, index)] = to_array(meter, value)
    elif isinstance(target, list) and isinstance(index, slice):
        elements = listed(meter, value)
        meter.allot(len(target) + len(elements))
        target[index] = elements
    elif isinstance(target, list) and isinstance(index, int):
        target[index] = value
    else:
        raise TypeError(f"cannot assign to an element of {type_name(target)} by {type_name(index)}")


def delete_item(meter: Meter, target: Value, index: Value) -> None:
    """``del target[index]``."""
    if isinstance(target, dict):
        del target[checked_key(index)]
    elif isinstance(target, list) and isinstance(index, int | slice):
        meter.charge(len(target))
        del target[index]
    else:
        raise TypeError(f"cannot delete an element of {type_name(target)}")


def _array_index(meter: Meter, array: Array, index: Value) -> Any:
    """An index that numpy may be given, after a bound on how much it gives back."""
    parts = [_index_part(meter, part) for part in (index if isinstance(index, tuple) else (index,))]
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if arrays:
        each = array.size // max(1, array.shape[0]) if len(parts) == 1 and array.ndim else array.size
        if broadcast_size(*(part.ravel() if part.dtype == np.bool_ else part for part in arrays)) * each > _INDEXED:
            raise Stopped(Reason.SIZE, f"a look-up of more than {_INDEXED} elements")
    return tuple(parts)


def _index_part(meter: Meter, part: Value) -> Any:
    if part is None or part is Ellipsis or isinstance(part, int | slice):
        return part
    if isinstance(part, list | np.ndarray):
        indices = to_array(meter, part)
        if indices.size == 0:
            return indices.astype(np.int64)
        if indices.dtype == np.float64:
            raise TypeError("an array is indexed by integers or truth values, got floats")
        return indices
    raise TypeError(f"an array is indexed by integers, slices and arrays, got {type_name(part)}")


def to_array(meter: Meter, value: Value) -> Array:
    """A number, a list or tuple of numbers (of lists, ...), or an array, as an array of bool, int64 or float64."""
    if isinstance(value, np.ndarray):
        return value
    meter.charge()
    kinds: set[type] = set()
    plain = _plain(meter, value, kinds, 0)
    dtype = np.float64 if float in kinds or not kinds else np.int64 if int in kinds else np.bool_
    array: Array = np.array(plain, dtype=dtype)
    meter.allot(array.size)
    return array


def _plain(meter: Meter, value: Value, kinds: set[type], depth: int) -> Any:
    """Nested lists of numbers alone; collects the kinds of number in ``kinds``."""
    if is_number(value):
        kinds.add(type(value))
        return value
    if depth >= _ARRAY_DIMENSIONS:
        raise ValueError(f"an array has at most {_ARRAY_DIMENSIONS} dimensions")
    if isinstance(value, np.ndarray):
        meter.charge(value.size)
        kinds.add({"b": bool, "i": int}.get(value.dtype.kind, float))
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [_plain(meter, element, kinds, depth + 1) for element in iterate(meter, value)]
    raise TypeError(f"an array holds numbers, got {type_name(value)}")


def from_numpy(meter: Meter, result: Any) -> Value:
    """What numpy gave, as a value of a program: numbers become Python's own, arrays one of three types.

    Raises:
        TypeError: it is nothing that programs may hold.
    """
    if isinstance(result, np.generic) or (isinstance(result, np.ndarray) and result.ndim == 0):
        result = result.item()
    if isinstance(result, np.ndarray):
        meter.fit(result.size)
        meter.charge(result.size if result.base is None else 1)
        wanted = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}.get(result.dtype.kind)
        if wanted is None:
            raise TypeError(f"an array holds numbers, got {result.dtype}")
        return result.astype(wanted, copy=False)
    if isinstance(result, tuple | list):
        return tuple(from_numpy(meter, part) for part in result)
    if is_number(result) or isinstance(result, complex):
        return checked_number(result)
    raise TypeError(f"numpy gave {type(result).__name__}, which is not offered")


def text(meter: Meter, value: Value) -> str:
    """``str(value)``."""
    if isinstance(value, str):
        return value
    pieces: list[str] = []
    _write(meter, value, pieces)
    meter.allot(sum(map(len, pieces)))
    return "".join(pieces)


def _write(meter: Meter, value: Value, pieces: list[str]) -> None:
    meter.charge()
    if isinstance(value, np.ndarray):
        meter.charge(value.size)
        value = value.tolist()
    if value is None or is_number(value) or isinstance(value, range):
        pieces.append(repr(value))
    elif isinstance(value, str):
        meter.charge(len(value))
        pieces.append(repr(value))
    elif isinstance(value, list | tuple):
        opening, closing = "[]" if isinstance(value, list) else "()"
        pieces.append(opening)
        for i, element in enumerate(value):
            pieces.append(", " if i else "")
            _write(meter, element, pieces)
        pieces.append("," + closing if isinstance(value, tuple) and len(value) == 1 else closing)
    elif isinstance(value, dict):
        pieces.append("{")
        for i, (key, element) in enumerate(value.items()):
            pieces.append(", " if i else "")
            _write(meter, key, pieces)
            pieces.append(": ")
            _write(meter, element, pieces)
        pieces.append("}")
    else:
        pieces.append(f"<{type_name(value)}>")
