"""Makes the meshes of the rope's pieces. Run: ``python -m hamster_bench.envs.tasks.straighten_rope.make_assets``.

A piece has its axis along z. Three strands are laid by 240 degrees over the pitch of the chain, so that they run on from piece to piece;
pieces overlap a little, so that the rope has no gaps where it bends.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, cell_faces, lathe, merged, write_obj

FloatArray = NDArray[np.float64]

_PITCH = 0.0225
_LENGTH = 0.02
_RADIUS = 0.005
_OVERLAP = 0.0014
_LAY = np.deg2rad(240.0) / _PITCH
# A strand: its radius and the distance of its middle from the rope's axis [m]; together the rope's radius.
_STRAND_RADIUS = 0.0028
_STRAND_DISTANCE = _RADIUS - _STRAND_RADIUS
_AROUND = 18
_ALONG = 8
# The ends are whipped with thread over this length [m].
_WHIPPING = 0.006


def strands(low: float, high: float, rows: int) -> Mesh:
    """Three laid strands between two heights, without caps."""
    height = np.linspace(low, high, rows + 1)
    angle = 2 * np.pi * np.arange(_AROUND + 1) / _AROUND
    points = np.array([_ring(angle, z) for z in height])
    step = 1e-5
    along = np.array([_ring(angle, z + step) - _ring(angle, z - step) for z in height])
    around = np.array([_ring(angle + 1e-3, z) - _ring(angle - 1e-3, z) for z in height])
    normals = np.cross(around, along)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    uv = np.stack(np.broadcast_arrays(angle[None] / (2 * np.pi), height[:, None] / _PITCH), axis=-1)
    return Mesh(points.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), cell_faces(rows + 1, _AROUND + 1))


def _ring(angle: FloatArray, height: float) -> FloatArray:
    """Points (n, 3) of the rope's surface; angles count from the first strand, with which they turn."""
    within = (angle + np.pi / 3) % (2 * np.pi / 3) - np.pi / 3
    radius = _STRAND_DISTANCE * np.cos(within) + np.sqrt(_STRAND_RADIUS**2 - (_STRAND_DISTANCE * np.sin(within)) ** 2)
    turned = angle + _LAY * height
    return np.column_stack([radius * np.cos(turned), radius * np.sin(turned), np.full_like(angle, height)])


def end_piece() -> Mesh:
    """The last piece of the rope: strands on the side of the chain (z < 0), whipping and a flat end at z = 10 mm."""
    top = _LENGTH / 2
    profile = [
        (0.0, top - _WHIPPING),
        (_RADIUS - 0.0004, top - _WHIPPING),
        (_RADIUS, top - _WHIPPING + 0.0004),
        (_RADIUS, top - 0.0006),
        (_RADIUS - 0.0006, top),
        (0.0, top),
    ]
    return merged([strands(-_PITCH / 2 - _OVERLAP, top - _WHIPPING + 0.0005, _ALONG - 2), lathe(profile, _AROUND)])


def main() -> None:
    """Writes the meshes beside this script."""
    here = Path(__file__).parent
    write_obj(here / "rope_segment.obj", strands(-_PITCH / 2 - _OVERLAP, _PITCH / 2 + _OVERLAP, _ALONG))
    write_obj(here / "rope_end.obj", end_piece())


if __name__ == "__main__":
    main()
