"""``hamster-bench figures``: figures from stored results."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hamster_bench.cli.options import agent_names, names
from hamster_bench.cli.table import defined_cells, read
from hamster_bench.envs.factors import columns
from hamster_bench.errors import StoreError, UnknownNameError
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.agent_sheet import FILE_NAME as AGENT_SHEET
from hamster_bench.leaderboards.agent_sheet import read_agent_sheet
from hamster_bench.leaderboards.causes import cause_splits
from hamster_bench.leaderboards.comparison import Contestant, Source, factor_effects
from hamster_bench.leaderboards.demonstration_table import demonstration_points
from hamster_bench.leaderboards.figures.demonstrations import demonstration_plot
from hamster_bench.leaderboards.figures.failure_split import Failures, failure_split, failures_by_kind
from hamster_bench.leaderboards.figures.forest import Effect, forest_plot
from hamster_bench.leaderboards.figures.heat_map import heat_map
from hamster_bench.leaderboards.figures.learning_curves import FOLDER as TRAININGS
from hamster_bench.leaderboards.figures.learning_curves import learning_curves, read_curves
from hamster_bench.leaderboards.figures.style import FORMATS, check_formats, save
from hamster_bench.leaderboards.measures import IsDefined
from hamster_bench.leaderboards.reference import reference_for
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.leaderboards.variation_table import task_variation_grid, variation_grid
from hamster_bench.scenario import CONTROL_FACTOR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = {
    "heat_map": "tasks x columns for each agent, and agents x columns",
    "failure_split": "how the episodes without success ended",
    "failure_causes": "why episodes that follow a 2D path failed; needs records with paths",
    "demonstrations": f"success against the share of the demonstrations; needs DIR/{AGENT_SHEET} or --agent-sheet",
    "learning_curves": f"losses and held-out errors of trainings; needs DIR/{TRAININGS}/NAME/training.csv",
    "forest": "effects of factors against their controls, with intervals",
}


class _Named(NamedTuple):
    name: str
    figure: Figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "figures:\n" + "\n".join(f"  {name:<16} {meaning}" for name, meaning in FIGURES.items())
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the figures; those of the same name are replaced"
    )
    parser.add_argument("--figures", type=names, metavar="A,B", help="which of those below (default: all that can be made)")
    parser.add_argument(
        "--formats", type=names, default=FORMATS, metavar="A,B", help=f"file formats (default {','.join(FORMATS)})"
    )
    parser.add_argument("--tasks", type=names, metavar="A,B", help="only these tasks; means are over them")
    parser.add_argument("--agents", type=agent_names, metavar="A,B", help="only these agents")
    parser.add_argument(
        "--agent-sheet", type=Path, metavar="FILE", help=f"what agents were trained on (default DIR/{AGENT_SHEET})"
    )
    parser.add_argument(
        "--reference", action="store_true", help="published figures of the paper, marked, beside the demonstrations"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Makes the figures and says which files were written."""
    check_formats(arguments.formats)
    sheet: Path = arguments.agent_sheet or arguments.directory / AGENT_SHEET
    asked: Sequence[str] | None = arguments.figures
    for name in asked or ():
        if name not in FIGURES:
            raise UnknownNameError("figure", name, FIGURES)
    chosen = asked or [
        name
        for name in FIGURES
        if (name != "demonstrations" or arguments.agent_sheet is not None or sheet.exists())
        and (name != "learning_curves" or (arguments.directory / TRAININGS).is_dir())
    ]
    is_defined = defined_cells()
    tables = read(arguments.directory, tasks=arguments.tasks, agents=arguments.agents)
    made: list[_Named] = []
    for table in tables:
        if "heat_map" in chosen:
            made += _heat_maps(table, is_defined)
        if "failure_split" in chosen:
            made += _failure_splits(table)
        if "demonstrations" in chosen:
            made += _demonstrations(table, sheet, arguments.reference, is_defined)
    if "failure_causes" in chosen:
        made += _failure_causes(arguments.directory, tables, required=asked is not None)
    if "learning_curves" in chosen:
        made.append(_Named("learning_curves", learning_curves(read_curves(arguments.directory / TRAININGS), "Learning curves")))
    if "forest" in chosen:
        made += _forests(arguments.directory, tables, required=asked is not None)
    files = [file for name, figure in made for file in save(figure, arguments.out, name, arguments.formats)]
    print(f"Written to {arguments.out}: {', '.join(file.name for file in files)}.")
    return 0


def _heat_maps(table: SuccessTable, is_defined: IsDefined) -> Iterator[_Named]:
    shown = [factor for factor in columns() if factor in table.factors]
    if len(shown) < 2:
        shown = list(table.factors)
    end = table.protocol.fingerprint
    for agent in table.agents:
        grid = task_variation_grid(table.restricted(agents=[agent]), columns=shown, is_defined=is_defined)
        yield _Named(f"heat_map-{agent}-{end}", heat_map(grid, f"Success of {agent}"))
    grid = variation_grid(table, columns=shown, is_defined=is_defined)
    yield _Named(f"heat_map-agents-{end}", heat_map(grid, "Success, mean over tasks"))


def _failure_splits(table: SuccessTable) -> Iterator[_Named]:
    note = f"protocol {table.protocol.label} ({table.protocol.fingerprint}); every factor and task with records"
    figure = failure_split(failures_by_kind(table), "How episodes without success ended", note=note)
    yield _Named(f"failure_split-{table.protocol.fingerprint}", figure)


def _failure_causes(directory: Path, tables: Sequence[SuccessTable], *, required: bool) -> Iterator[_Named]:
    """One figure for each protocol under which an agent that follows paths failed."""
    found = False
    for table in tables:
        fingerprint = table.protocol.fingerprint
        with ResultStore.for_reading(directory) as store:
            by_agent = {
                agent: [r for r in store.records(protocol=fingerprint, agent=agent) if r.scenario.task in table.tasks]
                for agent in table.agents
            }
        rows = [
            Failures(
                label=split.agent,
                causes={str(cause): count for cause, count in split.counts.items()},
                n=len(by_agent[split.agent]),
            )
            for split in cause_splits(by_agent, most=None)
        ]
        if rows:
            found = True
            note = f"protocol {table.protocol.label} ({fingerprint}); every factor and task with records"
            yield _Named(f"failure_causes-{fingerprint}", failure_split(rows, "Why episodes with a 2D path failed", note=note))
    if required and not found:
        raise StoreError(
            f"no record in {directory} tells path and way of a failure; agents that follow 2D paths make such records"
        )


def _demonstrations(table: SuccessTable, sheet: Path, published: bool, is_defined: IsDefined) -> Iterator[_Named]:
    points = demonstration_points(table, trainings=read_agent_sheet(sheet), is_defined=is_defined)
    protocol = f"protocol {table.protocol.label} ({table.protocol.fingerprint})"
    note = f"{CONTROL_FACTOR}, mean over {len(table.tasks)} tasks, 95 % intervals; {protocol}"
    reference = reference_for("demonstrations") if published else None
    figure = demonstration_plot(points, "Demonstration efficiency", reference=reference, note=note)
    yield _Named(f"demonstrations-{table.protocol.fingerprint}", figure)


def _forests(directory: Path, tables: Sequence[SuccessTable], *, required: bool) -> Iterator[_Named]:
    """One forest plot for each protocol under which a factor and its control have scenarios in common."""
    with ResultStore.for_reading(directory) as store:
        source = Source.read(store)
    found = False
    for table in tables:
        fingerprint = table.protocol.fingerprint
        outcomes = [outcome for outcome in source.outcomes[fingerprint] if outcome.task in table.tasks]
        part = replace(source, protocols={fingerprint: table.protocol}, outcomes={fingerprint: outcomes})
        effects = [effect for agent in table.agents for effect in _effects(part, agent)]
        if effects:
            found = True
            note = f"mean over tasks, 95 % score intervals of matched pairs; protocol {table.protocol.label} ({fingerprint})"
            title = "Success under a factor less that of the matched control"
            yield _Named(f"forest-{fingerprint}", forest_plot(effects, title, note=note))
    if required and not found:
        raise StoreError(
            f"no scenario in {directory} was played under a factor and under {CONTROL_FACTOR}; run both on the same episodes"
        )


def _effects(source: Source, agent: str) -> list[Effect]:
    # Nothing was played under a factor and as its control.
    with contextlib.suppress(StoreError):
        return [
            Effect(
                label=mean.factor, group=agent, effect=mean.difference.mean, low=mean.difference.low, high=mean.difference.high
            )
            for comparison in factor_effects(Contestant(source, agent))
            for mean in comparison.means
            if mean.pairs
        ]
    return []
