"""``hamster-bench agents``: who can do it."""

from __future__ import annotations

import argparse
import inspect

from hamster_bench.agent import AGENTS
from hamster_bench.errors import MissingDependencyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""


def execute(arguments: argparse.Namespace) -> int:
    """Lists every agent with the first line of its description."""
    width = max((len(name) for name in AGENTS), default=0)
    for name in AGENTS:
        try:
            text = (inspect.getdoc(AGENTS.get(name)) or "").split("\n", 1)[0]
        except (ImportError, MissingDependencyError) as error:
            text = f"not usable here: {error}"
        print(f"{name:<{width}}  {text}")
    return 0
