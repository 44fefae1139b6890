"""The stand-in of the original's packages, for tests that need no simulator."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

STANDIN = Path(__file__).parent / "standin"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the stand-in the original of this machine."""
    monkeypatch.syspath_prepend(str(STANDIN))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STANDIN), str(ROOT)]))
    monkeypatch.setenv("COPPELIASIM_ROOT", str(STANDIN / "coppeliasim"))
    monkeypatch.setenv("DISPLAY", ":77")
    return STANDIN
