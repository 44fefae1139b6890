"""Random weights that are the same in every run."""

import pytest


@pytest.fixture(autouse=True)
def _a_seed():
    torch = pytest.importorskip("torch", reason="text features need PyTorch: pip install 'hamster-bench[torch]'")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
