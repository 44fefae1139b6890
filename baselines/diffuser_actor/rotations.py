"""Rotations as the network sees them: six numbers, or a quaternion. Everything is differentiable and batched."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hamster_bench.baselines.diffuser_actor.settings import QuaternionOrder, Rotation


def matrix_from_quat_wxyz(quat_wxyz: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4) of any length but zero."""
    w, x, y, z = functional.normalize(quat_wxyz, dim=-1).unbind(-1)
    rows = (
        torch.stack((1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)), -1),
        torch.stack((2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)), -1),
        torch.stack((2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)), -1),
    )
    return torch.stack(rows, -2)


def quat_wxyz_from_matrix(matrix: Tensor) -> Tensor:
    """Unit quaternions (..., 4) of rotation matrices (..., 3, 3), the largest of the four numbers positive.

    With q the quaternion, all entries of 4 q qᵀ are sums of entries of the matrix. Its row with the largest diagonal entry, scaled to
    unit length, is q, and never a division by a small number (Shepperd 1978).
    """
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (row.unbind(-1) for row in matrix.unbind(-2))
    wx, wy, wz = m21 - m12, m02 - m20, m10 - m01
    xy, xz, yz = m10 + m01, m02 + m20, m12 + m21
    outer = torch.stack(
        (
            torch.stack((1 + m00 + m11 + m22, wx, wy, wz), -1),
            torch.stack((wx, 1 + m00 - m11 - m22, xy, xz), -1),
            torch.stack((wy, xy, 1 - m00 + m11 - m22, yz), -1),
            torch.stack((wz, xz, yz, 1 - m00 - m11 + m22), -1),
        ),
        -2,
    )
    largest = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None].expand(*outer.shape[:-2], 1, 4)
    return functional.normalize(outer.gather(-2, largest).squeeze(-2), dim=-1)


def six_from_matrix(matrix: Tensor) -> Tensor:
    """The first two columns of rotation matrices (..., 3, 3), one after the other: (..., 6) (Zhou et al. 2019)."""
    return matrix[..., :2].transpose(-1, -2).flatten(-2)


def matrix_from_six(six: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of any two vectors (..., 6) that are not parallel.

    The first is made unit, the third is perpendicular to both, and the second perpendicular to those.
    """
    first = functional.normalize(six[..., :3], dim=-1)
    third = functional.normalize(torch.linalg.cross(first, six[..., 3:]), dim=-1)
    return torch.stack((first, torch.linalg.cross(third, first), third), -1)


def encoded_rotation(quat: Tensor, order: QuaternionOrder, rotation: Rotation) -> Tensor:
    """What is denoised, (..., 6) or (..., 4), of quaternions (..., 4) of any length but zero."""
    quat_wxyz = functional.normalize(quat if order == "wxyz" else quat.roll(1, -1), dim=-1)
    return six_from_matrix(matrix_from_quat_wxyz(quat_wxyz)) if rotation == "6d" else quat_wxyz


def decoded_rotation(encoded: Tensor, order: QuaternionOrder, rotation: Rotation) -> Tensor:
    """Unit quaternions (..., 4) of what was denoised."""
    quat_wxyz = quat_wxyz_from_matrix(matrix_from_six(encoded)) if rotation == "6d" else functional.normalize(encoded, dim=-1)
    return quat_wxyz if order == "wxyz" else quat_wxyz.roll(-1, -1)
