"""What the original benchmark needs on a machine, found without importing any of it: the import alone loads the simulator."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hamster_bench.errors import MissingDependencyError

ROOT_VARIABLE = "COPPELIASIM_ROOT"
RLBENCH_COMMIT = "7c3f425f4a0b6b5ce001ba7246354eb3c70555be"
"""The RLBench that THE COLOSSEUM's installation notes name."""
PYREP_COMMIT = "8f420be8064b1970aae18a9cfbc978dfb15747ef"
"""The PyRep this engine was written against; RLBench above needs one since August 2023."""

# Parameters of RLBench's Environment, self included: 12 in the branch of PerAct, 13 upstream until 2024. THE COLOSSEUM tells the versions
# apart by them and refuses all others.
ACCEPTED_PARAMETERS = (12, 13)

_PAGE = "docs/coppeliasim.md tells how to install all of it"
_LIBRARIES = ("libcoppeliaSim.so.1", "libcoppeliaSim.so")

INSTALL_RLBENCH = f"pip install 'git+https://github.com/stepjam/RLBench.git@{RLBENCH_COMMIT}'"
INSTALL_PYREP = f"pip install --no-build-isolation 'git+https://github.com/stepjam/PyRep.git@{PYREP_COMMIT}'"
INSTALL_COLOSSEUM = "git clone https://github.com/robot-colosseum/robot-colosseum.git && pip install -e ./robot-colosseum"
INSTALL_XVFB = "apt-get install -y xvfb libgl1-mesa-dri"


@dataclass(frozen=True)
class Installation:
    """What was found.

    Attributes:
        root: CoppeliaSim's folder, or None.
        pyrep: PyRep's folder, or None.
        rlbench: RLBench's folder, or None.
        rlbench_parameters: number of parameters of RLBench's Environment, or None where it cannot be read.
        colosseum: THE COLOSSEUM's folder, or None.
        omegaconf: whether OmegaConf, which THE COLOSSEUM reads its configuration with, is installed.
        display: the X display that is there, or None.
        xvfb: path of the virtual X server, or None.
    """

    root: Path | None
    pyrep: Path | None
    rlbench: Path | None
    rlbench_parameters: int | None
    colosseum: Path | None
    omegaconf: bool
    display: str | None
    xvfb: str | None

    @property
    def complete(self) -> bool:
        """Whether episodes without variation factors can be played."""
        return not self.missing(factors=False)

    def missing(self, *, factors: bool) -> list[tuple[str, str]]:
        """What is missing, and the command or step that gets it.

        Args:
            factors: whether variation factors are wanted, which are THE COLOSSEUM's.
        """
        found: list[tuple[str, str]] = []
        if self.root is None:
            found.append(
                (
                    f"CoppeliaSim 4.1: {ROOT_VARIABLE} does not name its folder",
                    f"unpack CoppeliaSim_Edu_V4_1_0 and export {ROOT_VARIABLE}=/path/to/it",
                )
            )
        if self.pyrep is None:
            found.append(("PyRep is not installed", INSTALL_PYREP))
        if self.rlbench is None:
            found.append(("RLBench is not installed", INSTALL_RLBENCH))
        elif (factors or self.colosseum is not None) and self.rlbench_parameters not in ACCEPTED_PARAMETERS:
            found.append(
                (
                    f"THE COLOSSEUM accepts an RLBench whose Environment has {' or '.join(map(str, ACCEPTED_PARAMETERS))} parameters; "
                    f"the one installed has {self.rlbench_parameters}",
                    INSTALL_RLBENCH,
                )
            )
        if factors and self.colosseum is None:
            found.append(("THE COLOSSEUM is not installed, and variation factors are its own", INSTALL_COLOSSEUM))
        if (factors or self.colosseum is not None) and not self.omegaconf:
            found.append(("OmegaConf, which THE COLOSSEUM needs, is not installed", "pip install 'hydra-core>=1.3.2'"))
        if self.display is None and self.xvfb is None:
            found.append(("there is no X display, and no Xvfb to make one", INSTALL_XVFB))
        return found

    def check(self, *, factors: bool) -> None:
        """Makes sure that nothing is missing.

        Raises:
            MissingDependencyError: something is; the message says all of it, with what to do.
        """
        missing = self.missing(factors=factors)
        if missing:
            listed = "; ".join(f"{what} (to get it: {remedy})" for what, remedy in missing)
            raise MissingDependencyError(f"the engine coppeliasim cannot run here: {listed}. {_PAGE}")


def find_installation(environment: Mapping[str, str] = os.environ) -> Installation:
    """Looks for everything the original needs.

    Args:
        environment: variables of the process.
    """
    root = environment.get(ROOT_VARIABLE)
    folder = Path(root) if root else None
    if folder is not None and not any((folder / library).exists() for library in _LIBRARIES):
        folder = None
    rlbench = _package("rlbench")
    return Installation(
        root=folder,
        pyrep=_package("pyrep"),
        rlbench=rlbench,
        rlbench_parameters=None if rlbench is None else _parameters(rlbench / "environment.py", "Environment"),
        colosseum=_package("colosseum"),
        omegaconf=_package("omegaconf") is not None,
        display=environment.get("DISPLAY") or None,
        xvfb=shutil.which("Xvfb", path=environment.get("PATH")),
    )


def simulator_environment(installation: Installation, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables of the simulator's process: those of this one, and where the simulator's libraries are."""
    variables = dict(environment)
    if installation.root is not None:
        root = str(installation.root)
        variables[ROOT_VARIABLE] = root
        libraries = [root, *filter(None, [variables.get("LD_LIBRARY_PATH")])]
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
        variables["QT_QPA_PLATFORM_PLUGIN_PATH"] = root
        # Qt's other platforms end the process as soon as a camera draws.
        variables["QT_QPA_PLATFORM"] = "xcb"
    return variables


def _package(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _parameters(file: Path, class_name: str) -> int | None:
    """Number of parameters of a class's ``__init__``, read from its source."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    arguments = part.args
                    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
    return None
