"""On how many threads networks compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes on one thread of the processor within.

    How many threads share a sum decides in which order it is added, and so its last bits: without this an episode would end differently on
    a machine with more cores. And an evaluation has a process for every core, each of which would otherwise start a thread for every core.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
