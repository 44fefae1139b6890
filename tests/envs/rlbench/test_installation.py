"""What the original needs, found without it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import gymnasium
import pytest

import hamster_bench
from hamster_bench.cli.main import main
from hamster_bench.envs.rlbench.installation import RLBENCH_COMMIT, Installation, find_installation, simulator_environment
from hamster_bench.errors import MissingDependencyError

assert hamster_bench

_ENVIRONMENT = "class Environment(object):\n    def __init__(self{more}):\n        pass\n"


def rlbench_with(folder: Path, parameters: int) -> None:
    package = folder / "rlbench"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("raise AssertionError('this package is looked at, never imported')\n")
    more = "".join(f", p{k}=None" for k in range(parameters - 1))
    (package / "environment.py").write_text(_ENVIRONMENT.format(more=more))
    importlib.invalidate_caches()


def test_the_stand_in_is_complete_and_nothing_of_it_is_imported(standin: Path) -> None:
    found = find_installation()
    assert found.missing(factors=True) == []
    assert found.rlbench_parameters == 13
    assert found.complete
    assert not {"rlbench", "pyrep", "colosseum"} & set(sys.modules)
    variables = simulator_environment(found, {"LD_LIBRARY_PATH": "/lib"})
    assert variables["LD_LIBRARY_PATH"] == f"{standin / 'coppeliasim'}:/lib"
    assert variables["QT_QPA_PLATFORM_PLUGIN_PATH"] == str(standin / "coppeliasim")


@pytest.mark.parametrize(("parameters", "accepted"), [(12, True), (13, True), (15, False), (11, False)])
def test_a_version_that_the_colosseum_refuses_is_refused_with_the_commit(
    standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: int, accepted: bool
) -> None:
    rlbench_with(tmp_path, parameters)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find_installation()
    assert found.rlbench_parameters == parameters
    if accepted:
        found.check(factors=True)
        return
    with pytest.raises(MissingDependencyError, match=f"has {parameters} .*{RLBENCH_COMMIT}"):
        gymnasium.make("hamster_bench/close_box-v0", engine="coppeliasim")


def test_a_bare_machine_is_told_everything_at_once(tmp_path: Path) -> None:
    bare = Installation(None, None, None, None, None, False, None, None)
    with pytest.raises(MissingDependencyError) as error:
        bare.check(factors=True)
    said = str(error.value)
    for word in ("COPPELIASIM_ROOT", "PyRep", "RLBench", "COLOSSEUM", "OmegaConf", "xvfb", "docs/coppeliasim.md"):
        assert word in said
    assert not bare.complete


def test_a_folder_without_the_simulator_is_none(tmp_path: Path) -> None:
    assert find_installation({"COPPELIASIM_ROOT": str(tmp_path)}).root is None


def test_doctor_tells_of_the_original_alone(
    standin: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor", "--engine", "coppeliasim"]) == 0
    assert "engine coppeliasim" in capsys.readouterr().out
    monkeypatch.delenv("COPPELIASIM_ROOT")
    assert main(["doctor", "--engine", "coppeliasim"]) == 1
    assert "to get it: unpack CoppeliaSim" in capsys.readouterr().out
