"""Makes the meshes of spatula and cube. Run: ``python -m hamster_bench.envs.tasks.scoop_with_spatula.make_assets``.

Outline and side view follow the original's spatula as the recorded depth images show it: a flat slotted blade 0.13 m long and 0.12 m
wide, a neck that rises 44 mm over 0.08 m, and a level handle. All coordinates are those of the task base in the stored layout, from a
point on the table under the spatula: y along the spatula, the blade's edge at y = -0.1393, z upwards from the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, cell_faces, merged, rounded_box, write_hull_obj, write_obj

FloatArray = NDArray[np.float64]

# Edge and end of the blade, and end of the handle [m] along y.
_EDGE = -0.1393
_BLADE_END = -0.0115
_HANDLE_END = 0.1445
_BLADE_HALF_WIDTH = 0.0596
_BLADE_THICKNESS = 0.002
# Over this length the blade thins out to a sharp edge.
BEVEL = 0.03
_CORNER = 0.014
# Slots: distance between their middles, half width, and where they begin and end.
_SLOT_PITCH = 0.0195
_SLOT_HALF_WIDTH = 0.0034
_SLOT_START, _SLOT_END = -0.1015, -0.0275
_SLOTS = 5
_HANDLE_HALF_WIDTH = 0.0118
_HANDLE_THICKNESS = 0.009
# Side view of neck and handle: middle of the metal, y and z [m].
_NECK = ((-0.0115, 0.001), (0.004, 0.0065), (0.03, 0.0235), (0.052, 0.0355), (0.07, 0.0405), (0.1, 0.0403), (0.1445, 0.0372))


def spatula() -> Mesh:
    """What is seen."""
    return merged([_blade(), _neck(), _handle()])


def bevel() -> tuple[FloatArray, tuple[tuple[int, int, int], ...]]:
    """The colliding front of the blade, a wedge without thickness at its edge: vertices (6, 3) and triangles."""
    corners = [(x, _EDGE, 0.0) for x in (-_BLADE_HALF_WIDTH, _BLADE_HALF_WIDTH)]
    for z in (0.0, _BLADE_THICKNESS):
        corners += [(x, _EDGE + BEVEL, z) for x in (-_BLADE_HALF_WIDTH, _BLADE_HALF_WIDTH)]
    # Underside, slope, back, and the two sides.
    return np.array(corners), ((0, 2, 3), (0, 3, 1), (0, 1, 5), (0, 5, 4), (2, 4, 5), (2, 5, 3), (0, 4, 2), (1, 3, 5))


def _blade() -> Mesh:
    """Strips between slots; a slot's width is a function of y, so strips are grids."""
    rounding = _CORNER * (1.0 - np.cos(np.linspace(0.0, np.pi / 2, 7)))
    slot_round = _SLOT_HALF_WIDTH * (1.0 - np.cos(np.linspace(0.0, np.pi / 2, 5)))
    y = np.unique(
        np.round(
            np.concatenate(
                [
                    _EDGE + rounding,
                    [_EDGE + BEVEL],
                    _SLOT_START + slot_round,
                    _SLOT_END - slot_round,
                    _BLADE_END - 0.012 * (1.0 - np.cos(np.linspace(0.0, np.pi / 2, 5))),
                ]
            ),
            6,
        )
    )
    front = np.clip((_EDGE + _CORNER - y) / _CORNER, 0.0, 1.0)
    back = np.clip((y - (_BLADE_END - 0.012)) / 0.012, 0.0, 1.0)
    side = _BLADE_HALF_WIDTH - _CORNER * (1.0 - np.sqrt(1.0 - front**2)) - 0.012 * (1.0 - np.sqrt(1.0 - back**2))
    into = np.minimum(y - _SLOT_START, _SLOT_END - y)
    share = np.clip(1.0 - into / _SLOT_HALF_WIDTH, 0.0, 1.0)
    slot = np.where(into >= 0.0, _SLOT_HALF_WIDTH * np.sqrt(1.0 - share**2), 0.0)
    height = 0.0003 + (_BLADE_THICKNESS - 0.0003) * np.clip((y - _EDGE) / BEVEL, 0.0, 1.0)

    middles = _SLOT_PITCH * (np.arange(_SLOTS) - (_SLOTS - 1) / 2)
    cuts = [-side]
    for middle in middles:
        cuts += [middle - slot, middle + slot]
    cuts.append(side)
    return merged([_plate(y, low, high, height) for low, high in zip(cuts[::2], cuts[1::2], strict=True)])


def _plate(y: FloatArray, low: FloatArray, high: FloatArray, height: FloatArray) -> Mesh:
    """A flat strip on z = 0 between x = ``low`` and ``high`` (n,) of a ``height`` (n,), all along ``y`` (n,)."""
    floor = np.zeros_like(y)
    corners = [np.stack(c, axis=1) for c in ((low, y, height), (high, y, height), (high, y, floor), (low, y, floor))]
    sides = [_ruled(corners[i], corners[(i + 1) % 4]) for i in range(4)]
    ends = []
    for row, turned in ((0, False), (-1, True)):
        quad = [corner[row] for corner in corners]
        ends.append(_ruled(np.array([quad[0], quad[3]]), np.array([quad[1], quad[2]]), flip=turned))
    return merged([*sides, *ends])


def _neck() -> Mesh:
    """A plate that narrows from the blade's width to the handle's and rises."""
    path = _side_view(np.linspace(0.0, 0.55, 15))
    y = path[:, 0]
    share = np.clip((y - y[0]) / 0.032, 0.0, 1.0)
    width = _HANDLE_HALF_WIDTH + (_BLADE_HALF_WIDTH - 0.012 - _HANDLE_HALF_WIDTH) * (1.0 - np.sin(0.5 * np.pi * share)) ** 1.3
    return _swept(path, width, np.full(len(y), _BLADE_THICKNESS / 2), corners=4)


def _handle() -> Mesh:
    """A rounded grip around the end of the plate."""
    path = _side_view(np.concatenate([[0.44, 0.445, 0.455], np.linspace(0.5, 0.97, 12), [0.985, 0.995, 1.0]]))
    swell = np.sqrt(1.0 - np.concatenate([[1.0, 0.55, 0.15], np.zeros(12), [0.25, 0.6, 1.0]]) ** 2)
    return _swept(path, _HANDLE_HALF_WIDTH * (0.15 + 0.85 * swell), 0.5 * _HANDLE_THICKNESS * (0.02 + 0.98 * swell), corners=16)


def _side_view(share: FloatArray) -> FloatArray:
    """Points (n, 2), y and z, at shares of the length of neck and handle: a smooth curve through the given points."""
    knots = np.array(_NECK)
    t = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    slope = np.gradient(knots, t, axis=0)
    slope[0] = (1.0, 0.0)
    at = share * t[-1]
    cell = np.clip(np.searchsorted(t, at, side="right") - 1, 0, len(t) - 2)
    span = (t[cell + 1] - t[cell])[:, None]
    u = (at - t[cell])[:, None] / span
    start, end = knots[cell], knots[cell + 1]
    out: FloatArray = (
        (2 * u**3 - 3 * u**2 + 1) * start
        + (u**3 - 2 * u**2 + u) * span * slope[cell]
        + (3 * u**2 - 2 * u**3) * end
        + (u**3 - u**2) * span * slope[cell + 1]
    )
    return out


def _swept(path: FloatArray, half_width: FloatArray, half_height: FloatArray, corners: int) -> Mesh:
    """A section swept along a path (n, 2) in the y-z plane: a rectangle with 4 ``corners``, a superellipse with more."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    up = np.stack([-along[:, 1], along[:, 0]], axis=1)
    if corners == 4:
        section = np.array([(1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)])
    else:
        angle = 2 * np.pi * np.arange(corners) / corners
        section = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        section = np.sign(section) * np.abs(section) ** 0.6
    rims = []
    for x, z in section:
        rims.append(np.column_stack([x * half_width, path + z * half_height[:, None] * up]))
    if corners == 4:
        return merged([_ruled(rims[i], rims[(i + 1) % 4], flip=True) for i in range(4)])
    return _smooth(np.stack([*rims, rims[0]], axis=1))


def _ruled(a: FloatArray, b: FloatArray, *, flip: bool = False) -> Mesh:
    """The surface between two rows of points (n, 3) with a normal of its own at every cell of the grid."""
    meshes = []
    for i in range(len(a) - 1):
        quad = np.array([a[i], b[i], b[i + 1], a[i + 1]])
        if flip:
            quad = quad[::-1]
        normal = np.cross(quad[2] - quad[0], quad[3] - quad[1])
        size = np.linalg.norm(normal)
        if size < 1e-12:
            continue
        faces = np.array([f for f in ((0, 1, 2), (0, 2, 3)) if _area(quad[list(f)]) > 1e-12])
        meshes.append(Mesh(quad, np.tile(normal / size, (4, 1)), _plan(quad), faces))
    if meshes:
        return merged(meshes)
    return Mesh(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 2)), np.empty((0, 3), dtype=np.int64))


def _smooth(grid: FloatArray) -> Mesh:
    """A tube through rings of points (n, m, 3), shaded smoothly; the last point of a ring repeats the first."""
    along = np.gradient(grid, axis=0)
    around = np.gradient(grid[:, :-1], axis=1)
    around[:, 0] = (grid[:, 1] - grid[:, -2]) / 2
    around[:, -1] = (grid[:, 0] - grid[:, -3]) / 2
    around = np.concatenate([around, around[:, :1]], axis=1)
    normals = np.cross(along, around)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    rows, columns = grid.shape[:2]
    points = grid.reshape(-1, 3)
    return Mesh(points, normals.reshape(-1, 3), _plan(points), cell_faces(rows, columns)[:, [0, 2, 1]])


def _plan(points: FloatArray) -> FloatArray:
    """Texture coordinates of points (n, 3): the spatula seen from above, its length once."""
    length = _HANDLE_END - _EDGE
    return np.stack([(points[:, 1] - _EDGE) / length, points[:, 0] / length + 0.5], axis=1)


def _area(triangle: FloatArray) -> float:
    return float(0.5 * np.linalg.norm(np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])))


def main() -> None:
    """Writes the meshes beside this script."""
    here = Path(__file__).parent
    write_obj(here / "spatula.obj", spatula())
    write_hull_obj(here / "spatula_bevel.obj", *bevel())
    write_obj(here / "scoop_cube.obj", rounded_box((0.02, 0.02, 0.02), radius=0.0008, segments=2))


if __name__ == "__main__":
    main()
