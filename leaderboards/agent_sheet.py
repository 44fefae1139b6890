"""What an agent was trained on, which no record can tell: read from a file beside the results."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamster_bench.errors import InvalidOptionError

FILE_NAME = "agents.toml"


@dataclass(frozen=True, kw_only=True)
class Training:
    """How much an agent was trained on.

    Attributes:
        method: what the agent is an instance of; agents of one method share a row of the table and a line of the figure.
        demonstrations: number of demonstrations for each task.
        share: the share that is of the full data set, in [0, 1].
        steps: number of steps it was trained for; None where the sheet does not say.
    """

    method: str
    demonstrations: int
    share: float
    steps: int | None = None


def read_agent_sheet(file: str | os.PathLike[str]) -> dict[str, Training]:
    """Training by the name of the agent, from a TOML file.

    Every agent is a table ``[agents."<name>"]`` with ``method``, ``demonstrations`` and ``share``, and ``steps`` if one likes.

    Raises:
        InvalidOptionError: the file cannot be read, or does not have this form; the message names the agent and the value.
    """
    path = Path(file)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidOptionError(f"{path} cannot be read: {error.strerror or error}; {_HINT}") from error
    except ValueError as error:
        raise InvalidOptionError(f"{path} is not TOML: {error}; {_HINT}") from error
    agents = content.get("agents")
    if set(content) != {"agents"} or not isinstance(agents, dict) or not agents:
        raise InvalidOptionError(f"{path} must hold tables of agents and nothing else; {_HINT}")
    return {name: _training(f"{path}, agent {name!r}", values) for name, values in agents.items()}


_HINT = (
    """one agent is written as [agents."NAME"] with method = "TEXT", demonstrations = NUMBER, share = NUMBER and, if known, """
    "steps = NUMBER"
)
_NEEDED = {"method", "demonstrations", "share"}


def _training(where: str, values: Any) -> Training:
    if not isinstance(values, Mapping) or set(values) - {"steps"} != _NEEDED:
        raise InvalidOptionError(f"{where} must have method, demonstrations and share, got {values!r}; {_HINT}")
    method, demonstrations, share = values["method"], values["demonstrations"], values["share"]
    if not isinstance(method, str) or not method.strip():
        raise InvalidOptionError(f"{where}: method must be a text, got {method!r}")
    if isinstance(demonstrations, bool) or not isinstance(demonstrations, int) or demonstrations < 0:
        raise InvalidOptionError(f"{where}: demonstrations must be a whole number from 0, got {demonstrations!r}")
    if isinstance(share, bool) or not isinstance(share, int | float) or not (math.isfinite(share) and 0.0 <= share <= 1.0):
        raise InvalidOptionError(f"{where}: share must be a number from 0 to 1, got {share!r}")
    steps = values.get("steps")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 0):
        raise InvalidOptionError(f"{where}: steps must be a whole number from 0, got {steps!r}")
    return Training(method=method, demonstrations=demonstrations, share=float(share), steps=steps)
