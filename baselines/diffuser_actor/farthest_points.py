"""Farthest point sampling: few tokens that cover the space of all of them."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def farthest_points(features: Tensor, count: int) -> Tensor:
    """Indices (b, count) int64 of tokens of (b, n, channels), in order of choice.

    Starts with token 0; every further one is the farthest from those chosen so far. In double precision, so that the order of sums does
    not decide between two that are nearly equally far.
    """
    points = features.double()
    squares = points.square().sum(-1)
    chosen = torch.zeros(features.shape[0], count, dtype=torch.int64, device=features.device)
    distance = torch.full_like(squares, torch.inf)
    latest = chosen[:, :1]
    for i in range(1, count):
        # |p - q|^2 as |p|^2 - 2 p q + |q|^2: one product of a matrix and a vector instead of a pass over all differences.
        point = points.gather(1, latest[..., None].expand(-1, -1, points.shape[-1]))
        to_latest = torch.baddbmm(squares[:, None], point, points.mT, alpha=-2.0).squeeze(1) + squares.gather(1, latest)
        distance = torch.minimum(distance, to_latest)
        latest = distance.argmax(-1, keepdim=True)
        chosen[:, i : i + 1] = latest
    return chosen
