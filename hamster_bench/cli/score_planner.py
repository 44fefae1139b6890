"""``hamster-bench score-planner``: how close a planner's paths come to the expert's."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from hamster_bench.cli.options import choice, names, whole_number, write_text
from hamster_bench.envs.factors import columns
from hamster_bench.envs.tasks import TASKS
from hamster_bench.evaluation.planner_score import CellScore, PathScore, by_cell, score_planner
from hamster_bench.evaluation.protocol import VARIATIONS, make_protocol
from hamster_bench.planners import make_planner
from hamster_bench.scenario import CONTROL_FACTOR

ALL = "all"
# What counts as close [fraction of the image].
_CLOSE = 0.06


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--planner", required=True, metavar="NAME[:OPTIONS]", help="the planner")
    parser.add_argument("--tasks", type=names, default=(ALL,), metavar="A,B", help="tasks by name, or 'all' (default)")
    parser.add_argument(
        "--episodes", type=whole_number("--episodes", 1), default=50, metavar="N", help="for each task and factor (default 50)"
    )
    parser.add_argument(
        "--seed", type=whole_number("--seed", 0), default=0, metavar="S", help="base seed of the scenarios (default 0)"
    )
    parser.add_argument(
        "--factors",
        type=names,
        default=(CONTROL_FACTOR,),
        metavar="A,B",
        help="variation factors (default no_var, the control), or 'all' columns of the variation table; with 'all' here or for the "
        "tasks, cells that are not defined are left out",
    )
    parser.add_argument("--protocol", default="hamster", metavar="NAME", help="engine, camera and image size (default hamster)")
    parser.add_argument(
        "--variations",
        type=choice("choice of variations", VARIATIONS),
        default="zero",
        metavar="zero|drawn",
        help="RLBench variation 0 outside rlb_var (default), or drawn for every episode",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown, too")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every path's figures as CSV, too")


def execute(arguments: argparse.Namespace) -> int:
    """Prints a table, and the first reason for a missing path of each task."""
    from tqdm import tqdm

    tasks = TASKS.names() if arguments.tasks == (ALL,) else arguments.tasks
    factors = columns() if arguments.factors == (ALL,) else arguments.factors
    asked = score_planner(
        make_planner(arguments.planner),
        tasks=tasks,
        episodes=arguments.episodes,
        seed=arguments.seed,
        factors=factors,
        skip_undefined=(ALL,) in (arguments.tasks, arguments.factors),
        protocol=make_protocol(arguments.protocol, variations=arguments.variations),
    )
    scores = list(tqdm(asked, unit="path", dynamic_ncols=True, disable=not sys.stderr.isatty()))
    cells = by_cell(scores)
    table = as_markdown(cells)
    print(table)
    for task, score in {score.scenario.task: score for score in reversed(scores) if score.error is not None}.items():
        print(f"no path for {task}, for instance {score.scenario.id}: {score.error}")
    if arguments.markdown is not None:
        write_text(arguments.markdown, table + "\n")
    if arguments.csv is not None:
        write_text(arguments.csv, as_csv(scores))
    return 0


def as_markdown(cells: Sequence[CellScore]) -> str:
    """A table with every figure of one factor, or with the errors alone of several, and what the figures mean."""
    factors = list(dict.fromkeys(cell.factor for cell in cells))
    lines = _table(cells) if len(factors) == 1 else _matrix(cells, factors)
    close = sum(cell.distance <= _CLOSE for cell in cells)
    meaning = (
        f"Error: mean distance [fraction of the image] at the expert's gripper changes, at the path's end where there is none; at most "
        f"{_CLOSE} in {close} of {len(cells)} cells."
    )
    return "\n".join([*lines, "", meaning])


def _table(cells: Sequence[CellScore]) -> list[str]:
    return [
        "| task | n | error [95 %] | median | wrong changes | DTW | Frechet | no path | latency |",
        "|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {c.task} | {c.n} | {c.distance:.3f} [{c.low:.3f}, {c.high:.3f}] | {c.median:.3f} | {c.wrong_changes:.0%} "
            f"| {c.dtw:.3f} | {c.frechet:.3f} | {c.failed} | {c.latency_s * 1000:.0f} ms |"
            for c in cells
        ),
    ]


def _matrix(cells: Sequence[CellScore], factors: Sequence[str]) -> list[str]:
    errors = {(cell.task, cell.factor): f"{cell.distance:.3f}" for cell in cells}
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    counts = {factor: sum(cell.distance <= _CLOSE for cell in cells if cell.factor == factor) for factor in factors}
    defined = {factor: sum(cell.factor == factor for cell in cells) for factor in factors}
    return [
        f"| error, n = {cells[0].n} each | {' | '.join(factors)} |",
        f"|---|{'---|' * len(factors)}",
        *(f"| {task} | {' | '.join(errors.get((task, factor), '') for factor in factors)} |" for task in tasks),
        f"| at most {_CLOSE} | {' | '.join(f'{counts[factor]} of {defined[factor]}' for factor in factors)} |",
    ]


def as_csv(scores: Sequence[PathScore]) -> str:
    """A line for every path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scenario", "error", "wrong_changes", "dtw", "frechet", "latency_s", "reason"])
    for s in scores:
        figures = (f"{value:.6f}" for value in (s.dtw, s.frechet, s.latency_s))
        writer.writerow([s.scenario.id, f"{s.distance:.6f}", s.wrong_changes, *figures, s.error or ""])
    return text.getvalue()
