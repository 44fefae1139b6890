"""Meshes and textures in the tree are what their scripts make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hamster_bench

PACKAGE = Path(hamster_bench.__file__).parent
SCRIPTS = sorted((PACKAGE / "envs").glob("**/make_assets.py"))
MADE = (".obj", ".stl", ".png")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.parent.name)
def test_stored_assets_are_what_their_script_makes(script: Path, tmp_path: Path) -> None:
    copy = tmp_path / script.parent.name
    copy.mkdir()
    shutil.copy(script, copy)
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run([sys.executable, str(copy / script.name)], check=True, capture_output=True, text=True, env=environment)
    stored = {file.name: file.read_bytes() for file in script.parent.iterdir() if file.suffix in MADE}
    made = {file.name: file.read_bytes() for file in copy.iterdir() if file.suffix in MADE}
    assert made.keys() == stored.keys()
    assert [name for name in made if made[name] != stored[name]] == []
