"""From text to a syntax tree that holds nothing but what the interpreter knows."""

from __future__ import annotations

import ast
import warnings

from hamster_bench.planners.code_as_policies.sandbox.limits import INTEGER_BITS, Limits, Reason, Stopped

# Modules a program may import, and whether their members are offered. Annotations are never evaluated, so names of typing and
# __future__ may be imported and stand for nothing.
MODULES = ("math", "numpy", "typing", "__future__")

_STATEMENTS = (
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Pass, ast.Delete, ast.Assert, ast.Raise),
    *(ast.If, ast.For, ast.While, ast.Break, ast.Continue),
    *(ast.FunctionDef, ast.Return, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom),
)
_EXPRESSIONS = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.Call, ast.keyword),
    *(ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.comprehension),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.JoinedStr, ast.FormattedValue),
)
_OTHERS = (
    *(ast.Module, ast.Load, ast.Store, ast.Del, ast.arguments, ast.arg, ast.alias),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_KNOWN = (*_STATEMENTS, *_EXPRESSIONS, *_OTHERS)

# How a refused construct is called in a message.
_SPOKEN = {
    "ClassDef": "a class definition",
    "Try": "try",
    "TryStar": "try",
    "With": "with",
    "Yield": "yield",
    "YieldFrom": "yield",
    "Await": "await",
    "AsyncFunctionDef": "async",
    "NamedExpr": "an assignment inside an expression",
    "Set": "a set",
    "SetComp": "a set",
    "Match": "match",
}


def parse(code: str, limits: Limits) -> ast.Module:
    """The syntax tree of a program, checked as a whole before any of it runs.

    Raises:
        Stopped: the text is no Python, too long or too deeply nested, or uses what the interpreter does not offer.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except SyntaxError as error:
        raise Stopped(Reason.SYNTAX, str(error.msg), error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:
        # Null bytes, integers of thousands of digits, and nesting that the parser gives up on.
        raise Stopped(Reason.SYNTAX, f"the parser refuses it: {str(error) or type(error).__name__}") from None
    _check(tree, limits)
    return tree


def _check(tree: ast.Module, limits: Limits) -> None:
    # A stack of our own: the tree may be deeper than what recursion bears.
    waiting: list[tuple[ast.AST, int, int]] = [(tree, 0, 0)]
    nodes = 0
    while waiting:
        node, depth, line = waiting.pop()
        line = getattr(node, "lineno", line)
        nodes += 1
        if nodes > limits.nodes:
            raise Stopped(Reason.SIZE, f"a program of more than {limits.nodes} syntax nodes")
        if depth > limits.depth:
            raise Stopped(Reason.SIZE, f"code nested more than {limits.depth} levels deep", line)
        refused = _refusal(node)
        if refused is not None:
            raise Stopped(Reason.FORBIDDEN, refused, line)
        waiting += [(child, depth + 1, line) for child in ast.iter_child_nodes(node)]


def _refusal(node: ast.AST) -> str | None:
    """What is wrong with this node by itself, None if nothing is."""
    if not isinstance(node, _KNOWN):
        name = type(node).__name__
        return f"{_SPOKEN.get(name, name)} is not offered"
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        return "decorators are not offered"
    if isinstance(node, ast.FunctionDef | ast.Name | ast.arg | ast.Attribute):
        return _name_refusal(node)
    if isinstance(node, ast.Global | ast.Nonlocal):
        return next((_private(name) for name in node.names if name.startswith("_")), None)
    if isinstance(node, ast.arguments) and node.kwarg is not None:
        return "parameters **kwargs are not offered"
    if isinstance(node, ast.keyword):
        return "arguments **kwargs are not offered" if node.arg is None else None
    if isinstance(node, ast.Dict) and None in node.keys:
        return "** in a dict is not offered"
    if isinstance(node, ast.comprehension) and node.is_async:
        return "async is not offered"
    if isinstance(node, ast.Constant):
        return _constant_refusal(node.value)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _import_refusal(node)
    return None


def _name_refusal(node: ast.FunctionDef | ast.Name | ast.arg | ast.Attribute) -> str | None:
    if isinstance(node, ast.Attribute):
        return _private(node.attr) if node.attr.startswith("_") else None
    name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else node.name
    # `if __name__ == "__main__":` is common and reads a constant.
    if name.startswith("__") and not (name == "__name__" and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        return _private(name)
    return None


def _private(name: str) -> str:
    return f"{name!r} is not offered: names of Python's own objects are out of reach"


def _constant_refusal(value: object) -> str | None:
    if isinstance(value, bytes | complex):
        return f"a constant of type {type(value).__name__} is not offered"
    if isinstance(value, int) and value.bit_length() > INTEGER_BITS:
        return f"an integer of more than {INTEGER_BITS} bits is not offered"
    return None


def _import_refusal(node: ast.Import | ast.ImportFrom) -> str | None:
    if isinstance(node, ast.ImportFrom) and (node.level or node.module not in MODULES):
        return f"import of {'.' * node.level}{node.module or ''} is not offered: only {', '.join(MODULES[:2])}"
    names = [alias.name for alias in node.names]
    bound = [alias.asname or "" for alias in node.names]
    if any(name == "*" for name in names):
        return "import * is not offered"
    wrong = [name for name in names if isinstance(node, ast.Import) and name not in MODULES]
    if wrong:
        return f"import of {wrong[0]} is not offered: only {', '.join(MODULES[:2])}"
    private = [name for name in (*names, *bound) if name.startswith("_") and name not in MODULES]
    return _private(private[0]) if private else None
