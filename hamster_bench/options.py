"""Planners and agents by name with options: ``oracle_noisy:std=0.02``, ``hamster:url=http://127.0.0.1:8000,model=HAMSTER_dev``.

Options are the keyword arguments of a class. An argument that is itself a frozen dataclass of settings stands for its fields, so
classes share groups of options without sharing code.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import types
import typing
from collections.abc import Container, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from hamster_bench.errors import InvalidOptionError, UnknownNameError

T = TypeVar("T")

# A value in double quotes is a JSON text: it may hold commas.
_ASSIGNMENT = re.compile(r"\s*(?P<key>[^=,\"\s]+)\s*=\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|[^,]*?)\s*(?:,|$)")
_TRUTH = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}
_NOTHING = "none"

# Where a value may stand without its key, only an identifier is a key: addresses have equals signs, too.
_KEYED = re.compile(r"\s*[A-Za-z_]\w*\s*=")
_VALUE = re.compile(r"\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|[^,]+?)\s*(?:,|$)")
FIRST = ""


class NamedText(NamedTuple):
    """A planner or agent as it is named in a protocol or on the command line.

    Attributes:
        name: registered name, or ``package.module:Class``.
        options: texts of the options given; one without a key is called `FIRST`.
    """

    name: str
    options: dict[str, str]


def read_named(text: str, known: Container[str], kind: str = "path planner", *, first: bool = False) -> NamedText:
    """Takes ``name:key=value,key=value`` apart.

    Args:
        text: a name or ``package.module:Class``, with or without options behind a colon.
        known: registered names; what follows them is options and nothing else.
        kind: what is named, for messages.
        first: the first value may stand without its key.

    Raises:
        InvalidOptionError: what stands behind the colon is no list of options, or one is given twice.
    """
    name, colon, rest = text.partition(":")
    if colon and name not in known and "=" not in rest.partition(":")[0]:
        attribute, colon, rest = rest.partition(":")
        name = f"{name}:{attribute}"
    options: dict[str, str] = {}
    place = 0
    if first and colon and not _KEYED.match(rest) and (value := _VALUE.match(rest)) is not None:
        options[FIRST] = _unquoted(value["value"])
        place = value.end()
    while colon and (place < len(rest) or not options):
        match = _ASSIGNMENT.match(rest, place)
        if match is None:
            raise InvalidOptionError(
                f"options of {kind} {name!r} are written {name}:key=value,key=value (a value with commas in double quotes), "
                f"got {rest[place:]!r}"
            )
        if match["key"] in options:
            raise InvalidOptionError(f"option {match['key']!r} of {kind} {name!r} is given twice")
        options[match["key"]] = _unquoted(match["value"])
        place = match.end()
    return NamedText(name, options)


@dataclass(frozen=True)
class Option:
    """An option that a class declares.

    Attributes:
        name: as users type it.
        kind: annotated type.
        default: value when it is not given; `MISSING` if it has to be.
        group: argument whose field it is, or None for an argument of its own.
    """

    name: str
    kind: Any
    default: Any
    group: str | None = None


def declared_options(made: type[Any]) -> dict[str, Option]:
    """The options of a class, by name, in the order of its declaration."""
    found: dict[str, Option] = {}
    hints = typing.get_type_hints(made.__init__)
    for parameter in inspect.signature(made).parameters.values():
        if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            continue
        kind = hints.get(parameter.name, str)
        default = MISSING if parameter.default is parameter.empty else parameter.default
        if not is_dataclass(kind):
            found[parameter.name] = Option(parameter.name, kind, default)
            continue
        field_hints = typing.get_type_hints(kind)
        for field in fields(kind):
            preset = field.default if default is MISSING else getattr(default, field.name)
            found[field.name] = Option(field.name, field_hints[field.name], preset, parameter.name)
    return found


def make_with_options(made: type[T], label: str, texts: Mapping[str, str]) -> T:
    """An instance of a class with options given as texts.

    Args:
        made: the class.
        label: what users call it, for messages.
        texts: the options.

    Raises:
        UnknownNameError: the class declares no such option.
        InvalidOptionError: a value cannot be read or is refused, or an option that is needed is missing.
    """
    declared = declared_options(made)
    if FIRST in texts:
        first = next(iter(declared), "")
        if not first or first in texts:
            raise InvalidOptionError(
                f"{label} got {texts[FIRST]!r} without its key, but {f'{first} too' if first else 'has no options'}"
            )
        texts = {first if name == FIRST else name: text for name, text in texts.items()}
    for name in texts:
        if name not in declared:
            raise UnknownNameError(f"option of {label}", name, declared)
    if missing := [name for name, option in declared.items() if option.default is MISSING and name not in texts]:
        raise InvalidOptionError(f"{label} needs {', '.join(f'{name}=...' for name in missing)}")
    arguments: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for name, text in texts.items():
        option = declared[name]
        value = _read(f"option {name} of {label}", option.kind, text)
        if option.group is None:
            arguments[name] = value
        else:
            groups.setdefault(option.group, {})[name] = value
    parameters = inspect.signature(made).parameters
    hints = typing.get_type_hints(made.__init__)
    for group, values in groups.items():
        default = parameters[group].default
        arguments[group] = hints[group](**values) if default is inspect.Parameter.empty else replace(default, **values)
    return made(**arguments)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError as error:
        raise InvalidOptionError(f"a value in double quotes is a JSON text, got {value}: {error}") from error


def _read(label: str, kind: Any, text: str) -> Any:
    """A value of the annotated type."""
    if get_origin(kind) in (typing.Union, types.UnionType):
        inner = [choice for choice in get_args(kind) if choice is not type(None)]
        if text.lower() == _NOTHING and len(inner) < len(get_args(kind)):
            return None
        kind = inner[0]
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise UnknownNameError(f"value of {label}", text, map(str, get_args(kind)))
        return text
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise InvalidOptionError(f"{label} is yes or no, got {text!r}")
        return _TRUTH[text.lower()]
    if kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidOptionError(f"{label} is a {'whole ' if kind is int else ''}number, got {text!r}")
        return value
    return text
