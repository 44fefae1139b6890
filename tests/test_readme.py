"""Everything that README.md and the pages in docs/ tell a reader to type is run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

# Commands that are not run here, and why.
NOT_RUN = {
    "make demo": "sets up the checkout itself",
    "make test": "runs this test",
    "make test-all": "runs this test",
    "make bench": "measures; says nothing on a busy machine",
    "pip install -c constraints.txt .": "test_packaging.py builds what it would install",
    'pip install -c constraints.txt ".[torch]"': "downloads hundreds of megabytes",
}
# Packages beyond the usual ones that a page is about.
NEEDS = {"diffuser_actor.md": "torch", "train_your_own.md": "torch", "openvla.md": "transformers", "rvt2.md": "pytorch_optimizer"}
# What makes the commands of a page small enough for a test: every pattern has to be found, and each is replaced wherever it is.
MINIATURE: dict[str, tuple[tuple[str, str], ...]] = {
    "rvt2.md": (
        (r"--episodes 100", "--episodes 2"),
        (r"--episodes 25", "--episodes 1"),
        (r"train rvt2", "train rvt2 --steps 2 --held-out 0.5"),
    ),
    "train_your_own.md": (
        (r"--tasks [a-z_,]+", "--tasks close_box"),
        (r"--episodes 100", "--episodes 2"),
        (r"--episodes 50", "--episodes 1"),
        (r"train diffuser_actor", "train diffuser_actor --steps 2 --held-out 0.5"),
    ),
}
RUNNABLE = ("python", "sh")
NOT_CODE = ("text", "xml", "ini")

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (?P<name>\w+\.py)\n")
_LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#]+)")


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(page, text.count("\n", 0, m.start()) + 1, m["language"], m["text"]) for m in _BLOCK.finditer(text)]


def commands(page: Path) -> list[str]:
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.replace("\\\n", "").splitlines()]
    return [" ".join(line.partition(" #")[0].split()) for line in lines if line.strip() and not line.startswith("#")]


def in_miniature(page: Path, command: str) -> str:
    for pattern, small in MINIATURE.get(page.name, ()):
        command = re.sub(pattern, small, command)
    return command


def run(command: list[str], directory: Path) -> None:
    """Runs a command as a reader would: in a directory of their own, with the virtual environment active."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LP_NUM_THREADS": "0",
        # torchrun starts modules of an installed package; here the checkout is as good.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    result = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, f"{command[-1]}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr


def named(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert [block.line for block in blocks(page) if block.language not in (*RUNNABLE, *NOT_CODE)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_nothing_is_excused_that_no_page_mentions() -> None:
    mentioned = {command for page in PAGES for command in commands(page)}
    assert set(NOT_RUN) - mentioned == set()
    for name, replacements in MINIATURE.items():
        text = "\n".join(commands(ROOT / "docs" / name))
        assert [pattern for pattern, _ in replacements if not re.search(pattern, text)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language in RUNNABLE for b in blocks(page))], ids=named)
def test_what_a_page_says_works(page: Path, tmp_path: Path) -> None:
    """Top to bottom in one directory: later blocks may build on files and results of earlier ones."""
    if page.name in NEEDS:
        pytest.importorskip(NEEDS[page.name], reason=f"{page.name} needs {NEEDS[page.name]}")
    for block in blocks(page):
        if block.language == "python":
            name = _FILE_NAME.match(block.text)
            script = tmp_path / (name["name"] if name else f"line_{block.line}.py")
            script.write_text(block.text, encoding="utf-8")
            run([sys.executable, script.name], tmp_path)
    for command in commands(page):
        if command not in NOT_RUN:
            run(["bash", "-c", in_miniature(page, command)], tmp_path)
