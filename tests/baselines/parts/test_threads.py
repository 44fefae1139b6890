"""Networks of agents compute on one thread, and leave the caller's choice alone."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch: pip install 'hamster-bench[torch]'")

from hamster_bench.baselines.parts.threads import one_thread  # noqa: E402


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_one_thread_within_and_the_callers_number_after_it(three_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_the_callers_number_comes_back_after_an_error(three_threads):
    with pytest.raises(RuntimeError), one_thread():
        raise RuntimeError
    assert torch.get_num_threads() == 3
