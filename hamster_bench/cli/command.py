"""What a command of ``hamster-bench`` is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """A command in a list of commands.

    Attributes:
        module: the module that implements it: a `Command` or a `CommandGroup`.
        help: what it does, without a capital and a full stop.
    """

    module: str
    help: str


class Command(Protocol):
    """A module that implements a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares the command's arguments."""
        ...

    def execute(self, arguments: argparse.Namespace) -> int:
        """Does what was asked for; gives the exit code."""
        ...


@runtime_checkable
class CommandGroup(Protocol):
    """A module whose command is followed by the name of another one.

    With an entry ``OF_FOLDER`` it can be followed by an existing folder instead, which that command then deals with.
    """

    SUBCOMMANDS: Mapping[str, Entry]
