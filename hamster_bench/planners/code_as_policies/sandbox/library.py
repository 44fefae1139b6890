"""What programs may call: built-in functions, methods of lists, dicts and strings, and `math`."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from hamster_bench.planners.code_as_policies.sandbox import operations as op
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

# Rounding an integer to -10**9 digits makes Python compute 10**(10**9).
_MOST_DIGITS = 20
# Longest text that is read as a number.
_NUMBER_TEXT = 100


class Machine(Protocol):
    """What functions of the library need of the interpreter."""

    @property
    def meter(self) -> Meter:
        """Counts and limits."""
        ...

    def call(self, function: Value, arguments: Arguments, keywords: Keywords) -> Value:
        """Calls a function of the program or of the library."""
        ...


Call = Callable[..., Value]


def taking(name: str, least: int, most: int | None, call: Call, keywords: tuple[str, ...] = ()) -> Builtin:
    """A function that programs may call with ``least`` to ``most`` positional arguments and the named keywords."""

    def checked(arguments: Arguments, given: Keywords) -> Value:
        unknown = [keyword for keyword in given if keyword not in keywords]
        if unknown:
            raise Stopped(Reason.FORBIDDEN, f"{name}() with the argument {unknown[0]!r} is not offered")
        if len(arguments) < least or (most is not None and len(arguments) > most):
            wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            raise TypeError(f"{name}() takes {wanted} positional arguments, got {len(arguments)}")
        return call(*arguments, **given)

    return Builtin(name, checked)


def builtins(machine: Machine) -> dict[str, Value]:
    """The functions that need no import."""
    meter = machine.meter

    def collected(kind: Callable[[list[Value]], Value]) -> Call:
        return lambda *given: kind(op.listed(meter, given[0]) if given else [])

    def extreme(kind: type[ast.cmpop]) -> Call:
        def call(*given: Value, key: Value = None, **default: Value) -> Value:
            elements = op.listed(meter, given[0]) if len(given) == 1 else list(given)
            if not elements and "default" in default:
                return default["default"]
            if not elements:
                raise ValueError("min() and max() of nothing")
            best, rank = elements[0], _rank(machine, key, elements[0])
            for element in elements[1:]:
                other = _rank(machine, key, element)
                if op.truth(op.compare(meter, kind, other, rank)):
                    best, rank = element, other
            return best

        return call

    def total(values: Value, start: Value = 0) -> Value:
        for element in op.iterate(meter, values):
            start = op.binary(meter, ast.Add, start, element)
        return start

    def pairs(values: Value, start: int = 0) -> list[Value]:
        return [(start + i, element) for i, element in enumerate(op.listed(meter, values))]

    def zipped(*columns: Value, strict: bool = False) -> list[Value]:
        if strict and len({op.length_of(column) for column in columns}) > 1:
            raise ValueError("zip() of different lengths")
        rows = []
        for row in zip(*(op.iterate(meter, column) for column in columns), strict=False):
            rows.append(row)
            meter.fit(len(rows))
        return rows

    def mapped(function: Value, *columns: Value) -> list[Value]:
        return [machine.call(function, list(row), {}) for row in zipped(*columns)]

    def filtered(function: Value, values: Value) -> list[Value]:
        kept = op.listed(meter, values)
        return [v for v in kept if op.truth(v if function is None else machine.call(function, [v], {}))]

    def in_order(values: Value, key: Value = None, reverse: Value = False) -> list[Value]:
        elements = op.listed(meter, values)
        sort(machine, elements, key=key, reverse=reverse)
        return elements

    def as_dict(*given: Value, **named: Value) -> dict[Value, Value]:
        made: dict[Value, Value] = {}
        if given:
            _update(machine, made, given[0])
        return {**made, **named}

    return {
        "abs": taking("abs", 1, 1, lambda value: _absolute(meter, value)),
        "all": taking("all", 1, 1, lambda values: all(op.truth(v) for v in op.iterate(meter, values))),
        "any": taking("any", 1, 1, lambda values: any(op.truth(v) for v in op.iterate(meter, values))),
        "bool": taking("bool", 0, 1, lambda *given: op.truth(given[0]) if given else False),
        "dict": Builtin("dict", lambda arguments, named: as_dict(*arguments, **named)),
        "divmod": taking("divmod", 2, 2, lambda a, b: (op.binary(meter, ast.FloorDiv, a, b), op.binary(meter, ast.Mod, a, b))),
        "enumerate": taking("enumerate", 1, 2, pairs, ("start",)),
        "filter": taking("filter", 2, 2, filtered),
        "float": taking("float", 0, 1, lambda *given: to_number(float, given[0]) if given else 0.0),
        "int": taking("int", 0, 1, lambda *given: to_number(int, given[0]) if given else 0),
        "len": taking("len", 1, 1, op.length_of),
        "list": taking("list", 0, 1, collected(list)),
        "map": taking("map", 2, None, mapped),
        "max": taking("max", 1, None, extreme(ast.Gt), ("key", "default")),
        "min": taking("min", 1, None, extreme(ast.Lt), ("key", "default")),
        "pow": taking("pow", 2, 2, lambda a, b: op.binary(meter, ast.Pow, a, b)),
        # Arguments were evaluated, and there is nobody to read them.
        "print": taking("print", 0, None, lambda *values, **named: None, ("sep", "end", "flush")),
        "range": taking("range", 1, 3, _range),
        "reversed": taking("reversed", 1, 1, lambda values: op.listed(meter, values)[::-1]),
        "round": taking("round", 1, 2, lambda *given, **named: _round(meter, *given, **named), ("ndigits",)),
        "sorted": taking("sorted", 1, 1, in_order, ("key", "reverse")),
        "str": taking("str", 0, 1, lambda *given: op.text(meter, given[0]) if given else ""),
        "sum": taking("sum", 1, 2, total, ("start",)),
        "tuple": taking("tuple", 0, 1, collected(tuple)),
        "zip": taking("zip", 0, None, zipped, ("strict",)),
    }


def sort(machine: Machine, elements: list[Value], *, key: Value = None, reverse: Value = False) -> None:
    """Sorts a list in place, by a function of the program if there is one."""
    meter = machine.meter
    ranked = [(op.Ordered(meter, _rank(machine, key, element)), element) for element in elements]
    ranked.sort(key=lambda pair: pair[0], reverse=op.truth(reverse))
    elements[:] = [element for _, element in ranked]


def _rank(machine: Machine, key: Value, element: Value) -> Value:
    return element if key is None else machine.call(key, [element], {})


def to_number(kind: type[int] | type[float], value: Value) -> Value:
    """``int(value)`` or ``float(value)``."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, str) and len(value) > _NUMBER_TEXT:
        raise ValueError(f"a number written in more than {_NUMBER_TEXT} characters")
    if not (is_number(value) or isinstance(value, str)):
        raise TypeError(f"{kind.__name__}() takes a number or a string, got {type_name(value)}")
    return op.checked_number(kind(value))


def digits(value: Value) -> int | None:
    """A number of decimals, bounded."""
    if value is None:
        return None
    if not isinstance(value, int) or abs(value) > _MOST_DIGITS:
        raise ValueError(f"a number of digits is an integer from -{_MOST_DIGITS} to {_MOST_DIGITS}")
    return value


def _round(meter: Meter, value: Value, ndigits: Value = None) -> Value:
    if isinstance(value, np.ndarray):
        meter.allot(value.size)
        return op.from_numpy(meter, np.round(value, digits(ndigits) or 0))
    if not is_number(value):
        raise TypeError(f"round() takes a number, got {type_name(value)}")
    return op.checked_number(round(value, digits(ndigits)))


def _absolute(meter: Meter, value: Value) -> Value:
    if isinstance(value, np.ndarray):
        meter.allot(value.size)
        return op.from_numpy(meter, np.abs(value))
    if not is_number(value):
        raise TypeError(f"abs() takes a number, got {type_name(value)}")
    return op.checked_number(abs(value))


def _range(*bounds: Value) -> range:
    if not all(isinstance(bound, int) for bound in bounds):
        raise TypeError("range() takes integers")
    return range(*bounds)


def methods(machine: Machine, value: Value, name: str) -> Builtin | None:
    """The method of a list, tuple, dict or string under this name, None when programs are offered none."""
    for kind, table in ((list, _LIST), (tuple, _TUPLE), (dict, _DICT), (str, _TEXT)):
        if isinstance(value, kind) and name in table:
            least, most, call, keywords = table[name]
            return taking(name, least, most, functools.partial(call, machine, value), keywords)
    return None


def _append(machine: Machine, target: list[Value], value: Value) -> None:
    target.append(value)
    machine.meter.fit(len(target))


def _extend(machine: Machine, target: list[Value], values: Value) -> None:
    elements = op.listed(machine.meter, values)
    machine.meter.fit(len(target) + len(elements))
    target += elements


def _insert(machine: Machine, target: list[Value], index: Value, value: Value) -> None:
    machine.meter.allot(len(target) + 1)
    target.insert(_integer(index), value)


def _pop(machine: Machine, target: list[Value], index: Value = -1) -> Value:
    machine.meter.charge(len(target))
    return target.pop(_integer(index))


def _integer(value: Value) -> int:
    if not isinstance(value, int):
        raise TypeError(f"an index is an integer, got {type_name(value)}")
    return value


def _index(machine: Machine, target: Value, value: Value) -> int:
    for i, element in enumerate(target):
        if op.equal(machine.meter, element, value):
            return i
    raise ValueError("the value is not there")


def _count(machine: Machine, target: Value, value: Value) -> int:
    return sum(op.equal(machine.meter, element, value) for element in target)


def _remove(machine: Machine, target: list[Value], value: Value) -> None:
    del target[_index(machine, target, value)]


def _copy(machine: Machine, target: Value) -> Value:
    machine.meter.allot(len(target))
    return target.copy()


def _reverse(machine: Machine, target: list[Value]) -> None:
    machine.meter.charge(len(target))
    target.reverse()


def _update(machine: Machine, target: dict[Value, Value], other: Value) -> None:
    items = other.items() if isinstance(other, dict) else _items(machine.meter, other)
    for key, value in list(items):
        op.set_item(machine.meter, target, key, value)
        machine.meter.charge()


def _items(meter: Meter, rows: Value) -> Iterator[tuple[Value, Value]]:
    for row in op.iterate(meter, rows):
        key, value = op.listed(meter, row)
        yield key, value


def _view(machine: Machine, target: dict[Value, Value], part: Callable[[dict[Value, Value]], Any]) -> list[Value]:
    machine.meter.allot(len(target))
    return list(part(target))


def _take(machine: Machine, target: dict[Value, Value], key: Value, *default: Value) -> Value:
    return target.pop(op.checked_key(key), *default)


def _default(machine: Machine, target: dict[Value, Value], key: Value, value: Value = None) -> Value:
    if op.checked_key(key) not in target:
        op.set_item(machine.meter, target, key, value)
    return target[key]


def _join(machine: Machine, separator: str, parts: Value) -> str:
    pieces = op.listed(machine.meter, parts)
    if not all(isinstance(piece, str) for piece in pieces):
        raise TypeError("join() takes strings")
    machine.meter.allot(sum(map(len, pieces)) + len(separator) * max(0, len(pieces) - 1))
    return separator.join(pieces)


def _plain_text(function: Callable[..., Any]) -> Call:
    def call(machine: Machine, target: str, *given: Value) -> Value:
        if not all(isinstance(argument, str) for argument in given):
            raise TypeError("a method of a string takes strings")
        machine.meter.allot(len(target))
        return function(target, *given)

    return call


_Method = tuple[int, int | None, Call, tuple[str, ...]]
_TUPLE: dict[str, _Method] = {"index": (1, 1, _index, ()), "count": (1, 1, _count, ())}
_LIST: dict[str, _Method] = {
    **_TUPLE,
    "append": (1, 1, _append, ()),
    "clear": (0, 0, lambda machine, target: target.clear(), ()),
    "copy": (0, 0, _copy, ()),
    "extend": (1, 1, _extend, ()),
    "insert": (2, 2, _insert, ()),
    "pop": (0, 1, _pop, ()),
    "remove": (1, 1, _remove, ()),
    "reverse": (0, 0, _reverse, ()),
    "sort": (0, 0, sort, ("key", "reverse")),
}
_DICT: dict[str, _Method] = {
    "clear": (0, 0, lambda machine, target: target.clear(), ()),
    "copy": (0, 0, _copy, ()),
    "get": (1, 2, lambda machine, target, key, default=None: target.get(op.checked_key(key), default), ()),
    "items": (0, 0, lambda machine, target: _view(machine, target, dict.items), ()),
    "keys": (0, 0, lambda machine, target: _view(machine, target, dict.keys), ()),
    "pop": (1, 2, _take, ()),
    "setdefault": (1, 2, _default, ()),
    "update": (1, 1, _update, ()),
    "values": (0, 0, lambda machine, target: _view(machine, target, dict.values), ()),
}
# `format` is left out on purpose: format strings reach into objects.
_TEXT: dict[str, _Method] = {
    "endswith": (1, 1, _plain_text(str.endswith), ()),
    "join": (1, 1, _join, ()),
    "lower": (0, 0, _plain_text(str.lower), ()),
    "split": (0, 1, _plain_text(str.split), ()),
    "startswith": (1, 1, _plain_text(str.startswith), ()),
    "strip": (0, 1, _plain_text(str.strip), ()),
    "upper": (0, 0, _plain_text(str.upper), ()),
}


# Functions of numbers alone, and how many numbers they take.
_MATH_ARITY = {
    (
        1,
        1,
    ): "acos asin atan ceil cos cosh degrees exp expm1 fabs floor isfinite isinf isnan log10 log1p log2 radians sin sinh sqrt "
    "tan tanh trunc",
    (2, 2): "atan2 copysign fmod pow",
    (1, 2): "log",
    (1, 8): "hypot",
}


def math_module(machine: Machine) -> Module:
    """`math`, as far as it is offered."""
    meter = machine.meter

    def numeric(name: str) -> Call:
        function: Callable[..., Any] = getattr(math, name)

        def call(*given: Value) -> Value:
            numbers = [v.item() if isinstance(v, np.ndarray) and v.size == 1 else v for v in given]
            if not all(is_number(number) for number in numbers):
                raise TypeError(f"math.{name}() takes numbers; numpy.{name} takes arrays")
            return op.checked_number(function(*numbers))

        return call

    def distance(p: Value, q: Value) -> float:
        return math.dist([to_number(float, v) for v in op.listed(meter, p)], [to_number(float, v) for v in op.listed(meter, q)])

    def close(a: Value, b: Value, rel_tol: Value = 1e-9, abs_tol: Value = 0.0) -> bool:
        return math.isclose(
            *(to_number(float, v) for v in (a, b)), rel_tol=to_number(float, rel_tol), abs_tol=to_number(float, abs_tol)
        )

    members: dict[str, Value] = {name: getattr(math, name) for name in ("pi", "e", "tau", "inf", "nan")}
    for (least, most), names in _MATH_ARITY.items():
        members.update({name: taking(f"math.{name}", least, most, numeric(name)) for name in names.split()})
    members["dist"] = taking("math.dist", 2, 2, distance)
    members["fsum"] = taking("math.fsum", 1, 1, lambda v: math.fsum(to_number(float, x) for x in op.iterate(meter, v)))
    members["isclose"] = taking("math.isclose", 2, 2, close, ("rel_tol", "abs_tol"))
    return Module("math", members)
