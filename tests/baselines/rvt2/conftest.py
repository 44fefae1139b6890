"""PyTorch as every test here wants it."""

import pytest


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    """Small networks are no faster with more threads, and far slower when the cores are busy."""
    torch = pytest.importorskip("torch", reason="RVT-2 needs PyTorch: pip install 'hamster-bench[torch]'")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)
