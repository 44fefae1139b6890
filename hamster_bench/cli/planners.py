"""``hamster-bench planners``: who can propose paths."""

from __future__ import annotations

import argparse
import inspect
from dataclasses import MISSING

from hamster_bench.errors import MissingDependencyError
from hamster_bench.options import Option, declared_options
from hamster_bench.planners import PLANNERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""


def execute(arguments: argparse.Namespace) -> int:
    """Lists every path planner with the first line of its description and its options."""
    width = max((len(name) for name in PLANNERS), default=0)
    for name in PLANNERS:
        options: list[str] = []
        try:
            made = PLANNERS.get(name)
            text = (inspect.getdoc(made) or "").split("\n", 1)[0]
            options = [_shown(option) for option in declared_options(made).values()]
        except (ImportError, MissingDependencyError) as error:
            text = f"not usable here: {error}"
        print(f"{name:<{width}}  {text}")
        if options:
            print(f"{'':<{width}}    {' '.join(options)}")
    return 0


def _shown(option: Option) -> str:
    if option.default is MISSING:
        return f"{option.name}=..."
    return f"{option.name}={_text(option.default)}"


def _text(value: object) -> str:
    """A value as users would type it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, "g") if isinstance(value, float) else str(value)
