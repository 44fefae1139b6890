"""The part of numpy that programs are offered: functions of numbers and arrays whose cost is known before they are called.

Nothing here reads or writes files, draws random numbers, takes text for an array's type, or calls a function of the program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hamster_bench.planners.code_as_policies.sandbox import operations as op
from hamster_bench.planners.code_as_policies.sandbox.library import Machine, digits, taking
from hamster_bench.planners.code_as_policies.sandbox.limits import Meter, Reason, Stopped
from hamster_bench.planners.code_as_policies.sandbox.values import (
    Arguments,
    Builtin,
    Keywords,
    Module,
    Value,
    is_number,
    type_name,
)

# A call of numpy costs more than a step of the interpreter.
_CALL_COST = 10

_DTYPES = {
    **dict.fromkeys(("float", "float64", "float32", "double"), np.float64),
    **dict.fromkeys(("int", "int64", "int32"), np.int64),
    **dict.fromkeys(("bool", "bool_"), np.bool_),
}


def _array(meter: Meter, value: Value) -> Any:
    return op.to_array(meter, value)


def _arrays(meter: Meter, value: Value) -> Any:
    return [op.to_array(meter, element) for element in op.listed(meter, value)]


def _integer(meter: Meter, value: Value) -> int:
    if isinstance(value, int):
        return value
    raise TypeError(f"expected an integer, got {type_name(value)}")


def _integers(meter: Meter, value: Value) -> Any:
    """An integer or a tuple of integers."""
    if isinstance(value, list | tuple):
        return tuple(_integer(meter, element) for element in value)
    return _integer(meter, value)


def _axis(meter: Meter, value: Value) -> Any:
    return None if value is None else _integers(meter, value)


def _flag(meter: Meter, value: Value) -> bool:
    return op.truth(value)


def _number(meter: Meter, value: Value) -> Any:
    if is_number(value):
        return value
    raise TypeError(f"expected a number, got {type_name(value)}")


def _digits(meter: Meter, value: Value) -> int:
    return digits(value) or 0


def _dtype(meter: Meter, value: Value) -> Any:
    name = value.name.rpartition(".")[2] if isinstance(value, Builtin) else value
    if value is None:
        return None
    if isinstance(name, str) and name in _DTYPES:
        return _DTYPES[name]
    raise TypeError("a dtype is float, int or bool")


# What a parameter takes: `name:kind`, with `=` after the name of one that may be left out.
_KINDS: dict[str, Callable[[Meter, Value], Any]] = {
    "array": _array,
    "arrays": _arrays,
    "integer": _integer,
    "integers": _integers,
    "axis": _axis,
    "flag": _flag,
    "number": _number,
    "digits": _digits,
    "dtype": _dtype,
}

Bound = dict[str, Any]
Size = Callable[[Bound], int]


@dataclass(frozen=True)
class _Parameter:
    name: str
    convert: Callable[[Meter, Value], Any]
    optional: bool


def _parameters(signature: str) -> tuple[_Parameter, ...]:
    parts = [part.partition(":") for part in signature.split()]
    return tuple(_Parameter(name.rstrip("="), _KINDS[kind], name.endswith("=")) for name, _, kind in parts)


def _inputs(bound: Bound) -> int:
    """Elements of all arrays that go in: what most functions read and at most give back."""
    size = 0
    for value in bound.values():
        for array in value if isinstance(value, list) else (value,):
            size += array.size if isinstance(array, np.ndarray) else 0
    return size


def _broadcast(bound: Bound) -> int:
    return op.broadcast_size(*(value for value in bound.values() if isinstance(value, np.ndarray)))


def _count(shape: int | tuple[int, ...]) -> int:
    return math.prod(max(0, length) for length in (shape if isinstance(shape, tuple) else (shape,)))


def _shape(bound: Bound) -> int:
    return _count(bound["shape"])


def _linspace(bound: Bound) -> int:
    count: int = bound.get("num", 50)
    return max(0, count) * op.broadcast_size(bound["start"], bound["stop"])


def _repeat(bound: Bound) -> int:
    repeats: int = bound["repeats"]
    return max(0, repeats) * int(bound["a"].size)


def _tile(bound: Bound) -> int:
    return _count(bound["reps"]) * int(bound["A"].size)


def _product(bound: Bound) -> int:
    first, second = (value for value in bound.values() if isinstance(value, np.ndarray))
    return int(first.size) * int(second.size)


def function(machine: Machine, name: str, call: Callable[..., Any], signature: str, size: Size = _inputs) -> Builtin:
    """A function of numpy as programs may call it.

    Args:
        machine: the interpreter.
        name: what messages call it.
        call: the function itself; parameters that may not be left out are given to it by position, the others by name.
        signature: its parameters as they are offered, ``name:kind`` or ``name=:kind``.
        size: number of elements that it reads or gives back, from its converted arguments.
    """
    meter = machine.meter
    parameters = _parameters(signature)

    def checked(arguments: Arguments, given: Keywords) -> Value:
        if len(arguments) > len(parameters):
            raise TypeError(f"{name}() takes at most {len(parameters)} arguments here, got {len(arguments)}")
        named = dict(zip((parameter.name for parameter in parameters), arguments, strict=False))
        for keyword, value in given.items():
            if keyword in named or all(keyword != parameter.name for parameter in parameters):
                raise Stopped(Reason.FORBIDDEN, f"{name}() with the argument {keyword!r} is not offered, or it is given twice")
            named[keyword] = value
        missing = [parameter.name for parameter in parameters if not parameter.optional and parameter.name not in named]
        if missing:
            raise TypeError(f"{name}() needs the argument {missing[0]!r}")
        bound = {p.name: p.convert(meter, named[p.name]) for p in parameters if p.name in named}
        meter.charge(_CALL_COST)
        meter.allot(size(bound))
        positional = [bound.pop(p.name) for p in parameters if not p.optional]
        return op.from_numpy(meter, call(*positional, **bound))

    return Builtin(name, checked)


def _dot(bound: Bound) -> int:
    return _inputs(bound) if max(bound["a"].ndim, bound["b"].ndim) < 2 else _product(bound)


def _words(text: str) -> list[str]:
    return text.split()


_UNARY = _words("""
    abs absolute fabs sin cos tan arcsin arccos arctan sinh cosh tanh exp expm1 log log1p log2 log10 sqrt cbrt square sign negative
    floor ceil trunc rint deg2rad rad2deg radians degrees isfinite isnan isinf logical_not
""")
_BINARY = _words("""
    add subtract multiply divide true_divide floor_divide mod remainder power arctan2 hypot minimum maximum fmin fmax logical_and
    logical_or equal not_equal less less_equal greater greater_equal copysign
""")
_REDUCTIONS = _words("sum mean median std var prod min max amin amax any all")
_ONE_AXIS = _words("argmin argmax cumsum cumprod argsort sort")

# Name: parameters, and the rule for the cost where it is not the size of what goes in.
_TABLE: Mapping[str, tuple[str, Size]] = {
    **{name: ("x:array", _inputs) for name in _UNARY},
    **{name: ("x1:array x2:array", _broadcast) for name in _BINARY},
    **{name: ("a:array axis=:axis", _inputs) for name in _REDUCTIONS},
    **{name: ("a:array axis=:axis", _inputs) for name in _ONE_AXIS},
    "round": ("a:array decimals=:digits", _inputs),
    "around": ("a:array decimals=:digits", _inputs),
    "clip": ("a:array a_min:array a_max:array", _broadcast),
    "where": ("condition:array x:array y:array", _broadcast),
    "isclose": ("a:array b:array rtol=:number atol=:number", _broadcast),
    "allclose": ("a:array b:array rtol=:number atol=:number", _broadcast),
    "array_equal": ("a1:array a2:array", _inputs),
    "nan_to_num": ("x:array nan=:number", _inputs),
    "interp": ("x:array xp:array fp:array", _inputs),
    "polyval": ("p:array x:array", _product),
    "linspace": ("start:array stop:array num=:integer endpoint=:flag dtype=:dtype", _linspace),
    "zeros": ("shape:integers dtype=:dtype", _shape),
    "ones": ("shape:integers dtype=:dtype", _shape),
    "full": ("shape:integers fill_value:number dtype=:dtype", _shape),
    "zeros_like": ("a:array dtype=:dtype", _inputs),
    "ones_like": ("a:array dtype=:dtype", _inputs),
    "full_like": ("a:array fill_value:number dtype=:dtype", _inputs),
    "array": ("object:array dtype=:dtype", _inputs),
    "asarray": ("a:array dtype=:dtype", _inputs),
    "copy": ("a:array", _inputs),
    "concatenate": ("arrays:arrays axis=:axis", _inputs),
    "stack": ("arrays:arrays axis=:integer", _inputs),
    "vstack": ("tup:arrays", _inputs),
    "hstack": ("tup:arrays", _inputs),
    "column_stack": ("tup:arrays", _inputs),
    "append": ("arr:array values:array axis=:axis", _inputs),
    "reshape": ("a:array shape:integers", _inputs),
    "ravel": ("a:array", _inputs),
    "squeeze": ("a:array axis=:axis", _inputs),
    "expand_dims": ("a:array axis:integer", _inputs),
    "transpose": ("a:array axes=:integers", _inputs),
    "flip": ("m:array axis=:axis", _inputs),
    "flipud": ("m:array", _inputs),
    "roll": ("a:array shift:integer axis=:axis", _inputs),
    "repeat": ("a:array repeats:integer axis=:axis", _repeat),
    "tile": ("A:array reps:integers", _tile),
    "diff": ("a:array axis=:integer", _inputs),
    "unique": ("ar:array", _inputs),
    "dot": ("a:array b:array", _dot),
    "cross": ("a:array b:array", _inputs),
    "outer": ("a:array b:array", _product),
    "atleast_1d": ("x:array", _inputs),
    "atleast_2d": ("x:array", _inputs),
}
_LINALG: Mapping[str, tuple[str, Size]] = {"norm": ("x:array ord=:number axis=:axis", _inputs)}

# Methods of arrays that are functions of the same name, with the array as the first argument.
_METHODS = _words("""
    sum mean std var prod min max any all argmin argmax cumsum cumprod argsort round copy ravel squeeze transpose repeat dot
""")
# Methods that are no function of numpy's of the same meaning.
_OWN: Mapping[str, Callable[..., Any]] = {"flatten": np.ndarray.flatten, "item": np.ndarray.item}


def numpy_module(machine: Machine) -> Module:
    """`numpy`, as far as it is offered."""
    meter = machine.meter

    def arange(*bounds: Value, step: Value = None, dtype: Value = None) -> Value:
        limits = [_number(meter, bound) for bound in bounds] + ([] if step is None else [_number(meter, step)])
        start, stop, pace = (0, limits[0], 1) if len(limits) == 1 else (*limits, 1)[:3]
        if pace == 0 or not all(math.isfinite(limit) for limit in limits):
            raise ValueError("numpy.arange() needs finite bounds and a step other than 0")
        meter.allot(max(0, math.ceil(min((stop - start) / pace, 1e9))))
        return op.from_numpy(meter, np.arange(start, stop, pace, dtype=_dtype(meter, dtype)))

    members: dict[str, Value] = {name: getattr(np, name) for name in ("pi", "e", "inf", "nan")}
    members["newaxis"] = None
    for name, (signature, size) in _TABLE.items():
        members[name] = function(machine, f"numpy.{name}", getattr(np, name), signature, size)
    # Memory without defined contents would differ from run to run.
    members["empty"], members["empty_like"] = members["zeros"], members["zeros_like"]
    members["arange"] = taking("numpy.arange", 1, 3, arange, ("step", "dtype"))
    linalg = {name: function(machine, f"numpy.linalg.{name}", getattr(np.linalg, name), *row) for name, row in _LINALG.items()}
    members["linalg"] = Module("numpy.linalg", linalg)
    for name, dtype in _DTYPES.items():
        if name not in ("float", "int", "bool"):
            members[name] = _converter(meter, name, dtype)
    return Module("numpy", members)


def _converter(meter: Meter, name: str, dtype: Any) -> Builtin:
    """A type of numpy, as an argument ``dtype`` and as a function that converts."""
    return taking(f"numpy.{name}", 1, 1, lambda value: op.from_numpy(meter, op.to_array(meter, value).astype(dtype)))


def attribute(machine: Machine, array: Any, name: str) -> Value:
    """An attribute or method of an array.

    Raises:
        Stopped: programs are offered none of this name.
    """
    meter = machine.meter
    if name in ("shape", "size", "ndim"):
        return getattr(array, name)
    if name == "T":
        return op.from_numpy(meter, array.T)
    if name == "tolist":
        return taking(name, 0, 0, lambda: _as_list(meter, array))
    if name == "astype":
        return taking(name, 1, 1, lambda dtype: _owned(meter, array.astype(_dtype(meter, dtype))), ("copy",))
    if name in _OWN:
        return _with_first(function(machine, name, _OWN[name], "a:array"), array)
    if name == "reshape":
        reshape = function(machine, name, np.reshape, "a:array shape:integers")
        return Builtin(name, lambda given, named: reshape.call([array, given[0] if len(given) == 1 else tuple(given)], named))
    if name == "clip":
        clip = function(machine, name, np.clip, "a:array min:array max:array", _broadcast)
        return _with_first(clip, array)
    if name in _METHODS:
        signature, size = _TABLE[name]
        return _with_first(function(machine, name, getattr(np, name), signature, size), array)
    raise Stopped(Reason.FORBIDDEN, f"an array's {name!r} is not offered")


def _with_first(call: Builtin, array: Any) -> Builtin:
    return Builtin(call.name, lambda given, named: call.call([array, *given], named))


def _owned(meter: Meter, array: Any) -> Value:
    meter.charge(array.size)
    return op.from_numpy(meter, array)


def _as_list(meter: Meter, array: Any) -> Value:
    meter.allot(array.size)
    return array.tolist()
