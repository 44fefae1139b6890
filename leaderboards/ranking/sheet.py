"""What raters are shown: pictures, instructions, and the paths of several planners for each."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamster_bench.errors import HamsterBenchError, StoreError
from hamster_bench.paths import Path2D

FILE_NAME = "sheet.json"
LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture.

    Attributes:
        name: what it is called, unique in the sheet.
        set: the set of pictures it belongs to; may be empty.
        picture: PNG file below the sheet's directory.
        instruction: what the robot is to do, in words.
        paths: the proposed path by planner, in the same order everywhere; None where the planner had none.
    """

    name: str
    set: str
    picture: str
    instruction: str
    paths: dict[str, Path2D | None]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Everything that is ranked.

    Attributes:
        directory: where it lies.
        seed: from which the orders are drawn in which raters see pictures and paths.
        items: the pictures.
    """

    directory: Path
    seed: int
    items: tuple[Item, ...]

    @property
    def planners(self) -> tuple[str, ...]:
        """Names of the planners."""
        return tuple(self.items[0].paths)

    def order_of_items(self, rater: str) -> list[int]:
        """Numbers of the items in the order in which a rater sees them."""
        return self._shuffled(range(len(self.items)), f"items|{rater}")

    def order_of_paths(self, rater: str, item: int) -> list[str]:
        """Planners in the order in which a rater sees their paths, without names; the first goes by A."""
        return self._shuffled(self.planners, f"paths|{rater}|{self.items[item].name}")

    def _shuffled(self, values: Sequence[Any], purpose: str) -> list[Any]:
        shuffled = list(values)
        random.Random(f"{self.seed}|{purpose}").shuffle(shuffled)
        return shuffled


def write_sheet(directory: Path, items: Sequence[Item], seed: int) -> None:
    """Writes the sheet; the pictures lie in the directory already.

    Raises:
        StoreError: there is a sheet already, it is malformed, or it cannot be written.
    """
    file = directory / FILE_NAME
    if file.exists():
        raise StoreError(f"{directory} has a sheet already, and ratings may rest on it; choose another directory")
    _check(items)
    value = {
        "seed": seed,
        "items": [
            {
                "name": item.name,
                "set": item.set,
                "picture": item.picture,
                "instruction": item.instruction,
                "paths": {name: None if path is None else json.loads(path.to_json()) for name, path in item.paths.items()},
            }
            for item in items
        ],
    }
    try:
        file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error


def read_sheet(directory: str | os.PathLike[str]) -> Sheet:
    """The sheet in a directory.

    Raises:
        StoreError: there is none, or it is malformed.
    """
    file = Path(directory) / FILE_NAME
    try:
        value: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        items = tuple(
            Item(
                name=str(entry["name"]),
                set=str(entry["set"]),
                picture=str(entry["picture"]),
                instruction=str(entry["instruction"]),
                paths={
                    name: None if path is None else Path2D.from_json(json.dumps(path)) for name, path in entry["paths"].items()
                },
            )
            for entry in value["items"]
        )
        sheet = Sheet(directory=Path(directory), seed=int(value["seed"]), items=items)
    except OSError as error:
        raise StoreError(
            f"there is no sheet in {directory} ({error.strerror or error}); 'hamster-bench rank make' makes one"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, HamsterBenchError) as error:
        raise StoreError(f"{file} is not a sheet of paths to rank ({error})") from error
    _check(sheet.items)
    return sheet


def _check(items: Sequence[Item]) -> None:
    if not items:
        raise StoreError("a sheet holds at least one picture")
    planners = list(items[0].paths)
    if not 2 <= len(planners) <= len(LETTERS):
        raise StoreError(f"2 to {len(LETTERS)} planners are ranked, got {len(planners)}")
    if any(list(item.paths) != planners for item in items):
        raise StoreError("every picture has a path, or none, of every planner")
    if len({item.name for item in items}) < len(items):
        raise StoreError("pictures of a sheet have different names")
    if any(Path(item.picture).is_absolute() or ".." in Path(item.picture).parts for item in items):
        raise StoreError("pictures lie below the sheet's directory")
