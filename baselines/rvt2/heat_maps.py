"""Heat maps over the three views: the ones to be learned, values in between pixels, and the point of space they agree on."""

from __future__ import annotations

import torch
from torch import Tensor

from hamster_bench.baselines.rvt2.views import VIEWS

# Of the heat around a target [pixel], and where it ends [deviations].
_DEVIATION = 1.5
_CUT = 3.0
# Least distance from a cell that divides [cells]: at a cell itself its value stands alone.
_LEAST_DISTANCE = 1e-9
# So many sums are looked at in one go, about what a core's cache holds.
_BLOCK = 1 << 16


def probabilities(logits: Tensor) -> Tensor:
    """Heat maps (b, views, size, size), each with the sum 1, of logits."""
    return logits.float().flatten(2).softmax(-1).view_as(logits)


def target_maps(places: Tensor, size: int) -> Tensor:
    """Heat around pixels: Gaussian, 0 beyond three deviations, with the sum 1.

    Args:
        places: (..., 2), column and row [pixel].
        size: edge of a map [pixel].

    Returns:
        Maps (..., size, size); all zero where no pixel is near.
    """
    ramp = torch.arange(size, device=places.device, dtype=places.dtype)
    squares = (ramp - places[..., None]) ** 2
    square = squares[..., 0, None, :] + squares[..., 1, :, None]
    heat = torch.exp(-square / (2 * _DEVIATION**2)).masked_fill(square > (_CUT * _DEVIATION) ** 2, 0.0)
    return heat / heat.sum((-2, -1), keepdim=True).clamp(min=torch.finfo(heat.dtype).tiny)


def look_up(maps: Tensor, places: Tensor) -> Tensor:
    """Values of maps in between their cells: the mean of the four cells around a place, weighted by inverse distance.

    Args:
        maps: (..., channels, h, w).
        places: (..., n, 2), column and row; cell i lies at i.

    Returns:
        Values (..., n, channels); 0 where a place lies before the first or beyond the last cell.
    """
    height, width = maps.shape[-2:]
    last = torch.tensor([width - 1, height - 1], device=places.device)
    inside = ((places >= 0) & (places <= last)).all(-1)
    places = torch.where(inside[..., None], places, 0.0)
    low, high = places.floor(), places.ceil()
    total = torch.zeros((*inside.shape, 1), device=maps.device, dtype=maps.dtype)
    weights = torch.zeros_like(total)
    flat = maps.flatten(-2)
    for row in (low[..., 1], high[..., 1]):
        for column in (low[..., 0], high[..., 0]):
            distance = torch.hypot(places[..., 0] - column, places[..., 1] - row)
            weight = 1.0 / distance.clamp(min=_LEAST_DISTANCE)[..., None]
            cell = (row * width + column).to(torch.int64)[..., None, :].expand(*flat.shape[:-1], -1)
            total = total + weight * flat.gather(-1, cell).transpose(-1, -2)
            weights = weights + weight
    return total / weights * inside[..., None]


def best_points(maps: Tensor) -> Tensor:
    """The points on which three maps agree best.

    The cube is a grid of size^3 cells. A cell's score is the mean over the views of the map at its centre's projection, and the best cell
    wins, of equal ones that with the lowest x, then y, then z. As centres are projected right in between pixels, what `look_up` gives
    there is the mean of 2 x 2 pixels, or 0 in the last row and column. And as each view leaves out one coordinate, the score is a sum of
    a map over (x, y), one over (y, z) and one over (x, z), so that nothing has to be projected.

    Args:
        maps: (b, 3 views, size, size), not negative.

    Returns:
        Centres (b, 3) of the best cells, cube.
    """
    batch, _, size, _ = maps.shape
    # One map's peak may be so high that single precision drops what the others say along the axis it does not see.
    maps, given = maps.double(), maps.dtype
    means = torch.zeros_like(maps)
    means[..., :-1, :-1] = (maps[..., :-1, :-1] + maps[..., :-1, 1:] + maps[..., 1:, :-1] + maps[..., 1:, 1:]) / 4
    top, front, right = (view.transpose(-1, -2) for view in means.unbind(1))
    over_xy, over_yz, over_xz = top.flip(-1), front.flip(-1), right.flip(-1, -2)
    # The best of every plane of equal x first: finding a maximum is far quicker than finding where it is. Each map's own best along the
    # plane bounds it, to the last bit since sums round in order; planes that cannot reach what the most promising one has are left out.
    at = torch.arange(batch, device=maps.device)
    bounds = _scores(over_xy.amax(-1), over_yz.amax((-2, -1))[:, None], over_xz.amax(-1))
    first = bounds.argmax(1)
    reached = _scores(over_xy[at, first][..., None], over_yz, over_xz[at, first][:, None]).amax((-2, -1))
    hopeful = (bounds >= reached[:, None]).any(0).nonzero()[:, 0]
    planes = torch.full_like(bounds, -torch.inf)
    for some in hopeful.split(max(1, _BLOCK // (size * size * batch))):
        planes[:, some] = _scores(over_xy[:, some, :, None], over_yz[:, None], over_xz[:, some, None, :]).amax((-2, -1))
    # Among equals `argmax` gives the first.
    x = planes.argmax(1)
    cell = _scores(over_xy[at, x][..., None], over_yz, over_xz[at, x][:, None]).flatten(1).argmax(1)
    indices = torch.stack((x, cell // size, cell % size), -1)
    return ((2 * indices.to(maps.dtype) + 1) / size - 1).to(given)


def _scores(top: Tensor, front: Tensor, right: Tensor) -> Tensor:
    return (top + front + right) / len(VIEWS)
