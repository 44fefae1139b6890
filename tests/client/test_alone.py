"""The client package by itself, in an environment that has nothing else of the benchmark."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from hamster_bench.agent import make_agent
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import make_protocol
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "client" / "src" / "hamster_bench" / "client"
NEEDS = ("numpy", "msgpack", "websockets")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the client package and what it needs."""
    directory = tmp_path_factory.mktemp("alone") / "venv"
    venv.create(directory, with_pip=False, symlinks=True)
    (site,) = directory.glob("lib/python*/site-packages")
    for name in NEEDS:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        (site / name).symlink_to(folder)
        if (libraries := folder.with_name(f"{name}.libs")).is_dir():
            (site / libraries.name).symlink_to(libraries)
    shutil.copytree(PACKAGE, site / "hamster_bench" / "client", ignore=shutil.ignore_patterns("__pycache__"))
    return directory / "bin" / "python"


def alone(python: Path, directory: Path, *words: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # Elsewhere than in the checkout, whose packages would be found in the current directory.
    return subprocess.Popen([str(python), *words], env=environment, cwd=directory, text=True, stdout=subprocess.PIPE)


def test_it_needs_what_it_says_and_nothing_else(python: Path, tmp_path: Path) -> None:
    code = """
import importlib.util, sys
import hamster_bench.client
print(*(name for name in ("gymnasium", "mujoco", "torch", "hamster_bench.agent") if importlib.util.find_spec(name)))
"""
    process = alone(python, tmp_path, "-c", code)
    assert process.communicate()[0].split() == []
    assert process.returncode == 0


def test_a_policy_served_from_there_plays_whole_episodes(python: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policy_servers.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(# my_policy\.py\n.*?)```", page, re.DOTALL)
    assert program.count("\n") <= 30
    (tmp_path / "my_policy.py").write_text(program.replace("port=8017", "port=0"))
    server = alone(python, tmp_path, "my_policy.py", "serve")
    try:
        assert server.stdout is not None
        url = re.search(r"ws://[\d.:]+", server.stdout.readline())
        assert url is not None
        name = f"remote:{url[0]}"
        plan = make_plan(agents=(name,), tasks=("close_box",), episodes=1)
        with ResultStore.for_writing(tmp_path / "runs") as store:
            run(plan, store, make_protocol("hamster"), {name: make_agent(name)})
            (record,) = store.records()
    finally:
        server.terminate()
        assert server.wait(30) == 0
        assert server.stdout is not None
        server.stdout.close()
    assert (record.outcome, record.kind) == ("failure", "agent_stopped:low_enough")
    assert record.steps > 50


def test_the_package_asks_for_these_alone() -> None:
    text = (ROOT / "client" / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r"dependencies = \[(.*)\]", text)
    assert needed is not None
    assert set(re.findall(r'"(\w+)', needed[1])) == set(NEEDS)
