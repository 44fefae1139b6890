"""``hamster-bench crosscheck``: holds an engine against recordings of the original."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from hamster_bench.cli.options import names
from hamster_bench.errors import InvalidOptionError, UnknownNameError
from hamster_bench.evaluation.crosscheck.checking import Checked, TaskSummary, bars_missed, check_recordings, summarise
from hamster_bench.evaluation.crosscheck.recordings import recorded_tasks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("recordings", type=Path, metavar="RECORDINGS", help="folder with one <task>.npz of recordings a task")
    parser.add_argument("--tasks", type=names, metavar="A,B", help="only these tasks; all that are recorded by default")
    parser.add_argument("--engine", default="mujoco", metavar="NAME", help="engine to be held against them (default mujoco)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.json and pairs of first images here")


def execute(arguments: argparse.Namespace) -> int:
    """Checks, prints a line for each task; 0 if every bar holds, else 1."""
    files = recorded_tasks(arguments.recordings)
    wanted = arguments.tasks or tuple(files)
    for task in wanted:
        if task not in files:
            raise UnknownNameError("recorded task", task, files)
    if arguments.out is not None and arguments.out.exists() and (not arguments.out.is_dir() or any(arguments.out.iterdir())):
        raise InvalidOptionError(f"{arguments.out} is there already; choose another directory")
    print(_line("task", "original", "here", "share", "depth robot", "table", "both", "as recorded"))
    summaries, everything = [], []
    for task in wanted:
        checked = _check(task, files[task], arguments.engine, arguments.out)
        summary = summarise(task, checked)
        summaries.append(summary)
        everything += checked
        print(_task_line(summary), flush=True)
    print(_mean_line(summaries))
    for summary in summaries:
        for reason in summary.missed:
            print(f"not solved: {summary.task} {reason}")
    short = bars_missed(summaries)
    for sentence in short:
        print(f"falls short: {sentence}")
    print(
        "original: demonstrations that the original solved again from their keyposes, of all; here: how many of those this engine solved. "
        "Depths agree within 1 cm, once the offset of the recorded depth buffer is taken out; 'as recorded' is with it."
    )
    if arguments.out is not None:
        report = {
            "engine": arguments.engine,
            "tasks": [asdict(summary) | {"share": summary.share} for summary in summaries],
            "demonstrations": [asdict(demo) for demo in everything],
            "falls_short": short,
        }
        (arguments.out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if short else 0


def _check(task: str, file: Path, engine: str, out: Path | None) -> list[Checked]:
    checked = []
    for demo, picture in check_recordings(task, file, engine):
        checked.append(demo)
        if out is not None and picture is not None:
            from PIL import Image

            out.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(out / f"{task}-{demo.key}.png")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    return checked


def _task_line(summary: TaskSummary) -> str:
    return _line(
        summary.task,
        f"{summary.solved_there}/{summary.recorded}",
        f"{summary.solved_here}/{summary.solved_there}",
        *map(_percent, (summary.share, summary.robot, summary.table, summary.depth, summary.depth_raw)),
    )


def _mean_line(summaries: list[TaskSummary]) -> str:
    def mean(values: list[float | None]) -> str:
        known = [value for value in values if value is not None]
        return _percent(sum(known) / len(known) if known else None)

    columns = [[getattr(summary, name) for summary in summaries] for name in ("share", "robot", "table", "depth", "depth_raw")]
    there, here = sum(s.solved_there for s in summaries), sum(s.solved_here for s in summaries)
    return _line("mean over tasks", f"{there}/{sum(s.recorded for s in summaries)}", f"{here}/{there}", *map(mean, columns))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _line(name: str, *cells: str) -> str:
    return f"{name:<28}" + "".join(f"{cell:>13}" for cell in cells)
