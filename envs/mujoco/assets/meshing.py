"""Triangle meshes for the scenes: rounded boxes, solids of revolution, and the file form MuJoCo reads.

The scripts that make the stored meshes use this module, and so do the distractor objects, which are made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Profile corners sharper than this [rad] stay sharp on a solid of revolution.
_SMOOTH_ANGLE = np.deg2rad(45.0)


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh with a normal and a texture coordinate at every vertex.

    Attributes:
        vertices: (n, 3) [m].
        normals: (n, 3) outward, of length 1.
        uv: (n, 2) texture coordinates.
        faces: (m, 3) vertex numbers, counter-clockwise seen from outside.
    """

    vertices: NDArray[np.float64]
    normals: NDArray[np.float64]
    uv: NDArray[np.float64]
    faces: NDArray[np.int64]

    def moved(self, offset: ArrayLike) -> Mesh:
        """The mesh shifted by ``offset`` (3,) [m]."""
        return Mesh(self.vertices + np.asarray(offset, dtype=np.float64), self.normals, self.uv, self.faces)


def merged(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh made of several."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def rounded_box(size: ArrayLike, radius: float, segments: int = 1, texture_size: float | None = None) -> Mesh:
    """A box with rounded edges, centred at the origin.

    Args:
        size: (3,) full extents [m].
        radius: of the edges [m].
        segments: number of facets from the middle of an edge to a face.
        texture_size: edge [m] of the square that one repeat of a texture covers; None stretches it over each face once.
    """
    half = np.asarray(size, dtype=np.float64) / 2
    inner = half - radius
    bend = radius * np.tan(np.linspace(0.0, np.pi / 4, segments + 1))
    meshes = []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        steps_a = np.concatenate([-(inner[a] + bend)[::-1], inner[a] + bend])
        steps_b = np.concatenate([-(inner[b] + bend)[::-1], inner[b] + bend])
        grid_a, grid_b = np.meshgrid(steps_a, steps_b, indexing="ij")
        for side in (1.0, -1.0):
            on_cube = np.empty((*grid_a.shape, 3))
            on_cube[..., a], on_cube[..., b], on_cube[..., axis] = grid_a, grid_b, side * half[axis]
            core = np.clip(on_cube, -inner, inner)
            normals = on_cube - core
            normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
            flat = np.stack([side * grid_a, grid_b], axis=-1)
            uv = flat / texture_size if texture_size else flat / (2 * half[[a, b]]) + 0.5
            faces = _grid_faces(*grid_a.shape, flip=side < 0)
            meshes.append(Mesh((core + radius * normals).reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), faces))
    return merged(meshes)


def lathe(profile: ArrayLike, segments: int) -> Mesh:
    """A solid of revolution about z.

    Args:
        profile: (k, 2) radius and height [m], along the surface with the outside on the right hand, for instance upwards on
            an outer wall. Corners sharper than 45 degrees stay sharp.
        segments: number of facets around.
    """
    points = np.asarray(profile, dtype=np.float64)
    along = np.diff(points, axis=0)
    lengths = np.linalg.norm(along, axis=1)
    outward = np.stack([along[:, 1], -along[:, 0]], axis=1) / lengths[:, None]
    turn = np.arccos(np.clip((outward[1:] * outward[:-1]).sum(axis=1), -1.0, 1.0))
    at_start, at_end = outward.copy(), outward.copy()
    for corner in np.flatnonzero(turn < _SMOOTH_ANGLE):
        mean = outward[corner] + outward[corner + 1]
        at_end[corner] = at_start[corner + 1] = mean / np.linalg.norm(mean)

    angles = np.linspace(0.0, 2 * np.pi, segments + 1)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
    strips = []
    for i in range(len(along)):
        ends = ((points[i], at_start[i], travelled[i]), (points[i + 1], at_end[i], travelled[i + 1]))
        vertices = [np.column_stack([p[0] * around, np.full(segments + 1, p[1])]) for p, _, _ in ends]
        normals = [np.column_stack([n[0] * around, np.full(segments + 1, n[1])]) for _, n, _ in ends]
        uv = [np.column_stack([angles / (2 * np.pi), np.full(segments + 1, v)]) for _, _, v in ends]
        faces = _grid_faces(2, segments + 1, flip=True)
        # A strip that starts or ends on the axis is a fan: half of its triangles have no area.
        corners = np.concatenate(vertices)[faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        faces = faces[area > 0.0]
        strips.append(Mesh(np.concatenate(vertices), np.concatenate(normals), np.concatenate(uv), faces))
    return merged(strips)


def _grid_faces(rows: int, columns: int, *, flip: bool) -> NDArray[np.int64]:
    """Two triangles for each cell of a grid of vertices in row order."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    lower = first + np.array([0, columns, columns + 1])
    upper = first + np.array([0, columns + 1, 1])
    faces = np.stack([lower, upper], axis=1).reshape(-1, 3).astype(np.int64)
    return faces[:, ::-1] if flip else faces


def write_obj(path: Path, mesh: Mesh) -> None:
    """Writes a mesh as a Wavefront OBJ file, equal numbers once, coordinates to a micrometre."""
    tables = []
    indices = []
    for values, digits in ((mesh.vertices, 6), (mesh.uv, 4), (mesh.normals, 4)):
        unique, index = np.unique(np.round(values, digits) + 0.0, axis=0, return_inverse=True)
        tables.append([" ".join(f"{value:.{digits}f}".rstrip("0").rstrip(".") for value in row) for row in unique])
        indices.append(index.reshape(-1) + 1)
    lines = [f"{mark} {row}" for mark, table in zip(("v", "vt", "vn"), tables, strict=True) for row in table]
    for face in mesh.faces:
        lines.append("f " + " ".join(f"{indices[0][i]}/{indices[1][i]}/{indices[2][i]}" for i in face))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def cell_faces(rows: int, columns: int, *, closed: bool = False) -> NDArray[np.int64]:
    """Two triangles for each cell of a grid of vertices in row order, (2 * cells, 3).

    They are counter-clockwise where the next row lies above and the next column to the right; ``faces[:, [0, 2, 1]]`` faces the other way.

    Args:
        rows: of the grid.
        columns: of the grid.
        closed: whether the last column is joined to the first one.
    """
    column = np.arange(columns if closed else columns - 1)
    first = np.arange(rows - 1)[:, None] * columns + column
    right = np.arange(rows - 1)[:, None] * columns + (column + 1) % columns
    lower = np.stack([first, right, right + columns], axis=-1).reshape(-1, 3)
    upper = np.stack([first, right + columns, first + columns], axis=-1).reshape(-1, 3)
    return np.concatenate([lower, upper]).astype(np.int64)


def smooth_mesh(vertices: NDArray[np.float64], uv: NDArray[np.float64], faces: NDArray[np.int64]) -> Mesh:
    """A mesh whose normals are the means, weighted by area, over all triangles that meet at a place.

    Vertices within 0.1 micrometres count as one place, so that the seam of a texture is not seen. Triangles without area are left out.

    Args:
        vertices: (n, 3) [m].
        uv: (n, 2) texture coordinates.
        faces: (m, 3) vertex numbers, counter-clockwise seen from outside.
    """
    corners = vertices[faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    has_area = np.linalg.norm(areas, axis=1) > 1e-12
    faces, areas = faces[has_area], areas[has_area]
    places, place = np.unique(np.round(vertices, 7), axis=0, return_inverse=True)
    place = place.reshape(-1)
    sums = np.zeros((len(places), 3))
    for corner in range(3):
        np.add.at(sums, place[faces[:, corner]], areas)
    normals = sums[place]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Mesh(vertices, normals, uv, faces)


def loft(rings: ArrayLike) -> Mesh:
    """A smooth skin over closed rings, open at both ends.

    Args:
        rings: (k, n, 3) points [m], each ring counter-clockwise seen from where the rings lead to; a ring may shrink to a point.
    """
    points = np.asarray(rings, dtype=np.float64)
    count, around = points.shape[:2]
    uv = np.column_stack([np.tile(np.arange(around) / around, count), np.repeat(np.arange(count) / (count - 1), around)])
    return smooth_mesh(points.reshape(-1, 3), uv, cell_faces(count, around, closed=True))


def flat_quad(corners: ArrayLike, u: tuple[float, float] = (0.0, 1.0)) -> Mesh:
    """A flat quadrilateral with a texture upright on it.

    Args:
        corners: (4, 3) [m], counter-clockwise seen from outside, the texture's lower left corner first.
        u: the part of the texture's width that covers it.
    """
    points = np.asarray(corners, dtype=np.float64)
    normal = np.cross(points[1] - points[0], points[2] - points[0])
    normals = np.tile(normal / np.linalg.norm(normal), (4, 1))
    uv = np.array([[u[0], 0.0], [u[1], 0.0], [u[1], 1.0], [u[0], 1.0]])
    return Mesh(points, normals, uv, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int64))


def rounded_block(low: ArrayLike, high: ArrayLike, radius: float, texture_size: float | None = None) -> Mesh:
    """A `rounded_box` between its lowest and highest coordinates (3,) [m]."""
    size, centre = np.subtract(high, low), np.add(high, low) / 2
    return rounded_box(size, radius, texture_size=texture_size).moved(centre)


def write_hull_obj(path: Path, vertices: ArrayLike, faces: Sequence[Sequence[int]]) -> None:
    """Writes a colliding shape as a Wavefront OBJ file: vertices (n, 3) [m] to a micrometre and triangles of vertex numbers from 0."""
    lines = ["v " + " ".join(f"{value:.6f}" for value in vertex) for vertex in np.asarray(vertices, dtype=np.float64)]
    lines += ["f " + " ".join(str(index + 1) for index in face) for face in faces]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
