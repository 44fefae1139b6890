"""``hamster-bench compare``: agents or path planners against each other, or factors against their controls, on the same scenarios."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from hamster_bench.cli.options import agent_names, names, whole_number, write_text
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.comparison import (
    Comparison,
    Contestant,
    Source,
    compare_agents,
    compare_planners,
    factor_effects,
)
from hamster_bench.leaderboards.comparison_formats import to_csv, to_latex, to_markdown, to_text

_ALL = ("all",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument("second", type=Path, nargs="?", metavar="DIR2", help="where the second and further agents' results are")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--agents", type=agent_names, metavar="A,B,...", help="compare the first with each of the others")
    who.add_argument("--agent", metavar="A", help="compare its episodes under each factor with their matched controls")
    parser.add_argument(
        "--planners",
        type=agent_names,
        metavar="P,Q,...",
        help="with --agent: compare its episodes with paths of the first planner with those with paths of each of the others",
    )
    parser.add_argument(
        "--factors",
        type=names,
        default=_ALL,
        metavar="NAMES",
        help="factors, separated by commas, or all that were run (default)",
    )
    parser.add_argument("--by-task", action="store_true", help="show every task, too")
    parser.add_argument("--sequential", action="store_true", help="show p-values that hold however often one looks")
    parser.add_argument(
        "--step",
        type=whole_number("step", 1),
        metavar="N",
        help="show the sequential test STEP, N being the pairs planned at most",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown, too")
    parser.add_argument("--latex", type=Path, metavar="FILE", help="write it as LaTeX (packages booktabs and graphicx), too")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every figure, also of tasks, as CSV, too")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the comparison and writes the files asked for."""
    made = _compare(arguments)
    shown = {"by_task": arguments.by_task, "sequential": arguments.sequential}
    print(to_text(made, **shown), end="")
    if arguments.markdown is not None:
        write_text(arguments.markdown, to_markdown(made, **shown))
    if arguments.latex is not None:
        write_text(arguments.latex, to_latex(made, **shown))
    if arguments.csv is not None:
        write_text(arguments.csv, to_csv(made))
    return 0


def _compare(arguments: argparse.Namespace) -> tuple[Comparison, ...]:
    factors = None if arguments.factors == _ALL else arguments.factors
    if arguments.agent is not None and arguments.second is not None:
        raise InvalidOptionError("factors and planners are compared in one directory; leave the second out, or name --agents")
    source = _read(arguments.directory)
    if arguments.planners is not None:
        if arguments.agent is None:
            raise InvalidOptionError("--planners are compared by what one agent does with their paths; name it with --agent")
        return compare_planners(Contestant(source, arguments.agent), arguments.planners, factors, planned=arguments.step)
    if arguments.agent is not None:
        return factor_effects(Contestant(source, arguments.agent), factors, planned=arguments.step)
    others = source if arguments.second is None else _read(arguments.second)
    first, *rest = arguments.agents
    contestants = [Contestant(source, first), *(Contestant(others, agent) for agent in rest)]
    return compare_agents(contestants, factors, planned=arguments.step)


def _read(directory: Path) -> Source:
    with contextlib.closing(ResultStore.for_reading(directory)) as store:
        return Source.read(store)
