"""``hamster-bench rebuild``: makes the tables, figures and pages of published results again from their records."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hamster_bench.errors import InvalidOptionError, StoreError

RECIPE = "rebuild.toml"
# What reads records and writes files, and nothing else: a folder of somebody else's results runs nothing but these.
_ALLOWED = ("table", "compare", "figures", "failures", "card", "leaderboard build")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help=f"folders of results with a {RECIPE}, or folders of such folders"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing: make all of it elsewhere and say what would be other bytes"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Runs the commands of every folder; with ``--check`` 1 if a file would change."""
    folders = [folder for given in arguments.folders for folder in _with_recipes(given)]
    recipes = [(folder, read_recipe(folder)) for folder in folders]
    different = False
    for folder, recipe in recipes:
        if not arguments.check:
            _make(folder, recipe.commands)
            print(f"{folder}: {len(recipe.commands)} commands run")
            continue
        with tempfile.TemporaryDirectory() as place:
            copy = Path(place) / folder.resolve().name
            shutil.copytree(folder, copy, ignore=recipe.left_behind(folder))
            # A moment that no file written from now on can have.
            for file in _files(copy):
                os.utime(copy / file, ns=(0, 0))
            _make(copy, recipe.commands)
            made = [file for file in _files(copy) if (copy / file).stat().st_mtime_ns and recipe.publishes(file)]
            changed = [file for file in made if not _same(copy / file, folder / file)]
        print(f"{folder}: {len(made) - len(changed)} of {len(made)} files are the same bytes")
        for file in changed:
            print(f"  {file} {'differs' if (folder / file).exists() else 'is not there'}")
        different |= bool(changed)
    return 1 if different else 0


def _with_recipes(folder: Path) -> list[Path]:
    """The folder itself, or those right inside it that have a recipe where it has none of its own."""
    inside = [] if (folder / RECIPE).exists() else sorted(file.parent for file in folder.glob(f"*/{RECIPE}"))
    return inside or [folder]


@dataclass(frozen=True)
class Recipe:
    """How the files of a folder are made.

    Attributes:
        commands: as words, in their order.
        unpublished: folders that are made and not kept, such as a site of which only the digests are.
    """

    commands: tuple[tuple[str, ...], ...]
    unpublished: tuple[str, ...] = ()

    def publishes(self, file: Path) -> bool:
        """Whether a file, named from the folder, is one that is kept."""
        return file.name != "results.lock" and not any(file.is_relative_to(folder) for folder in self.unpublished)

    def left_behind(self, folder: Path) -> Callable[[str, list[str]], set[str]]:
        """What `shutil.copytree` need not copy of the folder."""

        def ignored(place: str, names: list[str]) -> set[str]:
            return {name for name in names if not self.publishes((Path(place) / name).relative_to(folder))}

        return ignored


def read_recipe(folder: Path) -> Recipe:
    """The recipe of a folder.

    Raises:
        StoreError: there is no recipe, it cannot be read, or the folder has links, through which files elsewhere could be written.
        InvalidOptionError: a command is none of those that make files of records, or names a file outside the folder.
    """
    file = folder / RECIPE
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        commands = tuple(tuple(shlex.split(line)) for line in content["commands"])
        unpublished = content.get("unpublished", [])
        if not isinstance(unpublished, list) or not all(isinstance(name, str) for name in unpublished):
            raise TypeError("unpublished must be a list of folders")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{file} is no list of commands ({type(error).__name__}: {error}); it wants: commands = ['table . --csv table.csv']"
        ) from error
    for words in commands:
        if not any(words[: len(allowed.split())] == tuple(allowed.split()) for allowed in _ALLOWED):
            raise InvalidOptionError(f"{file} wants to run {shlex.join(words)!r}; what may be run is {', '.join(_ALLOWED)}")
        if outside := next((word for word in words if _leads_outside(word)), None):
            raise InvalidOptionError(f"{file} names {outside!r}; a recipe reads and writes inside its own folder alone")
    if link := next((path for path in folder.rglob("*") if path.is_symlink()), None):
        raise StoreError(f"{link} is a link; put the file itself there, a recipe reads and writes inside its own folder alone")
    return Recipe(commands, tuple(unpublished))


def _leads_outside(word: str) -> bool:
    """Whether a word of a command, or what follows its ``=``, is a path that leaves the folder."""
    paths = [Path(part) for part in word.split("=")]
    return any(path.is_absolute() or ".." in path.parts or path.parts[:1] == ("~",) for path in paths)


def _make(folder: Path, commands: Sequence[Sequence[str]]) -> None:
    """Runs commands in a folder.

    Raises:
        StoreError: one failed.
    """
    from hamster_bench.cli.main import main

    for words in commands:
        said = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(words)
        if code:
            raise StoreError(f"'{shlex.join(words)}' failed in {folder}: {said.getvalue().strip()}")


def _files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
