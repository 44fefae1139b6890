"""``hamster-bench power``: what a comparison will be able to show, before it is run."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from hamster_bench.cli.options import whole_number
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.statistics.power import ALPHA, POWER, detectable_effect, needed_episodes

# How alike outcomes of two arms on one scenario are: shown where the user does not know. None: different scenarios.
_CORRELATIONS: tuple[float | None, ...] = (0.0, 0.3, 0.6, 0.9, None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--baseline", type=_share("baseline"), required=True, metavar="P", help="expected success rate, 0 to 1")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument(
        "--episodes",
        type=whole_number("episodes", 1),
        metavar="N",
        help="episodes of each task: prints the detectable difference",
    )
    size.add_argument(
        "--effect", type=_difference, metavar="D", help="difference that matters, -1 to 1: prints the episodes it takes"
    )
    parser.add_argument("--tasks", type=whole_number("tasks", 1), default=14, metavar="K", help="number of tasks (default: 14)")
    parser.add_argument(
        "--correlation",
        type=_share("correlation"),
        metavar="R",
        help="correlation of the outcomes of both arms on a scenario, 0 to 1; several are shown by default",
    )
    parser.add_argument("--power", type=_share("power"), default=POWER, metavar="P", help=f"(default: {POWER})")
    parser.add_argument("--alpha", type=_share("alpha"), default=ALPHA, metavar="P", help=f"level of the test (default: {ALPHA})")
    parser.add_argument(
        "--comparisons",
        type=whole_number("comparisons", 1),
        default=1,
        metavar="M",
        help="comparisons made at once: the level is shared among them, as Holm's first step does (default: 1)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Prints what can be detected, or how many episodes it takes."""
    correlations = _CORRELATIONS if arguments.correlation is None else (arguments.correlation, None)
    alpha = arguments.alpha / arguments.comparisons
    print(_title(arguments))
    print()
    rows = _detectable(arguments, correlations, alpha) if arguments.effect is None else _needed(arguments, correlations, alpha)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()
    print("Matched: exact McNemar test of pairs pooled over tasks. Different scenarios: score test of two independent rates.")
    print("A correlation that the two rates cannot have is taken as the largest they can.")
    return 0


def _title(arguments: argparse.Namespace) -> str:
    level = f"level {arguments.alpha:g}" + (
        f" shared by {arguments.comparisons} comparisons" if arguments.comparisons > 1 else ""
    )
    about = f"baseline {100 * arguments.baseline:g} %, power {100 * arguments.power:g} %, two-sided {level}"
    if arguments.effect is None:
        n = arguments.episodes * arguments.tasks
        return f"Smallest difference that {arguments.episodes} episodes of {arguments.tasks} tasks ({n} pairs) show: {about}"
    return f"Episodes that show a difference of {100 * arguments.effect:+g} points over {arguments.tasks} tasks: {about}"


def _detectable(arguments: argparse.Namespace, correlations: tuple[float | None, ...], alpha: float) -> list[list[str]]:
    rows = [["arms", "drop", "rise"]]
    for correlation in correlations:
        effects = (
            detectable_effect(
                arguments.episodes * arguments.tasks,
                arguments.baseline,
                direction,
                correlation=correlation,
                alpha=alpha,
                power=arguments.power,
            )
            for direction in ("drop", "rise")
        )
        # Rounded up, so that what is printed is enough.
        rows.append([_arms(correlation), *("none" if e is None else f"{math.ceil(1000 * e) / 10:.1f} points" for e in effects)])
    return rows


def _needed(arguments: argparse.Namespace, correlations: tuple[float | None, ...], alpha: float) -> list[list[str]]:
    rows = [["arms", "episodes of each task", "in all"]]
    for correlation in correlations:
        n = needed_episodes(arguments.baseline, arguments.effect, correlation=correlation, alpha=alpha, power=arguments.power)
        per_task = None if n is None else math.ceil(n / arguments.tasks)
        rows.append(
            [_arms(correlation), *(["none"] * 2 if per_task is None else [str(per_task), str(per_task * arguments.tasks)])]
        )
    return rows


def _arms(correlation: float | None) -> str:
    return "different scenarios" if correlation is None else f"matched, correlation {correlation:g}"


def _share(name: str) -> Callable[[str], float]:
    return lambda text: _number(name, text, 0.0)


def _difference(text: str) -> float:
    return _number("effect", text, -1.0)


def _number(name: str, text: str, lowest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value <= 1.0:
        raise InvalidOptionError(f"{name} must be a number from {lowest:g} to 1, got {text!r}")
    return value
