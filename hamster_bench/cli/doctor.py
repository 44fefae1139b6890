"""``hamster-bench doctor``: what works on this machine."""

from __future__ import annotations

import argparse

from hamster_bench.cli.machine import diagnose, original, report
from hamster_bench.cli.options import choice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "--engine",
        type=choice("engine", ("mujoco", "coppeliasim")),
        default="mujoco",
        metavar="mujoco|coppeliasim",
        help="whose running the exit code tells: the embedded engine's (default) or the original's, which is looked at alone",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Prints the findings; 0 if the engine runs, else 1."""
    if arguments.engine == "coppeliasim":
        findings = original()
        for finding in findings:
            print(f"{'ok' if finding.works else 'MISSING':<8} {finding.name}  {finding.detail.removesuffix(' (optional)')}")
            if finding.remedy:
                print(f"{'':<8} to get it: {finding.remedy}")
        return 0 if all(finding.works for finding in findings) else 1
    findings = diagnose()
    print(report(findings))
    return 0 if all(finding.works for finding in findings if finding.needed) else 1
