"""Makes the sponge. Run: ``python -m hamster_bench.envs.tasks.wipe_desk.make_assets``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, cell_faces, merged, write_obj
from hamster_bench.envs.mujoco.assets.texturing import grey, periodic_noise, save_png

# Extents of the original's visible sponge [m]: two round lobes, its length along y. Fingers take it by the waist, which is as wide as
# its colliding box.
_LENGTH, _WIDTH, _HEIGHT = 0.1762, 0.0875, 0.0469
_WAIST = 0.0579
_EDGE_RADIUS = 0.006
_EDGE_STEPS = 4

# Edge [m] of the square that one repeat of the texture covers.
_TEXTURE_SIZE = 0.06


def _side() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outline on the +x side, from the end at -y to the end at +y: points (n, 2) and outward normals (n, 2).

    A lobe is a circle of half the width; the waist is the circle that touches both from outside.
    """
    lobe = _WIDTH / 2
    centre = _LENGTH / 2 - lobe
    waist = _WAIST / 2
    hollow = (centre**2 + waist**2 - lobe**2) / (2 * (lobe - waist))
    # Angle at the centre of a lobe, from +y, of the point where the circles touch.
    touch = np.pi - np.arctan2(waist + hollow, centre)
    around = np.linspace(0.0, touch, 18)
    points = [np.column_stack([lobe * np.sin(around), centre + lobe * np.cos(around)])]
    normals = [np.column_stack([np.sin(around), np.cos(around)])]
    inside = np.linspace(touch, np.pi - touch, 11)[1:-1]
    points.append(np.column_stack([waist + hollow - hollow * np.sin(inside), -hollow * np.cos(inside)]))
    normals.append(np.column_stack([np.sin(inside), np.cos(inside)]))
    points.append(points[0][::-1] * (1.0, -1.0))
    normals.append(normals[0][::-1] * (1.0, -1.0))
    return np.concatenate(points)[::-1], np.concatenate(normals)[::-1]


def sponge() -> Mesh:
    """A rounded slab with the outline of a peanut, centred at the origin, its length along y."""
    side, side_normals = _side()
    outline = np.concatenate([side, side[-2:0:-1] * (-1.0, 1.0), side[:1]])
    outward = np.concatenate([side_normals, side_normals[-2:0:-1] * (-1.0, 1.0), side_normals[:1]])
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))])
    # The texture closes on itself around the wall.
    travelled *= round(travelled[-1] / _TEXTURE_SIZE) / travelled[-1]

    bends = np.linspace(0.0, np.pi / 2, _EDGE_STEPS + 1)
    tilt = np.concatenate([-bends[::-1], bends])
    inset = _EDGE_RADIUS * (1.0 - np.cos(tilt))
    height = np.sign(tilt) * (_HEIGHT / 2 - _EDGE_RADIUS) + _EDGE_RADIUS * np.sin(tilt)
    height[_EDGE_STEPS] = -(_HEIGHT / 2 - _EDGE_RADIUS)
    height[_EDGE_STEPS + 1] = _HEIGHT / 2 - _EDGE_RADIUS
    rows, columns = len(tilt), len(outline)
    flat = outline[None] - inset[:, None, None] * outward[None]
    vertices = np.concatenate([flat, np.broadcast_to(height[:, None, None], (rows, columns, 1))], axis=2)
    normals = np.concatenate(
        [np.cos(tilt)[:, None, None] * outward[None], np.broadcast_to(np.sin(tilt)[:, None, None], (rows, columns, 1))], axis=2
    )
    up = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(inset), np.diff(height)))]) / _TEXTURE_SIZE
    uv = np.stack(np.broadcast_arrays(travelled[None], up[:, None]), axis=2)
    wall = Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), cell_faces(rows, columns))
    return merged([wall, _face(side - _EDGE_RADIUS * side_normals, 1.0), _face(side - _EDGE_RADIUS * side_normals, -1.0)])


def _face(side: NDArray[np.float64], sign: float) -> Mesh:
    """The upper (1.0) or lower (-1.0) face between the outline on the +x side and its mirror image."""
    ends = np.stack([side * (-1.0, 1.0), side], axis=1)
    vertices = np.concatenate([ends, np.full((len(side), 2, 1), sign * _HEIGHT / 2)], axis=2).reshape(-1, 3)
    normals = np.tile((0.0, 0.0, sign), (len(vertices), 1))
    faces = cell_faces(len(side), 2)
    corners = vertices[faces]
    faces = faces[np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) > 1e-12]
    # Rows run along y and columns along x, so that a cell's own order is that of a face seen from below.
    return Mesh(vertices, normals, vertices[:, :2] / _TEXTURE_SIZE, faces if sign > 0 else faces[:, ::-1])


def foam() -> NDArray[np.float64]:
    """Foam in a light grey that any colour can tint: fine grain, and pores of several sizes."""
    rng = np.random.default_rng(14)
    size = 192
    grain = 0.5 * periodic_noise((size, size), (24, 24), rng) + 0.5 * periodic_noise((size, size), (64, 64), rng)
    image = 0.93 + 0.04 * grain
    row, column = np.mgrid[0:size, 0:size]
    for radius, count, depth in ((7.0, 10, 0.34), (4.0, 42, 0.3), (2.2, 150, 0.24)):
        for centre in rng.uniform(0, size, (count, 2)):
            # Distances across the border of the image, which repeats.
            across = [(axis - middle + size / 2) % size - size / 2 for axis, middle in zip((row, column), centre, strict=True)]
            stretch = rng.uniform(0.7, 1.0)
            reach = np.hypot(across[0] * stretch, across[1]) / (radius * rng.uniform(0.7, 1.1))
            image -= depth * np.clip(1.15 - reach, 0.0, 0.4) / 0.4 * rng.uniform(0.5, 1.0)
    return grey(np.clip(image, 0.32, 1.0))


def main() -> None:
    """Writes mesh and texture beside this script."""
    here = Path(__file__).parent
    write_obj(here / "sponge.obj", sponge())
    save_png(here / "sponge_foam.png", foam(), colors=24)


if __name__ == "__main__":
    main()
