"""An agent's fingerprint changes with its code and with nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hamster_bench.agent import make_agent
from hamster_bench.errors import InvalidOptionError
from hamster_bench.evaluation import fingerprint as fingerprint_module
from hamster_bench.evaluation.fingerprint import agent_fingerprint, file_fingerprint

ROOT = Path(__file__).resolve().parents[2]
AGENT = """
from hamster_bench.agent import AgentNeeds

class A:
    action_mode = "keypose"
    needs = AgentNeeds()
    def reset(self, context): pass
    def act(self, observation): pass
"""
PACKAGE = {
    "__init__.py": "",
    "agents/__init__.py": "",
    "agents/walker.py": "import numpy\nfrom project.nets import policy\nfrom .helper import STEP\n" + AGENT,
    "agents/helper.py": "STEP = 1\n",
    "agents/other.py": "X = 1\n",
    "nets/__init__.py": "",
    "nets/policy.py": "def make():\n    import project.nets.layers\n",
    "nets/layers.py": "raise ImportError('imported too early')\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def fingerprint(folder: Path, agent: str) -> str:
    """By a process of its own, which has imported nothing of an earlier state."""
    code = (
        "import sys; from hamster_bench.agent import make_agent; from hamster_bench.evaluation.fingerprint import agent_fingerprint; "
        "print(agent_fingerprint(make_agent(sys.argv[1])))"
    )
    command = [sys.executable, "-B", "-c", f"import sys; sys.path += {[str(ROOT), str(folder)]}; {code}", agent]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_agent_in_a_package_is_what_it_imports_from_it(tmp_path: Path) -> None:
    agent = "project.agents.walker:A"
    write(tmp_path / "project", PACKAGE)
    first = fingerprint(tmp_path, agent)
    write(tmp_path / "project", {"agents/newcomer.py": "X = 1\n", "agents/other.py": "X = 2\n", "nets/newcomer.py": "X = 1\n"})
    assert fingerprint(tmp_path, agent) == first
    seen = {first}
    for name in ("agents/walker.py", "agents/helper.py", "nets/policy.py", "nets/layers.py"):
        write(tmp_path / "project", {name: PACKAGE[name] + "# changed\n"})
        seen.add(fingerprint(tmp_path, agent))
        write(tmp_path / "project", {name: PACKAGE[name]})
        assert fingerprint(tmp_path, agent) == first
    assert len(seen) == 5


def test_agent_in_a_single_file_is_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    files = {"hover.py": "import net, numpy, parts.arm\n" + AGENT, "net.py": "", "parts/arm.py": "", "other.py": ""}
    write(tmp_path, files)
    first = fingerprint(tmp_path, "hover:A")
    write(tmp_path, {"other.py": "X = 1\n", "parts/leg.py": "X = 1\n"})
    assert fingerprint(tmp_path, "hover:A") == first
    for name in ("hover.py", "net.py", "parts/arm.py"):
        write(tmp_path, {name: files[name] + "X = 1\n"})
        assert fingerprint(tmp_path, "hover:A") != first
        write(tmp_path, {name: files[name]})


def test_scripted_agents_rest_on_their_own_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def watched(name: str) -> dict[str, Path]:
        found = modules_of(name)
        read.extend(module.removeprefix("hamster_bench.baselines.scripted.") for module in found)
        return found

    modules_of = fingerprint_module._modules_of
    monkeypatch.setattr(fingerprint_module, "_modules_of", watched)
    expected = {"expert": {"expert"}, "random": {"random_agent"}, "path_lift": {"path_lift", "surface"}}
    for name, modules in expected.items():
        read.clear()
        agent_fingerprint(make_agent(name))
        assert set(read) == modules
    # The others need options, or packages that may be missing.
    scripted = (*expected, "keypose_expert", "keypose_paths_expert")
    assert len({agent_fingerprint(make_agent(name)) for name in scripted}) == len(scripted)


def test_checkpoints_are_told_apart_by_their_contents(tmp_path: Path) -> None:
    for name, text in (("a", "weights"), ("b", "weights"), ("c", "other weights")):
        (tmp_path / name).write_text(text)
    first, same, other = (file_fingerprint(tmp_path / name) for name in "abc")
    assert first == same != other
    assert len(first) == 12
    assert file_fingerprint(tmp_path / "a", tmp_path / "c") not in {
        first,
        other,
        file_fingerprint(tmp_path / "c", tmp_path / "a"),
    }
    with pytest.raises(InvalidOptionError, match="cannot be read"):
        file_fingerprint(tmp_path / "nowhere")
