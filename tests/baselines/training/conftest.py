"""Made-up demonstrations, and PyTorch as these tests want it."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs PyTorch: pip install 'hamster-bench[torch]'")


@pytest.fixture(scope="session")
def made_up():
    """The module ``made_up`` beside this file."""
    spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def store(made_up, tmp_path_factory):
    return made_up.store(tmp_path_factory.mktemp("demos") / "demos")


@pytest.fixture
def samples(store):
    from hamster_bench.baselines.training.samples import read_samples

    return read_samples(store, store.scenarios(), ("front",))


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)
