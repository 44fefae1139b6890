"""Imports run downwards only: what stands lower knows nothing of what stands on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "hamster_bench"

GROUND = ("errors", "registry", "scenario", "geometry", "oracle", "agent", "options", "paths", "cache", "files", "__version__")
BELOW_EVALUATION = (*GROUND, "planners", "envs", "demos", "baselines")

# A part of the package, and what it may import besides itself. The longest name that fits a module counts.
ALLOWED: dict[str, tuple[str, ...]] = {
    # Importing the package registers the environments.
    "": ("envs.registration",),
    **dict.fromkeys(GROUND, GROUND),
    "planners": GROUND,
    # Stands alone: policies install it without the rest.
    "client": (),
    "serving": (*GROUND, "planners", "client"),
    "envs": GROUND,
    "envs.wrappers": (*GROUND, "planners"),
    "demos": (*GROUND, "planners", "envs"),
    "baselines": (*GROUND, "planners", "demos", "envs.contract"),
    "evaluation": BELOW_EVALUATION,
    "trials": (*BELOW_EVALUATION, "evaluation"),
    "gallery": (*GROUND, "envs"),
    # Tables are made from the result store alone; a protocol is what the store says the rules were, a cause what its records tell.
    "leaderboards": (
        *GROUND,
        *(f"evaluation.{part}" for part in ("attribution", "store", "record", "outcomes", "statistics", "protocol")),
    ),
    "cli": (*BELOW_EVALUATION, "client", "serving", "evaluation", "trials", "gallery", "leaderboards"),
    "__main__": ("cli.main",),
}
# An environment is made by the name of its engine. What imports an engine all the same, by the longest name that fits what is imported.
ENGINES: dict[str, tuple[str, ...]] = {
    "envs.mujoco": (
        "envs.mujoco",
        # Meshes are made with its tools, and the simulated robot stands in its scene.
        "envs.tasks.*.make_assets",
        "envs.factors.distractor_objects",
        "envs.franka.simulated_controller",
        # Descriptions of scenes are read from it.
        "gallery.datasheets",
        "cli.machine",
    ),
    "envs.rlbench": ("envs.rlbench", "cli.machine"),
    # Recordings of the original are in its own conventions.
    "envs.rlbench.conversion": (
        "envs.rlbench",
        "demos.rlbench_layout",
        "demos.rlbench_reading",
        "evaluation.crosscheck.recordings",
    ),
    # The robot has commands of its own, and trials a person at the cell.
    "envs.franka": ("envs.franka", "cli.franka_*", "cli.trials_run", "trials", "demos.hand_guided"),
}


# They live in the simulator's process, with what it can install; no other may so much as try to import them.
ORIGINALS = ("rlbench", "pyrep", "colosseum", "omegaconf")
BESIDE_THE_SIMULATOR = tuple(
    f"envs.rlbench.{module}" for module in ("fingers", "launching", "layouts", "motions", "pictures", "sensing")
)


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Every module of the package, without the package's own name, and its file."""
    top_level = {**{name: name for name in ("envs", "baselines", "leaderboards")}, "client": "client/src/hamster_bench/client"}
    for folder, prefix in ((root / PACKAGE, ()), *((root / place, (name,)) for name, place in top_level.items())):
        for file in sorted(folder.rglob("*.py")):
            parts = (*prefix, *file.relative_to(folder).with_suffix("").parts)
            if not prefix and (folder / parts[0]).is_symlink():
                continue
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports(file: Path) -> Iterator[str]:
    """What a file imports from the package, wherever in it, without the package's own name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name.partition(".")[2] for name in names if name.partition(".")[0] == PACKAGE)


def within(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def part_of(module: str) -> str | None:
    fitting = [part for part in ALLOWED if module == part or (part and module.startswith(f"{part}."))]
    return max(fitting, key=len, default=None)


def may_use_engines(module: str, name: str) -> bool:
    engine = max((engine for engine in ENGINES if within(name, (engine,))), key=len, default=None)
    return engine is None or any(fnmatchcase(module, user) or fnmatchcase(module, f"{user}.*") for user in ENGINES[engine])


def violations(root: Path) -> list[str]:
    found = []
    for module, file in sources(root):
        part = part_of(module)
        if part is None:
            found.append(f"{module} stands on no floor")
            continue
        own = (part.partition(".")[0],) if part else ()
        for name in imports(file):
            allowed = within(name, (*own, *ALLOWED[part]))
            if name and not (allowed and may_use_engines(module, name)):
                found.append(f"{module} imports {name}")
    return found


def test_imports_run_downwards_only() -> None:
    assert len(list(sources(ROOT))) > 60
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("hamster_bench/doctor", "", "doctor stands on no floor"),
        ("hamster_bench/geometry", "def f():\n    import hamster_bench.envs.task\n", "geometry imports envs.task"),
        ("hamster_bench/planners/oracle", "from hamster_bench import envs\n", "planners.oracle imports envs"),
        ("hamster_bench/evaluation/x", "from hamster_bench.envs import mujoco\n", "evaluation.x imports envs.mujoco"),
        ("hamster_bench/evaluation/x", "from hamster_bench.cli import run\n", "evaluation.x imports cli.run"),
        ("hamster_bench/evaluation/x", "from hamster_bench.envs import rlbench\n", "evaluation.x imports envs.rlbench"),
        (
            "hamster_bench/demos/rlbench_reading",
            "from hamster_bench.envs.rlbench.settings import CAMERAS\n",
            "demos.rlbench_reading imports envs.rlbench.settings.CAMERAS",
        ),
        (
            "hamster_bench/evaluation/x",
            "from hamster_bench.envs.franka.cell import Cell\n",
            "evaluation.x imports envs.franka.cell.Cell",
        ),
        ("envs/x", "from hamster_bench.envs.mujoco import scene\n", "envs.x imports envs.mujoco.scene"),
        ("hamster_bench/gallery/x", "from hamster_bench.evaluation import store\n", "gallery.x imports evaluation.store"),
        ("baselines/x", "from hamster_bench.envs.mujoco.gl import NAME\n", "baselines.x imports envs.mujoco.gl.NAME"),
        ("baselines/x", "from hamster_bench.envs.tasks import TASKS\n", "baselines.x imports envs.tasks.TASKS"),
        ("envs/x", "import hamster_bench.planners\n", "envs.x imports planners"),
        ("envs/wrappers/x", "import hamster_bench.evaluation.plan\n", "envs.wrappers.x imports evaluation.plan"),
        ("leaderboards/x", "import hamster_bench.evaluation.runner\n", "leaderboards.x imports evaluation.runner"),
    ],
)
def test_import_that_runs_upwards_is_found(module: str, text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / f"{module}.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert violations(tmp_path) == [said]


def test_import_that_runs_downwards_is_no_violation(tmp_path: Path) -> None:
    (tmp_path / "envs" / "wrappers").mkdir(parents=True)
    (tmp_path / "envs" / "wrappers" / "x.py").write_text(
        "import hamster_bench\nfrom hamster_bench.planners import PLANNERS\nfrom hamster_bench.envs.contract import CONTROL_RATE\n"
    )
    assert violations(tmp_path) == []


def originals_imported(root: Path) -> dict[str, bool]:
    """Modules that import what lives in the simulator's process, and whether they do so while they are imported themselves."""
    found: dict[str, bool] = {}
    for module, file in sources(root):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if any(within(name, ORIGINALS) for name in names):
                found[module] = found.get(module, False) or node in tree.body
    return found


def test_the_original_is_imported_in_the_simulator_s_process_alone() -> None:
    assert originals_imported(ROOT) == dict.fromkeys(BESIDE_THE_SIMULATOR, False)


@pytest.mark.parametrize(
    ("text", "at_once"), [("def f():\n    from pyrep.const import ObjectType\n", False), ("import rlbench.tasks\n", True)]
)
def test_an_import_of_the_original_elsewhere_is_found(text: str, at_once: bool, tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "x.py").write_text(text)
    assert originals_imported(tmp_path) == {"envs.x": at_once}
