"""``hamster-bench card``: the model card of a checkpoint."""

from __future__ import annotations

import argparse
import inspect
import json
import math
from pathlib import Path
from typing import Any

from hamster_bench.agent import Agent, make_agent
from hamster_bench.cli.options import write_text
from hamster_bench.cli.table import defined_cells
from hamster_bench.envs.factors import columns
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.model_card import Checkpoint, model_card
from hamster_bench.leaderboards.table import success_tables

_HEADER = "hamster_bench"
_FIELDS = {"format", "settings", "training"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("agent", metavar="AGENT", help="agent with its checkpoint: 3d_da, 3d_da:runs/mine/weights.safetensors")
    parser.add_argument("--results", type=Path, metavar="DIR", help="results directory in which this checkpoint played")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it to a file instead of the terminal")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the card or writes it."""
    checkpoint = read_checkpoint(arguments.agent, make_agent(arguments.agent))
    if arguments.results is None:
        text = model_card(checkpoint)
    else:
        with ResultStore.for_reading(arguments.results) as store:
            played = any(checkpoint.fingerprint in player.checkpoints for player in store.players().values())
            if not played:
                raise StoreError(
                    f"no record in {arguments.results} is of {checkpoint.agent} with the checkpoint {checkpoint.fingerprint}; run it "
                    "there, or leave --results out"
                )
            text = model_card(checkpoint, success_tables(store), store.players(), columns=columns(), is_defined=defined_cells())
    if arguments.markdown is None:
        print(text, end="")
    else:
        write_text(arguments.markdown, text)
    return 0


def read_checkpoint(name: str, agent: Agent) -> Checkpoint:
    """What an agent's checkpoint tells of itself.

    Raises:
        InvalidOptionError: the agent has no checkpoint, or one that was not trained by this package.
        StoreError: the file cannot be read.
    """
    file: Path | None = getattr(agent, "checkpoint_file", None)
    if file is None:
        raise InvalidOptionError(
            f"{name} has no checkpoint; cards are of agents that learned: 3d_da, rvt2, tiny_vla and their like"
        )
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            header: Any = json.loads((opened.metadata() or {}).get(_HEADER, "{}"))
            slices = [opened.get_slice(entry) for entry in opened.keys()]  # noqa: SIM118 - not a mapping
            counts = [math.prod(part.get_shape()) for part in slices]
            precisions = sorted({str(part.get_dtype()) for part in slices})
        size = file.stat().st_size
    except (OSError, SafetensorError, ValueError) as error:
        raise StoreError(f"{file} cannot be read as safetensors: {error}") from error
    if not isinstance(header, dict) or not header.keys() >= _FIELDS or not header["training"]:
        raise InvalidOptionError(f"{file} was not trained by 'hamster-bench train'; it tells nothing of how it came about")
    return Checkpoint(
        agent=name,
        summary=(inspect.getdoc(type(agent)) or "").split("\n", 1)[0],
        action_mode=agent.action_mode,
        needs=agent.needs,
        fingerprint=str(getattr(agent, "checkpoint_fingerprint", "")),
        parameters=sum(counts),
        precision=", ".join(precisions),
        size=size,
        header=header,
    )
