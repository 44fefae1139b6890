"""The three orthographic views of the cube [-1, 1]^3: where points lie in them, and how far from the eye."""

from __future__ import annotations

import torch
from torch import Tensor

VIEWS = ("top", "front", "right")

# The eye of the right view stands here, not at 1 like the others. It shifts depths, and what lies behind it has none.
_RIGHT_EYE = 0.5


def project(points: Tensor) -> tuple[Tensor, Tensor]:
    """Where points of the cube are seen.

    ===== =================== ================ =======
    view  column grows with   row grows with   depth
    ===== =================== ================ =======
    top   x                   -y               1 - z
    front y                   -z               1 - x
    right -x                  -z               0.5 - y
    ===== =================== ================ =======

    Args:
        points: (..., n, 3), cube.

    Returns:
        Places (..., 3, n, 2) as column and row in [-1, 1], and depths (..., 3, n), negative behind the eye. Both are in cube units.
    """
    x, y, z = points.unbind(-1)
    columns = torch.stack((x, y, -x), -2)
    rows = torch.stack((-y, -z, -z), -2)
    return torch.stack((columns, rows), -1), torch.stack((1 - z, 1 - x, _RIGHT_EYE - y), -2)


def pixels(points: Tensor, size: int) -> Tensor:
    """Continuous pixel coordinates (..., 3, n, 2), column and row, of points (..., n, 3) of the cube in views of size x size pixels.

    A pixel's index is the floor of its coordinates.
    """
    places, _ = project(points)
    return places * (size / 2) + size / 2


def location_channels(size: int) -> Tensor:
    """Channels (3 views, 3, size, size) that tell view number, row and column, each spread linearly over [-1, 1]."""
    ramp = torch.linspace(-1, 1, size)
    view = torch.linspace(-1, 1, len(VIEWS))[:, None, None].expand(-1, size, size)
    row = ramp[None, :, None].expand(len(VIEWS), size, size)
    return torch.stack((view, row, row.transpose(1, 2)), 1)
