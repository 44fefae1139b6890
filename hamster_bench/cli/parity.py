"""``hamster-bench parity``: compares this implementation with recorded numbers of the originals."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hamster_bench.registry import Registry

# Exit code when something lies outside its tolerance.
_DIFFERENT = 1


@dataclass(frozen=True)
class Figure:
    """One comparison.

    Attributes:
        name: what was compared.
        value: how far apart the two are, 0 for equal.
        tolerance: the largest value that passes.
        unit: of both, or nothing.
        detail: what does not agree, for people.
    """

    name: str
    value: float
    tolerance: float
    unit: str = ""
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value lies within the tolerance; one that is no number does not."""
        return self.value <= self.tolerance


# Reads a file and makes the comparisons it holds; a file of another form is an `InvalidOptionError`.
ParityCheck = Callable[[Path], Sequence[Figure]]

PARITY_CHECKS: Registry[ParityCheck] = Registry("parity check")
PARITY_CHECKS.register("hamster", "hamster_bench.cli.parity_hamster:compare")
PARITY_CHECKS.register("keyposes", "hamster_bench.cli.parity_keyposes:compare")
PARITY_CHECKS.register("diffuser_actor", "hamster_bench.cli.parity_diffuser_actor:compare")
PARITY_CHECKS.register("rvt2", "hamster_bench.cli.parity_rvt2:compare")
PARITY_CHECKS.register("openvla", "hamster_bench.cli.parity_openvla:compare")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("kind", metavar="KIND", help=f"what the files are about: {', '.join(PARITY_CHECKS.names())}")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="recorded inputs and outputs of the original")


def execute(arguments: argparse.Namespace) -> int:
    """Prints every figure with its tolerance; 0 when all files agree, 1 when something lies outside its tolerance.

    Raises:
        UnknownNameError: there is no such kind.
        InvalidOptionError: a file cannot be read, or is not of this kind.
    """
    check = PARITY_CHECKS.get(arguments.kind)
    agreeing = [_show(file, check(file)) for file in arguments.files]
    return 0 if all(agreeing) else _DIFFERENT


def _show(file: Path, figures: Sequence[Figure]) -> bool:
    print(file.name)
    width = max((len(figure.name) for figure in figures), default=0)
    for figure in figures:
        value, tolerance = f"{figure.value:g}{figure.unit}", f"{figure.tolerance:g}{figure.unit}"
        detail = f"  {figure.detail}" if figure.detail else ""
        print(f"  {'ok  ' if figure.passed else 'FAIL'}  {figure.name:<{width}}  {value:>10}  (at most {tolerance}){detail}")
    return all(figure.passed for figure in figures)
