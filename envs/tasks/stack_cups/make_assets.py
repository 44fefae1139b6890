"""Makes the meshes of a cup. Run: ``python -m hamster_bench.envs.tasks.stack_cups.make_assets``.

The outline is fitted to the recorded bounding boxes of the original's cup, which lie in two tilted frames: axis 7.5 mm and 3 mm
beside the recorded position, 47 mm radius at the rim, 29 mm at the foot, 140 mm high.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe, write_hull_obj, write_obj

_HEIGHT = 0.140
_FOOT_RADIUS = 0.0289
_TAPER = 0.1215
# Top of the thick bottom; a cup inside another stands on it, this much higher [m].
_FLOOR = 0.019
_WALL = 0.002
_RIM_RADIUS = 0.0017
_FACETS = 40

# The colliding wall is a ring of convex pieces, thinner than what is seen so that nested cups do not jam.
_PIECES = 18
_PIECE_THICKNESS = 0.0015


def outer_radius(height: float) -> float:
    """Radius [m] of the outer wall at a height [m] above the foot."""
    return _FOOT_RADIUS + _TAPER * height


def cup() -> Mesh:
    """What is seen: a tapered cup with a rolled rim, standing on z = 0."""
    rim_height = _HEIGHT - _RIM_RADIUS
    rim_centre = outer_radius(_HEIGHT) - _RIM_RADIUS + 0.0012
    bead = np.deg2rad(np.linspace(-80.0, 190.0, 8))
    inside = _WALL * np.sqrt(1 + _TAPER**2)
    profile = [
        (0.0, 0.0015),
        (_FOOT_RADIUS - 0.006, 0.0015),
        (_FOOT_RADIUS - 0.005, 0.0),
        (_FOOT_RADIUS - 0.0015, 0.0),
        (outer_radius(0.0015), 0.0015),
        (outer_radius(rim_height - 0.0016), rim_height - 0.0016),
        *((rim_centre + _RIM_RADIUS * np.cos(a), rim_height + _RIM_RADIUS * np.sin(a)) for a in bead),
        (outer_radius(rim_height - 0.002) - inside, rim_height - 0.002),
        (outer_radius(_FLOOR + 0.003) - inside, _FLOOR + 0.003),
        (outer_radius(_FLOOR) - inside - 0.003, _FLOOR),
        (0.0, _FLOOR),
    ]
    return lathe(profile, _FACETS)


def wall_piece() -> tuple[NDArray[np.float64], tuple[tuple[int, int, int], ...]]:
    """One convex piece of the colliding wall, about the x axis: vertices (8, 3) and triangles."""
    half = np.pi / _PIECES
    vertices = []
    for height in (0.001, _HEIGHT - 0.001):
        for radius in (outer_radius(height) - _PIECE_THICKNESS, outer_radius(height)):
            vertices += [(radius * np.cos(a), radius * np.sin(a), height) for a in (-half, half)]
    # Vertices: bottom inner left, right, outer left, right; then the same at the top.
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return np.array(vertices), tuple(face for a, b, c, d in quads for face in ((a, b, c), (a, c, d)))


def main() -> None:
    """Writes the meshes beside this script."""
    here = Path(__file__).parent
    write_obj(here / "cup.obj", cup())
    write_hull_obj(here / "cup_wall.obj", *wall_piece())


if __name__ == "__main__":
    main()
