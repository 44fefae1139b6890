"""The values a program can hold.

Besides the opaque ones below: None, bool, int, float, str, list, tuple, dict, range, slice (only inside a subscript) and numpy arrays
of bool, int64 or float64. Nothing else ever reaches a variable; `operations.from_numpy` turns whatever numpy gives into one of these.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# One of the closed set above. Which one is decided by tests of the type everywhere, so a static type would promise nothing.
Value: TypeAlias = Any

Arguments = list[Value]
Keywords = dict[str, Value]


@dataclass(eq=False, repr=False)
class Builtin:
    """A function of ours that programs may call."""

    name: str
    call: Callable[[Arguments, Keywords], Value]


@dataclass(eq=False, repr=False)
class Module:
    """What a program sees of a module: a table of names."""

    name: str
    members: Mapping[str, Value]


@dataclass(eq=False, repr=False)
class TypeName:
    """A name of ``typing``: can be imported and written in annotations, which are never evaluated."""

    name: str


@dataclass(frozen=True)
class Scope:
    """What is known of a function's names before it runs.

    Attributes:
        own: parameters and everything assigned.
        global_names: those declared ``global``.
        nonlocal_names: those declared ``nonlocal``.
    """

    own: frozenset[str]
    global_names: frozenset[str] = frozenset()
    nonlocal_names: frozenset[str] = frozenset()


@dataclass(eq=False, repr=False)
class Frame:
    """The variables of a running function, of a comprehension, or of the program.

    Attributes:
        variables: those that hold a value.
        own: names that belong here, whether they hold a value yet or not.
        parent: the frame around the definition; None for that of the program.
        outer: names declared ``global`` or ``nonlocal``, and the frame that each belongs to.
    """

    variables: dict[str, Value]
    own: frozenset[str]
    parent: Frame | None
    outer: dict[str, Frame] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Function:
    """A function or lambda of the program."""

    name: str
    node: ast.FunctionDef | ast.Lambda
    defaults: Arguments
    keyword_defaults: Keywords
    frame: Frame
    scope: Scope


OPAQUE = (Builtin, Module, TypeName, Function)


def type_name(value: Value) -> str:
    """How a message calls the type of a value."""
    if isinstance(value, Builtin | Function):
        return "function"
    if isinstance(value, Module):
        return "module"
    return "None" if value is None else type(value).__name__


def is_number(value: Value) -> bool:
    """Whether it is a bool, int or float."""
    return isinstance(value, int | float)
