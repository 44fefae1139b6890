"""``hamster-bench table``: tables from stored results."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from hamster_bench.cli.options import agent_names, choice, names, write_text
from hamster_bench.envs.factors import FACTORS, columns
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.agent_sheet import FILE_NAME as AGENT_SHEET
from hamster_bench.leaderboards.agent_sheet import read_agent_sheet
from hamster_bench.leaderboards.board_table import board_grid, board_task_grid
from hamster_bench.leaderboards.camera_table import camera_grids
from hamster_bench.leaderboards.cause_table import cause_grid
from hamster_bench.leaderboards.demonstration_table import demonstration_grid
from hamster_bench.leaderboards.formats import to_csv, to_latex, to_markdown, to_text
from hamster_bench.leaderboards.grid import Grid
from hamster_bench.leaderboards.measures import MEASURES, IsDefined, Measure
from hamster_bench.leaderboards.path_table import path_grid
from hamster_bench.leaderboards.ranking_table import FILE_NAME as RANKINGS
from hamster_bench.leaderboards.ranking_table import ranking_grid, read_rankings
from hamster_bench.leaderboards.reference import reference_for, with_reference
from hamster_bench.leaderboards.table import SuccessTable, success_tables
from hamster_bench.leaderboards.task_table import task_grid
from hamster_bench.leaderboards.task_type_table import task_type_grid
from hamster_bench.leaderboards.trial_table import trial_grids
from hamster_bench.leaderboards.variation_table import factor_grid, task_variation_grid, variation_grid
from hamster_bench.scenario import CONTROL_FACTOR

FORMS = {
    "tasks": "tasks x agents, or tasks x factors for each agent",
    "variations": "agents x the 15 columns of the variation table",
    "task_variations": "the same with the tasks of each agent",
    "factors": "the 15 columns of the variation table as rows x agents",
    "board": f"all agents, planners and protocols in one x the 15 columns, with checkpoints and, from {AGENT_SHEET}, training steps",
    "board_tasks": "the same x tasks, for one factor",
    "task_types": "agents x types of tasks",
    "demonstrations": f"success by share of the demonstrations; needs DIR/{AGENT_SHEET} or --agent-sheet",
    "paths": "path planners x the 15 columns: distance of the first path of an episode from the scripted solution's",
    "causes": "why agents that follow 2D paths failed: path, adherence or execution",
    "cameras": "camera in its place, moved, and other cameras",
    "trials": "success score in trials on a robot, by axis",
    "path_ranking": f"mean ranks of path planners, from DIR/{RANKINGS}",
}
# In these a single factor is shown.
_OF_ONE_FACTOR = ("board_tasks", "task_types", "demonstrations")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "forms:\n" + "\n".join(f"  {name:<16} {meaning}" for name, meaning in FORMS.items())
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument(
        "--form", type=choice("form", tuple(FORMS)), default="tasks", metavar="FORM", help="see below (default tasks)"
    )
    parser.add_argument(
        "--spread",
        type=choice("spread", tuple(MEASURES)),
        default="interval",
        metavar="|".join(MEASURES),
        help="95 %% intervals (default), or the standard deviation over base seeds as papers print it",
    )
    parser.add_argument("--tasks", type=names, metavar="A,B", help="only these tasks; means are over them")
    parser.add_argument("--agents", type=agent_names, metavar="A,B", help="only these agents")
    parser.add_argument(
        "--factor", metavar="NAME", help=f"factor shown by {', '.join(_OF_ONE_FACTOR)} (default {CONTROL_FACTOR})"
    )
    parser.add_argument(
        "--agent-sheet", type=Path, metavar="FILE", help=f"what agents were trained on (default DIR/{AGENT_SHEET})"
    )
    parser.add_argument("--reference", action="store_true", help="published figures of the paper as marked rows")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown, too")
    parser.add_argument("--latex", type=Path, metavar="FILE", help="write it as LaTeX (booktabs), too")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every figure as CSV, too")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the table and writes the files asked for."""
    if arguments.factor is not None and arguments.form not in _OF_ONE_FACTOR:
        raise InvalidOptionError(f"--factor is for the forms {', '.join(_OF_ONE_FACTOR)}; {arguments.form!r} shows every factor")
    reference = reference_for(arguments.form) if arguments.reference else None
    grids = _grids(arguments)
    if reference is not None:
        grids = [with_reference(grid, reference) for grid in grids]
    write(grids, markdown=arguments.markdown, latex=arguments.latex, csv=arguments.csv)
    return 0


def show(directory: Path, *, markdown: Path | None = None, csv: Path | None = None) -> None:
    """Prints the table of tasks of a results directory and writes it to files.

    Raises:
        StoreError: there are no usable results, or a file cannot be written.
    """
    is_defined = defined_cells()
    write([task_grid(table, is_defined=is_defined) for table in read(directory)], markdown=markdown, csv=csv)


def read(directory: Path, *, tasks: Sequence[str] | None = None, agents: Sequence[str] | None = None) -> list[SuccessTable]:
    """The success of some tasks and agents in a results directory, one table for each protocol that has records of them.

    Raises:
        StoreError: there are no usable results.
        UnknownNameError: there are no records of one of the tasks or agents under any protocol.
    """
    with ResultStore.for_reading(directory) as store:
        tables = success_tables(store)
    wanted_tasks = _recorded("task with records", tasks, [table.tasks for table in tables])
    wanted_agents = _recorded("agent with records", agents, [table.agents for table in tables])
    restricted = [
        table.restricted(
            tasks=[name for name in wanted_tasks if name in table.tasks],
            agents=[name for name in wanted_agents if name in table.agents],
        )
        for table in tables
    ]
    if not any(table.cells for table in restricted):
        raise StoreError(f"{directory} has no records of {', '.join(wanted_agents)} on {', '.join(wanted_tasks)}")
    return [table for table in restricted if table.cells]


def _recorded(kind: str, wanted: Sequence[str] | None, recorded: Sequence[Sequence[str]]) -> list[str]:
    known = list(dict.fromkeys(name for names in recorded for name in names))
    for name in wanted or ():
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return known if wanted is None else list(dict.fromkeys(wanted))


def write(grids: Sequence[Grid], *, markdown: Path | None = None, latex: Path | None = None, csv: Path | None = None) -> None:
    """Prints tables and writes them to files.

    Raises:
        StoreError: a file cannot be written.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(to_text(grids, width), end="")
    written: tuple[tuple[Path | None, Callable[[Sequence[Grid]], str]], ...]
    written = ((markdown, to_markdown), (latex, to_latex), (csv, to_csv))
    for file, form in written:
        if file is not None:
            write_text(file, form(grids))


def defined_cells() -> IsDefined:
    """Whether a factor is defined for a task; taken to be so where either is not known here."""
    # Looked up once: every look-up by name searches the installed packages.
    tasks, factors = set(TASKS.names()), set(FACTORS.names())

    @cache
    def is_defined(task: str, factor: str) -> bool:
        return task not in tasks or factor not in factors or FACTORS.get(factor).is_defined(TASKS.get(task))

    return is_defined


def _grids(arguments: argparse.Namespace) -> list[Grid]:
    directory: Path = arguments.directory
    form: str = arguments.form
    if form == "path_ranking":
        return [ranking_grid(read_rankings(directory / RANKINGS))]
    if form == "trials":
        with ResultStore.for_reading(directory) as store:
            return list(trial_grids(store))
    is_defined = defined_cells()
    # Names without records are refused here, whatever is made of the others.
    tables = read(directory, tasks=arguments.tasks, agents=arguments.agents)
    if form in ("causes", "paths"):
        chosen = {"tasks": arguments.tasks, "agents": arguments.agents}
        with ResultStore.for_reading(directory) as store:
            if form == "causes":
                return [cause_grid(store, **chosen)]
            return [path_grid(store, columns=columns(), is_defined=is_defined, **chosen)]
    measure = MEASURES[arguments.spread]
    factor: str = arguments.factor or CONTROL_FACTOR
    if form == "cameras":
        return list(camera_grids(tables, measure=measure, is_defined=is_defined))
    if form in ("board", "board_tasks"):
        return [_board(arguments, tables, measure, is_defined)]
    if form == "demonstrations":
        trainings = read_agent_sheet(arguments.agent_sheet or directory / AGENT_SHEET)
        return [
            demonstration_grid(table, trainings=trainings, factor=factor, measure=measure, is_defined=is_defined)
            for table in tables
        ]
    if form == "task_types":
        return [task_type_grid(table, factor=factor, measure=measure, is_defined=is_defined) for table in tables]
    if form == "tasks":
        return [task_grid(table, measure=measure, is_defined=is_defined) for table in tables]
    rows = {"variations": variation_grid, "factors": factor_grid, "task_variations": task_variation_grid}[form]
    return [rows(table, columns=columns(), is_defined=is_defined, measure=measure) for table in tables]


def _board(arguments: argparse.Namespace, tables: Sequence[SuccessTable], measure: Measure, is_defined: IsDefined) -> Grid:
    sheet: Path = arguments.agent_sheet or arguments.directory / AGENT_SHEET
    # Beside results of scripted agents there need not be one.
    trainings = read_agent_sheet(sheet) if arguments.agent_sheet is not None or sheet.exists() else {}
    with ResultStore.for_reading(arguments.directory) as store:
        players = store.players()
    if arguments.form == "board":
        return board_grid(tables, players, trainings, columns=columns(), is_defined=is_defined, measure=measure)
    factor: str = arguments.factor or CONTROL_FACTOR
    if not any(factor in table.factors for table in tables):
        raise UnknownNameError("factor with records", factor, sorted({name for table in tables for name in table.factors}))
    return board_task_grid(tables, players, trainings, factor=factor, is_defined=is_defined, measure=measure)
