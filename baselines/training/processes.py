"""Several processes that train one network, as ``torchrun`` and ``accelerate launch`` start them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed

from hamster_bench.errors import InvalidOptionError


@dataclass(frozen=True)
class Place:
    """Which of the processes this one is.

    Attributes:
        rank: from 0; the first one writes all files.
        count: of processes.
        device: where this one computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


@contextmanager
def joined(device: str | None = None) -> Iterator[Place]:
    """Joins the other processes, if the environment variables of ``torchrun`` say that there are any.

    Args:
        device: where to compute, as torch names it; None for the graphics card if there is one, else the processor.

    Raises:
        InvalidOptionError: this machine has no such device.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(kind)
    except RuntimeError as error:
        raise InvalidOptionError(f"there is no device {kind!r}; take cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InvalidOptionError(f"{kind} was asked for, and PyTorch sees no graphics card; take cpu")
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Place(device=chosen)
        return
    if chosen.type == "cuda" and chosen.index is None:
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Place(distributed.get_rank(), count, chosen)
    finally:
        distributed.destroy_process_group()


def averaged(losses: Mapping[str, Tensor], place: Place) -> dict[str, float]:
    """Means of scalars over all processes."""
    values = torch.stack([value.detach().float() for value in losses.values()])
    if place.count > 1:
        distributed.all_reduce(values)
        values = values / place.count
    return dict(zip(losses, values.tolist(), strict=True))
