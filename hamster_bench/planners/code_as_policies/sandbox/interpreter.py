"""Walks a checked syntax tree and does what it says, on values of the closed set of `values`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from hamster_bench.planners.code_as_policies.sandbox import operations as op
from hamster_bench.planners.code_as_policies.sandbox.arrays import attribute as array_attribute
from hamster_bench.planners.code_as_policies.sandbox.arrays import numpy_module
from hamster_bench.planners.code_as_policies.sandbox.library import builtins, math_module, methods
from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Meter, Reason, Stopped
from hamster_bench.planners.code_as_policies.sandbox.values import (
    Arguments,
    Builtin,
    Frame,
    Function,
    Keywords,
    Module,
    Scope,
    TypeName,
    Value,
    is_number,
    type_name,
)

# Width and precision are bounded: both are lengths of the text that comes out.
_FORMAT = re.compile(r"[<>^]?[+\- ]?0?[0-9]{0,2}(\.[0-9]{1,2})?[defgs%]?")


@dataclass(frozen=True)
class _Return:
    value: Value


class _Loop:
    """Marks the end of one turn or of all turns of a loop."""


_BREAK, _CONTINUE = _Loop(), _Loop()
# How a block ended: at its last statement (None), or early.
_End = _Return | _Loop | None


class Interpreter:
    """Runs one program.

    Args:
        limits: what it may use.
    """

    def __init__(self, limits: Limits) -> None:
        self.meter = Meter(limits)
        self.line: int | None = None
        self._depth = 0
        # Names are looked for once in every part of a program, not at every turn.
        self._scopes: dict[ast.AST, Scope] = {}
        self._builtins = builtins(self)
        self._modules = {"math": math_module(self), "numpy": numpy_module(self)}
        self._top = Frame({"__name__": "__main__"}, frozenset(), None)
        self._expressions: dict[type[ast.expr], Callable[[Any, Frame], Value]] = {
            ast.Constant: lambda node, frame: node.value,
            ast.Name: lambda node, frame: self._look_up(node.id, frame),
            ast.Attribute: lambda node, frame: self._attribute(self._value(node.value, frame), node.attr),
            ast.Subscript: self._subscript,
            ast.Slice: self._slice,
            ast.Call: self._call_node,
            ast.List: lambda node, frame: self._elements(node.elts, frame),
            ast.Tuple: lambda node, frame: tuple(self._elements(node.elts, frame)),
            ast.Dict: self._dict,
            ast.ListComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._dict_comprehension,
            ast.BinOp: self._binary,
            ast.UnaryOp: lambda node, frame: op.unary(self.meter, type(node.op), self._value(node.operand, frame)),
            ast.BoolOp: self._boolean,
            ast.Compare: self._compare,
            ast.IfExp: lambda node, frame: self._value(node.body if self._test(node.test, frame) else node.orelse, frame),
            ast.Lambda: lambda node, frame: self._define("<lambda>", node, frame),
            ast.JoinedStr: self._joined,
            ast.FormattedValue: self._formatted,
        }
        self._statements: dict[type[ast.stmt], Callable[[Any, Frame], _End]] = {
            ast.Assign: self._assign_node,
            ast.AugAssign: self._augment,
            ast.AnnAssign: self._annotated,
            ast.Expr: lambda node, frame: self._ignore(self._value(node.value, frame)),
            ast.Pass: lambda node, frame: None,
            ast.Delete: self._delete,
            ast.Assert: self._assert,
            ast.Raise: self._raise,
            ast.If: lambda node, frame: self._block(node.body if self._test(node.test, frame) else node.orelse, frame),
            ast.For: self._for,
            ast.While: self._while,
            ast.Break: lambda node, frame: _BREAK,
            ast.Continue: lambda node, frame: _CONTINUE,
            ast.FunctionDef: lambda node, frame: self._store(node.name, self._define(node.name, node, frame), frame),
            ast.Return: lambda node, frame: _Return(None if node.value is None else self._value(node.value, frame)),
            ast.Global: lambda node, frame: None,
            ast.Nonlocal: lambda node, frame: None,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
        }

    def run(self, tree: ast.Module) -> dict[str, Value]:
        """Runs a program checked by `syntax.parse` and gives its variables.

        Raises:
            Stopped: a limit was reached, something is not offered, or the program itself failed.
        """
        try:
            end = self._block(tree.body, self._top)
        except Stopped as stop:
            raise Stopped(stop.reason, stop.message, stop.line or self.line) from None
        except RecursionError:
            raise Stopped(Reason.RECURSION, "nested too deeply", self.line) from None
        except MemoryError:
            raise Stopped(Reason.MEMORY, "out of memory", self.line) from None
        except Exception as error:
            raise Stopped(Reason.PROGRAM_ERROR, f"{type(error).__name__}: {error}", self.line) from None
        if end is not None:
            raise Stopped(Reason.SYNTAX, "return, break or continue outside of a function or loop", self.line)
        return self._top.variables

    # Statements

    def _block(self, statements: Sequence[ast.stmt], frame: Frame) -> _End:
        for statement in statements:
            self.meter.charge()
            self.line = statement.lineno
            end = self._statements[type(statement)](statement, frame)
            if end is not None:
                return end
        return None

    def _ignore(self, value: Value) -> None:
        """For an expression that stands as a statement."""

    def _assign_node(self, node: ast.Assign, frame: Frame) -> None:
        value = self._value(node.value, frame)
        for target in node.targets:
            self._assign(target, value, frame)

    def _annotated(self, node: ast.AnnAssign, frame: Frame) -> None:
        if node.value is not None:
            self._assign(node.target, self._value(node.value, frame), frame)

    def _assign(self, target: ast.expr, value: Value, frame: Frame) -> None:
        if isinstance(target, ast.Name):
            self._store(target.id, value, frame)
        elif isinstance(target, ast.Subscript):
            container = self._value(target.value, frame)
            op.set_item(self.meter, container, self._value(target.slice, frame), value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, op.listed(self.meter, value), frame)
        else:
            raise Stopped(Reason.FORBIDDEN, f"assignment to {type(target).__name__.lower()} is not offered")

    def _unpack(self, targets: Sequence[ast.expr], values: list[Value], frame: Frame) -> None:
        starred = [i for i, target in enumerate(targets) if isinstance(target, ast.Starred)]
        if len(starred) > 1:
            raise Stopped(Reason.SYNTAX, "two starred targets in one assignment")
        if starred and len(values) >= len(targets) - 1:
            i, surplus = starred[0], len(values) - len(targets) + 1
            values = [*values[:i], values[i : i + surplus], *values[i + surplus :]]
        if len(values) != len(targets):
            raise ValueError(f"{len(values)} values for {len(targets)} targets")
        for target, value in zip(targets, values, strict=True):
            self._assign(target.value if isinstance(target, ast.Starred) else target, value, frame)

    def _augment(self, node: ast.AugAssign, frame: Frame) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            current = self._look_up(target.id, frame)
            self._store(target.id, self._augmented(node, current, frame), frame)
        elif isinstance(target, ast.Subscript):
            container, index = self._value(target.value, frame), self._value(target.slice, frame)
            current = op.get_item(self.meter, container, index)
            op.set_item(self.meter, container, index, self._augmented(node, current, frame))
        else:
            raise Stopped(Reason.FORBIDDEN, "assignment to attribute is not offered")

    def _augmented(self, node: ast.AugAssign, current: Value, frame: Frame) -> Value:
        """The new value; lists and arrays are changed in place, as in Python."""
        value = self._value(node.value, frame)
        if isinstance(current, list) and isinstance(node.op, ast.Add):
            elements = op.listed(self.meter, value)
            self.meter.fit(len(current) + len(elements))
            current += elements
            return current
        result = op.binary(self.meter, type(node.op), current, value)
        if isinstance(current, np.ndarray) and isinstance(result, np.ndarray):
            if result.shape != current.shape or not np.can_cast(result.dtype, current.dtype, "same_kind"):
                raise TypeError(f"an array of {current.dtype} {current.shape} cannot hold {result.dtype} {result.shape}")
            current[...] = result
            return current
        return result

    def _delete(self, node: ast.Delete, frame: Frame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._look_up(target.id, frame)
                self._owner(target.id, frame).variables.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                op.delete_item(self.meter, self._value(target.value, frame), self._value(target.slice, frame))
            else:
                raise Stopped(Reason.FORBIDDEN, "del of this is not offered")

    def _assert(self, node: ast.Assert, frame: Frame) -> None:
        if not self._test(node.test, frame):
            said = "" if node.msg is None else op.text(self.meter, self._value(node.msg, frame))
            raise Stopped(Reason.PROGRAM_ERROR, f"AssertionError: {said}")

    def _raise(self, node: ast.Raise, frame: Frame) -> NoReturn:
        # There are no exception objects: what would be raised ends the program, and its text is the message.
        said = ast.unparse(node)
        raise Stopped(Reason.PROGRAM_ERROR, f"the program says: {said}")

    def _for(self, node: ast.For, frame: Frame) -> _End:
        for element in op.iterate(self.meter, self._value(node.iter, frame)):
            self._assign(node.target, element, frame)
            end = self._block(node.body, frame)
            if end is _BREAK:
                return None
            if isinstance(end, _Return):
                return end
        return self._block(node.orelse, frame)

    def _while(self, node: ast.While, frame: Frame) -> _End:
        while self._test(node.test, frame):
            self.meter.charge()
            end = self._block(node.body, frame)
            if end is _BREAK:
                return None
            if isinstance(end, _Return):
                return end
        return self._block(node.orelse, frame)

    def _import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            self._store(alias.asname or alias.name, self._modules.get(alias.name, TypeName(alias.name)), frame)

    def _import_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        module = self._modules.get(node.module or "")
        for alias in node.names:
            value = TypeName(alias.name) if module is None else self._attribute(module, alias.name)
            self._store(alias.asname or alias.name, value, frame)

    # Variables

    def _owner(self, name: str, frame: Frame) -> Frame:
        """The frame that a name belongs to, seen from ``frame``."""
        here: Frame | None = frame
        while here is not None:
            if name in here.outer:
                return here.outer[name]
            if name in here.own or here.parent is None:
                return here
            here = here.parent
        return self._top

    def _store(self, name: str, value: Value, frame: Frame) -> None:
        self._owner(name, frame).variables[name] = value

    def _look_up(self, name: str, frame: Frame) -> Value:
        owner = self._owner(name, frame)
        if name in owner.variables:
            return owner.variables[name]
        if owner is self._top and name in self._builtins:
            return self._builtins[name]
        if owner is not self._top:
            raise NameError(f"{name!r} has no value yet")
        if name in _PYTHON_NAMES:
            raise Stopped(Reason.FORBIDDEN, f"{name!r} is not offered")
        raise NameError(f"{name!r} is not defined")

    # Functions

    def _define(self, name: str, node: ast.FunctionDef | ast.Lambda, frame: Frame) -> Function:
        arguments = node.args
        given = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        return Function(
            name=name,
            node=node,
            defaults=[self._value(default, frame) for default in arguments.defaults],
            keyword_defaults={arg.arg: self._value(default, frame) for arg, default in given if default is not None},
            frame=frame,
            scope=self._scope(node),
        )

    def call(self, function: Value, arguments: Arguments, keywords: Keywords) -> Value:
        """Calls a function of the program or of the library."""
        self.meter.charge(1 + len(arguments))
        if isinstance(function, Builtin):
            return function.call(arguments, keywords)
        if not isinstance(function, Function):
            raise TypeError(f"{type_name(function)} cannot be called")
        if self._depth >= self.meter.limits.call_depth:
            raise Stopped(Reason.RECURSION, f"more than {self.meter.limits.call_depth} functions inside one another")
        node, scope = function.node, function.scope
        self.meter.charge(len(scope.own))
        frame = Frame(_bound(function, arguments, keywords), scope.own, function.frame)
        frame.outer.update((name, self._top) for name in scope.global_names)
        frame.outer.update((name, self._owner(name, function.frame)) for name in scope.nonlocal_names)
        line = self.line
        self._depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self._value(node.body, frame)
            end = self._block(node.body, frame)
        finally:
            self._depth -= 1
        self.line = line
        return end.value if isinstance(end, _Return) else None

    def _scope(self, node: ast.AST) -> Scope:
        if node not in self._scopes:
            self._scopes[node] = _scope_of(node)
        return self._scopes[node]

    def _call_node(self, node: ast.Call, frame: Frame) -> Value:
        function = self._value(node.func, frame)
        arguments = self._elements(node.args, frame)
        keywords = {keyword.arg: self._value(keyword.value, frame) for keyword in node.keywords if keyword.arg is not None}
        if len(keywords) != len(node.keywords):
            raise Stopped(Reason.SYNTAX, "an argument is given twice")
        return self.call(function, arguments, keywords)

    # Expressions

    def _value(self, node: ast.expr, frame: Frame) -> Value:
        self.meter.charge()
        evaluate = self._expressions.get(type(node))
        if evaluate is None:
            raise Stopped(Reason.SYNTAX, f"{type(node).__name__} has no place here")
        return evaluate(node, frame)

    def _test(self, node: ast.expr, frame: Frame) -> bool:
        return op.truth(self._value(node, frame))

    def _elements(self, nodes: Sequence[ast.expr], frame: Frame) -> list[Value]:
        elements: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                elements += op.listed(self.meter, self._value(node.value, frame))
            else:
                elements.append(self._value(node, frame))
            self.meter.fit(len(elements))
        return elements

    def _dict(self, node: ast.Dict, frame: Frame) -> Value:
        made: dict[Value, Value] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            assert key is not None  # `syntax` refuses ** in a dict
            made[op.checked_key(self._value(key, frame))] = self._value(value, frame)
        return made

    def _attribute(self, value: Value, name: str) -> Value:
        if isinstance(value, Module):
            if name in value.members:
                return value.members[name]
            raise Stopped(Reason.FORBIDDEN, f"{value.name}.{name} is not offered")
        if isinstance(value, np.ndarray):
            return array_attribute(self, value, name)
        method = methods(self, value, name)
        if method is None:
            raise Stopped(Reason.FORBIDDEN, f"the attribute {name!r} of {type_name(value)} is not offered")
        return method

    def _subscript(self, node: ast.Subscript, frame: Frame) -> Value:
        value = self._value(node.value, frame)
        index = self._value(node.slice, frame)
        return value if isinstance(value, TypeName) else op.get_item(self.meter, value, index)

    def _slice(self, node: ast.Slice, frame: Frame) -> slice:
        bounds = [None if part is None else self._value(part, frame) for part in (node.lower, node.upper, node.step)]
        if not all(bound is None or isinstance(bound, int) for bound in bounds):
            raise TypeError("the bounds of a slice are integers")
        return slice(*bounds)

    def _binary(self, node: ast.BinOp, frame: Frame) -> Value:
        return op.binary(self.meter, type(node.op), self._value(node.left, frame), self._value(node.right, frame))

    def _boolean(self, node: ast.BoolOp, frame: Frame) -> Value:
        value: Value = None
        for part in node.values:
            value = self._value(part, frame)
            if op.truth(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _compare(self, node: ast.Compare, frame: Frame) -> Value:
        left, result = self._value(node.left, frame), True
        for kind, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator, frame)
            result = op.compare(self.meter, type(kind), left, right)
            if len(node.ops) > 1 and not op.truth(result):
                break
            left = right
        return result

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> list[Value]:
        elements: list[Value] = []
        for inner in self._turns(node.generators, frame):
            elements.append(self._value(node.elt, inner))
            self.meter.fit(len(elements))
        return elements

    def _dict_comprehension(self, node: ast.DictComp, frame: Frame) -> dict[Value, Value]:
        made: dict[Value, Value] = {}
        for inner in self._turns(node.generators, frame):
            op.set_item(self.meter, made, self._value(node.key, inner), self._value(node.value, inner))
        return made

    def _turns(self, generators: Sequence[ast.comprehension], frame: Frame) -> Iterator[Frame]:
        """The frame of a comprehension, once for every turn of its loops."""
        inner = Frame({}, frozenset().union(*(self._scope(each).own for each in generators)), frame)

        def turns(depth: int) -> Iterator[Frame]:
            if depth == len(generators):
                yield inner
                return
            each = generators[depth]
            # The first of them is evaluated outside, as in Python.
            for element in op.iterate(self.meter, self._value(each.iter, inner if depth else frame)):
                self._assign(each.target, element, inner)
                if all(self._test(condition, inner) for condition in each.ifs):
                    yield from turns(depth + 1)

        return turns(0)

    def _joined(self, node: ast.JoinedStr, frame: Frame) -> str:
        parts = [self._value(part, frame) for part in node.values]
        self.meter.allot(sum(map(len, parts)))
        return "".join(parts)

    def _formatted(self, node: ast.FormattedValue, frame: Frame) -> str:
        """A value in an f-string. Only numbers and strings are formatted, so no object's own method is ever called."""
        value = self._value(node.value, frame)
        layout = "" if node.format_spec is None else self._joined(node.format_spec, frame)  # type: ignore[arg-type]
        if not _FORMAT.fullmatch(layout):
            raise Stopped(Reason.FORBIDDEN, f"the format {layout[:40]!r} is not offered")
        if not is_number(value) or node.conversion != -1:
            value = op.text(self.meter, value)
        return format(value, layout)


def _bound(function: Function, arguments: Arguments, keywords: Keywords) -> dict[str, Value]:
    """The parameters of a function and what they hold in this call.

    Raises:
        TypeError: too many, too few or unknown arguments.
    """
    spec = function.node.args
    positional = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    only_named = [arg.arg for arg in spec.kwonlyargs]
    bound = dict(zip(positional[len(positional) - len(function.defaults) :], function.defaults, strict=True))
    bound.update(function.keyword_defaults)
    if spec.vararg is not None:
        bound[spec.vararg.arg] = tuple(arguments[len(positional) :])
    elif len(arguments) > len(positional):
        raise TypeError(f"{function.name}() takes {len(positional)} positional arguments, got {len(arguments)}")
    taken = positional[: len(arguments)]
    bound.update(zip(taken, arguments, strict=False))
    for name, value in keywords.items():
        if name in taken or name in [arg.arg for arg in spec.posonlyargs] or name not in (*positional, *only_named):
            raise TypeError(f"{function.name}() got an unexpected argument {name!r}")
        bound[name] = value
    missing = [name for name in (*positional, *only_named) if name not in bound]
    if missing:
        raise TypeError(f"{function.name}() needs the argument {missing[0]!r}")
    return bound


def _own_nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of a function's body that belong to its own scope."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp):
            waiting += ast.iter_child_nodes(node)


def _scope_of(node: ast.AST) -> Scope:
    """The names that belong to a function, a lambda or one loop of a comprehension, and those it declares otherwise."""
    if isinstance(node, ast.comprehension):
        return Scope(own=frozenset(part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)))
    assert isinstance(node, ast.FunctionDef | ast.Lambda)
    spec = node.args
    names = {arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *([spec.vararg] if spec.vararg else []))}
    global_names: set[str] = set()
    nonlocal_names: set[str] = set()
    for part in _own_nodes(node.body) if isinstance(node, ast.FunctionDef) else ():
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            names.add(part.id)
        elif isinstance(part, ast.FunctionDef):
            names.add(part.name)
        elif isinstance(part, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in part.names)
        elif isinstance(part, ast.Global):
            global_names.update(part.names)
        elif isinstance(part, ast.Nonlocal):
            nonlocal_names.update(part.names)
    return Scope(
        own=frozenset(names - global_names - nonlocal_names),
        global_names=frozenset(global_names),
        nonlocal_names=frozenset(nonlocal_names),
    )


# Names that Python has and programs are not offered: refused by that reason instead of as a slip of the pen.
_PYTHON_NAMES = frozenset(
    """
    breakpoint bytearray bytes callable chr classmethod compile complex delattr dir eval exec exit format frozenset getattr globals
    hasattr hash hex id input isinstance issubclass iter locals memoryview next object oct open ord property quit repr set setattr
    slice staticmethod super type vars
    """.split()  # noqa: SIM905
)
