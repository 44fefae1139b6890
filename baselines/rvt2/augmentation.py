"""Shifts and turns of a whole scene together with its target."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Largest shift along each axis, as a share of the workspace, and largest turn about the vertical [degrees], in RVT-2.
SHIFT, TURN = 0.125, 45.0


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
    points: Tensor,
    position: Tensor,
    quat_xyzw: Tensor,
    workspace: Tensor,
    u01: Tensor,
    *,
    shift: float = SHIFT,
    turn: float = TURN,
) -> Augmented:
    """Turns scenes about their targets and the vertical, then shifts them, held so that the target stays in the workspace.

    Args:
        points: (b, n, 3) [m], world frame.
        position: (b, 3) [m] of the targets.
        quat_xyzw: (b, 4) of the targets.
        workspace: (2, 3) [m], lowest and highest corner.
        u01: (b, 4) uniform numbers in [0, 1): shift along x, y and z, one half for none; and turn, from the largest to the left.
        shift: largest, as a share of the workspace.
        turn: largest [degrees].
    """
    low, high = workspace
    shifted = position + (2 * u01[:, :3] - 1) * shift * (high - low)
    shifted = torch.minimum(torch.maximum(shifted, torch.minimum(low, position)), torch.maximum(high, position))
    angle = (1 - 2 * u01[:, 3]) * math.radians(turn)
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    x, y, z = (points - position[:, None]).unbind(-1)
    turned = torch.stack((cos * x - sin * y, sin * x + cos * y, z), -1)
    return Augmented(turned + shifted[:, None], shifted, _turned(quat_xyzw, angle))


def _turned(quat_xyzw: Tensor, angle: Tensor) -> Tensor:
    """Rotations (b, 4) followed by turns (b,) [rad] about z."""
    x, y, z, w = quat_xyzw.unbind(-1)
    cos, sin = (angle / 2).cos(), (angle / 2).sin()
    return torch.stack((cos * x - sin * y, cos * y + sin * x, cos * z + sin * w, cos * w - sin * z), -1)
