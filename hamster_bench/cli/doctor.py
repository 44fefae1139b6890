"""``hamster-bench doctor``: what works on this machine."""

from __future__ import annotations

import argparse

from hamster_bench.cli.machine import diagnose, report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""


def execute(arguments: argparse.Namespace) -> int:
    """Prints the findings; 0 if the embedded engine runs, else 1."""
    findings = diagnose()
    print(report(findings))
    return 0 if all(finding.works for finding in findings if finding.needed) else 1
