"""Look-up by name: one helper for tasks, engines, agents, path planners and protocols."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from hamster_bench.errors import InvalidOptionError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and what they stand for; heavy modules are imported when a name is used, not when it is listed.

    Args:
        kind: what is registered, in the singular, as error messages should call it (``"agent"``).
        entry_point_group: entry points of other installed packages to offer as well, or None.
    """

    def __init__(self, kind: str, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._group = entry_point_group
        self._targets: dict[str, str | T] = {}

    def register(self, name: str, target: str | T) -> None:
        """Registers ``target`` under ``name``.

        Args:
            name: the name users type.
            target: the thing itself, or ``"package.module:attribute"`` to import on first use.

        Raises:
            InvalidOptionError: the name is taken.
        """
        if name in self._targets:
            raise InvalidOptionError(f"{self.kind} {name!r} is registered already; choose another name")
        self._targets[name] = target

    def names(self) -> tuple[str, ...]:
        """Every registered name, in order of registration, those of other packages last."""
        return (*self._targets, *(name for name in self._plugins() if name not in self._targets))

    def get(self, name: str) -> T:
        """What ``name`` stands for.

        ``"package.module:attribute"`` is accepted in place of a name and imported.

        Raises:
            UnknownNameError: nothing has this name; the message suggests close ones.
            InvalidOptionError: ``package.module:attribute`` does not exist.
        """
        target: str | T
        if name in self._targets:
            target = self._targets[name]
        elif name in self._plugins():
            target = self._plugins()[name]
        elif isinstance(name, str) and ":" in name:
            target = name
        else:
            raise UnknownNameError(self.kind, name, self.names())
        return self._resolve(target) if isinstance(target, str) else target

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _plugins(self) -> dict[str, str]:
        if self._group is None:
            return {}
        return {point.name: point.value for point in entry_points(group=self._group)}

    def _resolve(self, target: str) -> T:
        module_name, _, attribute = target.partition(":")
        try:
            module = importlib.import_module(module_name)
            return cast(T, getattr(module, attribute))
        except ModuleNotFoundError as error:
            if error.name is None or not module_name.startswith(error.name):
                raise
            raise InvalidOptionError(f"{self.kind} {target!r}: there is no module {module_name!r}") from error
        except AttributeError as error:
            raise InvalidOptionError(f"{self.kind} {target!r}: {module_name!r} has no {attribute!r}") from error
