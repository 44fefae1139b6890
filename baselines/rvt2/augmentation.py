"""Shifts and turns of a whole scene together with its target."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Along each axis, as a share of the workspace; and about the vertical [rad] (RVT-2).
_SHIFT = 0.125
_TURN = math.pi / 4


@dataclass(frozen=True)
class Augmented:
    """A scene that was shifted and turned.

    Attributes:
        points: (b, n, 3) [m].
        position: (b, 3) [m] of the target.
        quat_xyzw: (b, 4) of the target.
    """

    points: Tensor
    position: Tensor
    quat_xyzw: Tensor


def augment(
    points: Tensor, position: Tensor, quat_xyzw: Tensor, workspace: Tensor, u01_shift: Tensor, u01_turn: Tensor
) -> Augmented:
    """Turns scenes about their targets and the vertical by up to 45 degrees, then shifts them by up to an eighth of the workspace.

    The shift is held so that the target stays in the workspace.

    Args:
        points: (b, n, 3) [m], world frame.
        position: (b, 3) [m] of the targets.
        quat_xyzw: (b, 4) of the targets.
        workspace: (2, 3) [m], lowest and highest corner.
        u01_shift: (b, 3) uniform numbers in [0, 1); one half is no shift.
        u01_turn: (b,) uniform numbers in [0, 1); one half is no turn, 0 the largest turn to the left.
    """
    low, high = workspace
    shifted = position + (2 * u01_shift - 1) * _SHIFT * (high - low)
    shifted = torch.minimum(torch.maximum(shifted, torch.minimum(low, position)), torch.maximum(high, position))
    angle = (1 - 2 * u01_turn) * _TURN
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    x, y, z = (points - position[:, None]).unbind(-1)
    turned = torch.stack((cos * x - sin * y, sin * x + cos * y, z), -1)
    return Augmented(turned + shifted[:, None], shifted, _turned(quat_xyzw, angle))


def drawn(rng: np.random.Generator, batch: int) -> tuple[Tensor, Tensor]:
    """Uniform numbers for `augment`: shifts (b, 3) and turns (b,)."""
    numbers = torch.from_numpy(rng.random((batch, 4), dtype=np.float32))
    return numbers[:, :3], numbers[:, 3]


def _turned(quat_xyzw: Tensor, angle: Tensor) -> Tensor:
    """Rotations (b, 4) followed by turns (b,) [rad] about z."""
    x, y, z, w = quat_xyzw.unbind(-1)
    cos, sin = (angle / 2).cos(), (angle / 2).sin()
    return torch.stack((cos * x - sin * y, cos * y + sin * x, cos * z + sin * w, cos * w - sin * z), -1)
