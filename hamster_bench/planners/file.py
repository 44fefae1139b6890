"""Paths from a file: drawn by hand, or made by another program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import HamsterBenchError, InvalidOptionError, PlannerError
from hamster_bench.paths.grammar import parse_answer
from hamster_bench.paths.path import Path2D
from hamster_bench.planners.contract import PlannerContext
from hamster_bench.scenario import Scenario


class FilePlanner:
    """Looks the path up in a JSON file.

    The file holds one object: a path for each scenario id. A path is an object with ``points`` (n pairs of fractions of the image) and
    ``gripper_open`` (n truth values), or a text in the planners' answer grammar, or null for a scenario that is to have none.

    Args:
        path: name of the file; it is read once, when the planner is made.

    Raises:
        InvalidOptionError: the file cannot be read or holds something else.
    """

    privileged = False

    def __init__(self, *, path: str) -> None:
        self._file = path
        self._paths = _read(Path(path))

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D | None:
        """The path of the running scenario.

        Raises:
            PlannerError: the file has none for it.
        """
        if context.scenario is None:
            raise PlannerError("the file planner looks paths up by scenario, and this picture belongs to none")
        if context.scenario.id not in self._paths:
            raise PlannerError(f"{self._file} has no entry for scenario {context.scenario.id}", {"verdict": "no_entry"})
        return self._paths[context.scenario.id]


def _read(file: Path) -> dict[str, Path2D | None]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidOptionError(f"paths cannot be read from {str(file)!r}: {reason}") from error
    try:
        entries = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidOptionError(f"{file} is no JSON file of paths: {error}") from error
    if not isinstance(entries, dict):
        raise InvalidOptionError(
            f"{file} holds a {type(entries).__name__}; it has to be an object with a path for each scenario id"
        )
    return {_scenario_id(file, name): _path(file, name, entry) for name, entry in entries.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{sorted({name for name in names if names.count(name) > 1})} is given twice")
    return entries


def _scenario_id(file: Path, name: str) -> str:
    try:
        return Scenario.from_id(name).id
    except HamsterBenchError as error:
        raise InvalidOptionError(f"{file}: {error}") from error


def _path(file: Path, name: str, entry: Any) -> Path2D | None:
    try:
        if entry is None:
            return None
        return parse_answer(entry).path if isinstance(entry, str) else Path2D.from_json(json.dumps(entry))
    except HamsterBenchError as error:
        raise InvalidOptionError(f"{file}, entry {name}: {error}") from error
