"""OpenVLA in miniature."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def small() -> Any:
    """A network of a few thousand parameters with random weights."""
    for package in ("torch", "transformers"):
        pytest.importorskip(package, reason=f"the network needs {package}: pip install 'hamster-bench[openvla]'")
    return _program("miniature").network()


@pytest.fixture(scope="session")
def miniature() -> Any:
    """The module ``miniature`` beside this file."""
    for package in ("torch", "transformers"):
        pytest.importorskip(package, reason=f"the network needs {package}: pip install 'hamster-bench[openvla]'")
    return _program("miniature")


def _program(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    if importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
