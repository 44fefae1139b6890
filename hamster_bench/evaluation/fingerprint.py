"""What an agent is, as a short hash, so that records from before and after a change of it are not mixed."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.machinery import ModuleSpec
from pathlib import Path

from hamster_bench.agent import Agent
from hamster_bench.errors import InvalidOptionError

# Of this project only the agents' own folder belongs to an agent; the rest is the program, whose version is kept with every record.
_PROGRAM = "hamster_bench"
_PROGRAM_AGENTS = "hamster_bench.baselines"


def agent_fingerprint(agent: Agent) -> str:
    """Its own attribute ``fingerprint`` where it has one, which should cover code and checkpoint; else a hash of what it is.

    That is 12 hexadecimal digits of the SHA-256 of its class, action mode, needs, checkpoint and code: the module it is defined in and
    every module that this one imports, directly or not, from the same top-level package. A module in no package is read with the modules
    it imports from its own folder. Installed libraries are not part of an agent.
    """
    own = getattr(agent, "fingerprint", None)
    if isinstance(own, str) and own:
        return own
    kind = type(agent)
    digest = hashlib.sha256(json.dumps([kind.__qualname__, agent.action_mode, asdict(agent.needs)], sort_keys=True).encode())
    top = kind.__module__.partition(".")[0]
    for name, file in sorted(_modules_of(kind.__module__).items()):
        digest.update(f"\n{name.removeprefix(top)}\n".encode() + file.read_bytes())
    if (checkpoint := checkpoint_fingerprint(agent)) is not None:
        digest.update(f"\n{checkpoint}".encode())
    return digest.hexdigest()[:12]


def checkpoint_fingerprint(agent: Agent) -> str | None:
    """What the agent's attribute ``checkpoint_fingerprint`` says, or None where it has none; `file_fingerprint` makes one from files."""
    own = getattr(agent, "checkpoint_fingerprint", None)
    return own if isinstance(own, str) and own else None


def file_fingerprint(*files: Path) -> str:
    """12 hexadecimal digits of the SHA-256 of the contents of files, in the order given; neither names nor places count.

    Raises:
        InvalidOptionError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise InvalidOptionError(f"{file} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()[:12]


def _modules_of(start: str) -> dict[str, Path]:
    """Source files, by module name, of a module and of what it imports from its own project. Nothing is imported to find out."""
    first = _source(start)
    if first is None:
        return {}
    belongs = _membership(start, first)
    found = {start: first}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for imported in _imports(name, found[name]):
            file = None if imported in found else _source(imported)
            if file is not None and belongs(imported, file):
                found[imported] = file
                waiting.append(imported)
    return found


def _membership(start: str, source: Path) -> Callable[[str, Path], bool]:
    """Tells of a module, by name and file, whether it belongs to the project of the agent's module."""
    top = start.partition(".")[0]
    if top == _PROGRAM:
        return lambda name, file: name.startswith(f"{_PROGRAM_AGENTS}.")
    if _folders(top):
        return lambda name, file: name.partition(".")[0] == top
    folder = source.parent
    if folder.resolve() in _library_folders():
        return lambda name, file: False

    def beside(name: str, file: Path) -> bool:
        top = name.partition(".")[0]
        return top != _PROGRAM and (file == folder / f"{top}.py" or folder / top in file.parents)

    return beside


def _library_folders() -> set[Path]:
    return {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib")}


def _source(name: str) -> Path | None:
    """The Python file of a module; None where there is no such module, or it is no Python file."""
    parent, _, last = name.rpartition(".")
    candidates: list[Path] = []
    if name in sys.modules:
        origin = getattr(sys.modules[name], "__file__", None)
        candidates = [Path(origin)] if origin else []
    elif parent:
        # An imported class or function is looked for, too, and not found: it may be a module for all its name tells.
        candidates = [file for folder in _folders(parent) for file in (folder / last / "__init__.py", folder / f"{last}.py")]
    elif (spec := _spec(name)) is not None and spec.origin is not None:
        candidates = [Path(spec.origin)]
    return next((file for file in candidates if file.suffix == ".py" and file.is_file()), None)


def _folders(package: str) -> list[Path]:
    """Folders of a package; none if it is a module or does not exist."""
    parent, _, last = package.rpartition(".")
    if package in sys.modules:
        return [Path(folder) for folder in getattr(sys.modules[package], "__path__", ())]
    if parent:
        return [folder / last for folder in _folders(parent) if (folder / last).is_dir()]
    spec = _spec(package)
    return [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []


def _spec(top: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except (ImportError, AttributeError, ValueError):
        return None


def _imports(name: str, file: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in its text; of ``from a import b`` both ``a`` and ``a.b``."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            try:
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:
                continue
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
