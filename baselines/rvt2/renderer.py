"""Draws clouds of coloured points into the three views: integers decide which point is seen, so every machine draws the same."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hamster_bench.baselines.rvt2.views import VIEWS, project

# Depths are compared and stored in thousandths of a cube unit.
_STEPS = 1000
# Nothing is farther away than this [thousandths]; it keeps depth, point number and order of preference in whole numbers.
_FARTHEST = 10_000_000
_EMPTY_DEPTH = -1.0
_NOTHING = torch.iinfo(torch.int64).max


def render(points: Tensor, features: Tensor, size: int, splat_radius: float) -> Tensor:
    """Draws clouds into the views.

    A point is drawn into the pixel it falls into. The nearest one wins, the depth cut to thousandths; of equally near ones the first.
    Then every pixel takes over the nearest of the pixels around it, within the splat radius, where that is not farther than its own
    point; of equally near ones the last wins, going through columns from the left and each from above. Pixels of depth 0 (points at the
    eye or behind it) do not spread. From the depths the mean over the view's filled pixels is subtracted.

    Args:
        points: (b, n, 3), cube. Those with coordinates that are no finite numbers are not drawn.
        features: (b, n, k), what is drawn.
        size: edge of a view [pixel].
        splat_radius: how far a point spreads [cube units].

    Returns:
        Images (b, 3 views, k + 1, size, size): features, 0 where nothing is; and depths, -1 where nothing is. Gradients reach features
        alone.
    """
    nearest, depth = _nearest(points.float(), size)
    nearest, depth = _spread(nearest, depth, splat_radius * size / 2)
    filled = nearest >= 0
    batch, count, channels = features.shape
    if count:
        places = nearest.clamp(min=0).view(batch, -1, 1).expand(-1, -1, channels)
        # Not a product with 0: what is drawn of a point that is not may be NaN.
        seen = torch.where(filled[..., None], features.gather(1, places).view(*nearest.shape, channels), 0.0)
    else:
        seen = features.new_zeros(*nearest.shape, channels)
    distance = depth.to(torch.float32) / _STEPS
    # The sum of thousandths is exact in whole numbers, in whatever order a device adds them.
    total = depth.to(torch.int64).mul(filled).sum((-2, -1), keepdim=True)
    mean = (total.double() / (_STEPS * filled.sum((-2, -1), keepdim=True).clamp(min=1))).float()
    distance = torch.where(filled, distance - mean, _EMPTY_DEPTH)
    return torch.cat((seen, distance[..., None].to(seen.dtype)), -1).permute(0, 1, 4, 2, 3)


def _nearest(points: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Number of the nearest point (b, 3, size, size) int64, -1 for none, and its depth [thousandths] int32, of every pixel."""
    batch, count, _ = points.shape
    area, views = size * size, len(VIEWS)
    if not count:
        empty = torch.full((batch, views, size, size), -1, device=points.device)
        return empty, torch.full_like(empty, _FARTHEST, dtype=torch.int32)
    places, depth = project(points)
    cells = torch.floor(places * (size / 2) + size / 2)
    column, row = cells.unbind(-1)
    # Comparisons with NaN are false; the sum is a number where all three coordinates are.
    drawn = (column >= 0) & (column < size) & (row >= 0) & (row < size) & torch.isfinite(points.sum(-1))[:, None]
    # What is not drawn goes to one more pixel, which nobody looks at.
    pixel = torch.where(drawn, row * size + column, area).to(torch.int64)
    thousandths = torch.where(drawn, depth * _STEPS, 0.0).clamp(0, _FARTHEST).to(torch.int64)
    key = thousandths * count + torch.arange(count, device=points.device)
    best = torch.full((batch, views, area + 1), _NOTHING, device=points.device)
    best = best.scatter_reduce(-1, pixel, key, "amin")[..., :area]
    filled = best != _NOTHING
    nearest = torch.where(filled, best % count, -1)
    depths = torch.where(filled, best // count, _FARTHEST)
    return nearest.view(batch, views, size, size), depths.to(torch.int32).view(batch, views, size, size)


def _spread(nearest: Tensor, depth: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Both of `_nearest` after pixels took over what is nearer around them, within a radius [pixel]."""
    reach = min(math.floor(radius), nearest.shape[-1] - 1)
    if reach < 1:
        return nearest, depth
    steps = range(-reach, reach + 1)
    around = [(across, down) for across in steps for down in steps if across * across + down * down <= radius * radius]
    spreading = torch.where((nearest >= 0) & (depth > 0), depth, _FARTHEST)
    # One number holds a depth and the order of preference among equal depths: the smallest is the last of the nearest.
    choices = torch.full_like(depth, _FARTHEST).to(torch.int64) * len(around)
    for preference, (across, down) in enumerate(reversed(around)):
        source = depth if across == down == 0 else spreading
        here, there = _overlap(nearest.shape[-1], across, down)
        target = choices[here]
        torch.minimum(target, source[there].to(torch.int64) * len(around) + preference, out=target)
    size = nearest.shape[-1]
    offsets = torch.tensor([down * size + across for across, down in reversed(around)], device=nearest.device)
    own = torch.arange(size * size, device=nearest.device).view(size, size)
    distance = choices // len(around)
    taken = (own + offsets[choices % len(around)]).clamp(0, size * size - 1)
    found = nearest.flatten(-2).gather(-1, taken.flatten(-2)).view_as(nearest)
    return torch.where(distance < _FARTHEST, found, nearest), torch.where(distance < _FARTHEST, distance.to(torch.int32), depth)


def _overlap(size: int, across: int, down: int) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Slices of an image's pixels that have a neighbour so many pixels away, and of those neighbours."""
    rows = slice(max(0, -down), size - max(0, down)), slice(max(0, down), size - max(0, -down))
    columns = slice(max(0, -across), size - max(0, across)), slice(max(0, across), size - max(0, -across))
    return (..., rows[0], columns[0]), (..., rows[1], columns[1])
