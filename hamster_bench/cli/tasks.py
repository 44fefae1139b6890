"""``hamster-bench tasks``: what there is to do."""

from __future__ import annotations

import argparse

from hamster_bench.envs.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""


def execute(arguments: argparse.Namespace) -> int:
    """Lists every task with its variations and the phrasings of variation 0."""
    for name in TASKS.names():
        task = TASKS.get(name)
        plural = "s" if task.variation_count > 1 else ""
        print(f"{name}  ({task.variation_count} variation{plural}: {task.variation_meaning})")
        for instruction in task.instructions(0):
            print(f"    {instruction}")
    return 0
