"""A model card: what a checkpoint is, what it learned from, how well it does, and what is not known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hamster_bench.agent import AgentNeeds
from hamster_bench.evaluation.store import Player
from hamster_bench.leaderboards.formats import to_markdown
from hamster_bench.leaderboards.grid import Grid, Row, upright
from hamster_bench.leaderboards.measures import IsDefined, always_defined, with_interval
from hamster_bench.leaderboards.notes import success_notes
from hamster_bench.leaderboards.table import SuccessTable
from hamster_bench.leaderboards.variation_table import AVERAGE, column_entries

# What is the same for all policies that this package trains.
_LIMITS = (
    "Learned from a scripted expert in simulation, on scenes without any variation factor; it has seen no real image and no other robot.",
    "Weights of one training. How much another seed would change is in no interval here.",
    "Success is that of this benchmark's MuJoCo scenes. Nothing follows for RLBench on CoppeliaSim, or for a real arm; there it runs "
    "behind the safety rules of the Franka engine alone.",
)
_PATH_FORMS = {
    "none": "no path",
    "overlay": "a 2D path drawn over the image",
    "channels": "a 2D path drawn beside the image, in channels of its own",
    "points": "a 2D path as points",
}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint of this project.

    Attributes:
        agent: name of the agent that runs it.
        summary: what that agent is, in a sentence.
        action_mode: how it acts.
        needs: what it sees.
        fingerprint: first digits of a digest of the file, as records have it.
        parameters: how many numbers it consists of.
        precision: in which they are stored.
        size: of the file [byte].
        header: what the file tells of itself: ``format``, ``settings`` of the network, and the record of the ``training``.
    """

    agent: str
    summary: str
    action_mode: str
    needs: AgentNeeds
    fingerprint: str
    parameters: int
    precision: str
    size: int
    header: Mapping[str, Any]


def model_card(
    checkpoint: Checkpoint,
    tables: Sequence[SuccessTable] = (),
    players: Mapping[tuple[str, str], Player] | None = None,
    *,
    columns: Sequence[str] = (),
    is_defined: IsDefined = always_defined,
) -> str:
    """The card as Markdown.

    Args:
        checkpoint: what it is of.
        tables: success, one table for each protocol; shown is what this very checkpoint did.
        players: what played, as the store tells.
        columns: names of the factors.
        is_defined: whether a factor is defined for a task.
    """
    parts = [f"# {checkpoint.agent}", checkpoint.summary, _facts(checkpoint), "## Training", _training(checkpoint.header)]
    results = _results(checkpoint, tables, players or {}, columns, is_defined)
    if results is not None:
        parts += ["## Results", to_markdown([results]).strip()]
    parts += ["## What is not known", "\n".join(f"- {limit}" for limit in _LIMITS)]
    return "\n\n".join(parts) + "\n"


def _facts(checkpoint: Checkpoint) -> str:
    needs = checkpoint.needs
    sees = f"cameras {', '.join(needs.cameras)}; {_PATH_FORMS.get(needs.path, needs.path)}"
    return _table(
        {
            "format": checkpoint.header["format"],
            "parameters": f"{checkpoint.parameters / 1e6:.2f} million",
            "file": f"{checkpoint.size / 1e6:.1f} MB, {checkpoint.precision}, fingerprint {checkpoint.fingerprint}",
            "sees": sees,
            "acts by": checkpoint.action_mode,
        }
    )


def _training(header: Mapping[str, Any]) -> str:
    training = header["training"]
    settings, data = training["settings"], training["data"]
    counts = data["by_task"]
    each = sorted(set(counts.values()))
    span = f"{each[0]}" if len(each) == 1 else f"{each[0]} to {each[-1]}"
    path = (training.get("learning") or {}).get("path")
    started = training.get("started_from")
    facts = {
        "command": f"{training['command']} --config {training['config']}",
        "demonstrations": f"{data['demonstrations']} ({span} of each task), {data['held_out']} more held out",
        "tasks": ", ".join(counts),
        "their base seeds": ", ".join(map(str, data["seeds"])),
        "data fingerprint": data["fingerprint"][:12],
        "steps": f"{training['step']} of {settings['steps']}, {settings['batch']} samples each"
        + (f", after {started['steps']} of the checkpoint {started['checkpoint']}" if started else ""),
        "learning rate": f"{settings['learning_rate']:g}, {settings['schedule']}, {settings['warmup']} steps of warm-up",
        "precision": settings["precision"],
        "seed": str(settings["seed"]),
        "paths": "none" if path is None else f"of the {path['source']}, with noise of {path['noise']:g} on every point",
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(training["versions"].items())),
    }
    return _table(facts)


def _results(
    checkpoint: Checkpoint,
    tables: Sequence[SuccessTable],
    players: Mapping[tuple[str, str], Player],
    columns: Sequence[str],
    is_defined: IsDefined,
) -> Grid | None:
    """Success by factor with the paths of each planner; None where this checkpoint has not played."""
    rows: list[Row] = []
    shown_tables: list[SuccessTable] = []
    for table in tables:
        player = players.get((table.protocol.fingerprint, checkpoint.agent))
        if checkpoint.agent not in table.agents or player is None or player.checkpoints != (checkpoint.fingerprint,):
            continue
        entries = column_entries(table, checkpoint.agent, table.tasks, columns, is_defined, with_interval)
        planner = table.protocol.path_planner if player.sees_paths else "-"
        row = Row(labels=(planner, table.protocol.fingerprint), entries=entries, fingerprint=table.protocol.fingerprint)
        rows.append(row)
        shown_tables.append(table)
    if not rows:
        return None
    shown = Grid(
        title="Success by variation factor",
        labels=("path planner", "protocol fingerprint"),
        columns=(AVERAGE, *columns),
        column_kind="factor",
        rows=tuple(rows),
        notes=success_notes(shown_tables, rows, with_interval, counted=False, averages=1),
    )
    return upright(shown)


def _table(facts: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_escaped(text)} |" for name, text in facts.items())])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_")
