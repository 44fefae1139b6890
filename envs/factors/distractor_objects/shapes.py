"""Closed meshes out of outlines: lofts, tubes and plates, and the convex pieces that collide in their place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.factors.distractor_objects.model import Box, FloatArray, Hull
from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe

# Faces that meet at a sharper angle [rad] keep the edge between them.
_CREASE = np.deg2rad(40.0)
# Vertices closer than this [m] are one.
_WELD = 1e-7


# Turns x, y, z into y, z, x: an outline drawn in x, y stands upright in the plane of y and z.
TO_SIDE: FloatArray = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


# Outlines: (n, 2) closed loops, counter-clockwise.


def ellipse(width: float, depth: float, points: int = 24) -> FloatArray:
    """An ellipse by its full axes [m], first point on the positive first axis."""
    angles = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    outline: FloatArray = np.stack([width / 2 * np.cos(angles), depth / 2 * np.sin(angles)], axis=1)
    return outline


def superellipse(width: float, depth: float, exponent: float = 4.0, points: int = 24) -> FloatArray:
    """Between an ellipse (exponent 2) and a rectangle (large exponents), by its full axes [m]."""
    circle = ellipse(2.0, 2.0, points)
    outline: FloatArray = np.sign(circle) * np.abs(circle) ** (2 / exponent) * np.array([width / 2, depth / 2])
    return outline


def rectangle(width: float, depth: float, at: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """A rectangle by its full edges and its centre [m]."""
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    outline: FloatArray = corners * np.array([width / 2, depth / 2]) + np.asarray(at)
    return outline


def arc(radius: float, start: float, end: float, points: int, at: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """Points on a circle between two angles [degrees], both ends included."""
    angles = np.deg2rad(np.linspace(start, end, points))
    points_on_it: FloatArray = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1) + np.asarray(at)
    return points_on_it


def ball_profile(radius: float, points: int, centre: float = 0.0, low: float = -90.0, high: float = 90.0) -> FloatArray:
    """Profile of a sphere for a lathe, from latitude ``low`` to ``high`` [degrees]; (n, 2) radius and height [m]."""
    profile = arc(radius, low, high, points, at=(0.0, centre))
    profile[np.abs(profile[:, 0]) < _WELD, 0] = 0.0
    return profile


def rounded(profile: ArrayLike) -> FloatArray:
    """A profile (n, 2) with a point between every two, on the Catmull-Rom spline through them; it never leaves their range."""
    points = np.asarray(profile, dtype=np.float64)
    ends = np.concatenate([points[:1], points, points[-1:]])
    middle = (9 * (ends[1:-2] + ends[2:-1]) - ends[:-3] - ends[3:]) / 16
    fine = np.empty((2 * len(points) - 1, 2))
    fine[::2] = points
    fine[1::2] = np.clip(middle, points.min(axis=0), points.max(axis=0))
    return fine


# Movements.


def turned(axis: str, degrees: float) -> FloatArray:
    """Rotation matrix about a coordinate axis, ``"x"``, ``"y"`` or ``"z"``."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    matrix = np.eye(3)
    matrix[j, j], matrix[j, k], matrix[k, j], matrix[k, k] = c, -s, s, c
    return matrix


# Turns z into y: a solid of revolution lies down, broadside to the camera.
ALONG_Y: FloatArray = turned("x", -90.0)


def moved(mesh: Mesh, at: ArrayLike = (0.0, 0.0, 0.0), rotation: FloatArray | None = None) -> Mesh:
    """The mesh turned about the origin, then shifted by ``at`` [m]."""
    R = np.eye(3) if rotation is None else rotation
    return Mesh(mesh.vertices @ R.T + np.asarray(at, dtype=np.float64), mesh.normals @ R.T, mesh.uv, mesh.faces)


def stretched(mesh: Mesh, factors: ArrayLike) -> Mesh:
    """The mesh stretched along the axes about the origin; normals follow."""
    scale = np.asarray(factors, dtype=np.float64)
    normals = mesh.normals / scale
    return Mesh(mesh.vertices * scale, normals / np.linalg.norm(normals, axis=1, keepdims=True), mesh.uv, mesh.faces)


def flattened(mesh: Mesh, depth: float) -> Mesh:
    """The mesh with its lowest ``depth`` [m] pressed flat, so that it can lie on a table."""
    vertices = mesh.vertices.copy()
    floor = vertices[:, 2].min() + depth
    vertices[:, 2] = np.maximum(vertices[:, 2], floor)
    corners = vertices[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return Mesh(vertices, mesh.normals, mesh.uv, mesh.faces[area > 0.0])


# Solids.


def loft(rings: Sequence[ArrayLike] | FloatArray, closed: bool = False) -> Mesh:
    """A closed surface through rings of equally many points, with flat ends.

    Args:
        rings: k loops (m, 3) [m], counter-clockwise seen against the direction from the first to the last. A ring may shrink to a
            point. The first and the last must be star-shaped about their middle.
        closed: join the last ring to the first instead of closing the ends.
    """
    points = np.asarray(rings, dtype=np.float64)
    k, m = points.shape[:2]
    vertices = points.reshape(-1, 3)
    row = np.arange(k if closed else k - 1)[:, None] * m
    above = (row + m) % (k * m)
    j = np.arange(m)
    after = (j + 1) % m
    sides = [
        np.stack([row + j, row + after, above + after], axis=-1).reshape(-1, 3),
        np.stack([row + j, above + after, above + j], axis=-1).reshape(-1, 3),
    ]
    if not closed:
        vertices = np.concatenate([vertices, points[[0, -1]].mean(axis=1)])
        bottom, top = np.full(m, k * m), np.full(m, k * m + 1)
        last = (k - 1) * m
        sides += [np.stack([bottom, after, j], axis=1), np.stack([top, last + j, last + after], axis=1)]
    return shaded(vertices, np.concatenate(sides))


def column(sections: Sequence[tuple[float, ArrayLike]]) -> Mesh:
    """A loft along z through outlines (m, 2), each at its height [m]."""
    return loft([np.column_stack([outline, np.full(len(np.asarray(outline)), z)]) for z, outline in sections])


def tube(
    path: ArrayLike,
    radius: ArrayLike,
    up: ArrayLike = (0.0, 0.0, 1.0),
    sides: int = 8,
    closed: bool = False,
    round_ends: bool = False,
) -> Mesh:
    """An elliptic section swept along a path.

    Args:
        path: (n, 3) points [m].
        radius: one number, (n,), (1, 2) or (n, 2) radii [m]; of two, the first is across ``up``, the second along it.
        up: (3,) or (n, 3) direction that fixes the turn of the section, never along the path.
        sides: corners of the section.
        closed: the path is a loop; its first point is not repeated at the end.
        round_ends: end in half balls instead of flat.
    """
    points = np.asarray(path, dtype=np.float64)
    n = len(points)
    radii = np.asarray(radius, dtype=np.float64)
    radii = np.broadcast_to(radii[:, None] if radii.ndim == 1 else radii, (n, 2))
    if closed:
        tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    else:
        tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    upward = np.broadcast_to(np.asarray(up, dtype=np.float64), (n, 3))
    v = upward - (upward * tangent).sum(axis=1, keepdims=True) * tangent
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    u = np.cross(v, tangent)
    if round_ends and not closed:
        bend = np.deg2rad([90.0, 60.0, 30.0])
        order = np.concatenate([np.zeros(3, dtype=int), np.arange(n), np.full(3, n - 1)])
        shift = np.concatenate([-np.sin(bend) * radii[0].mean(), np.zeros(n), np.sin(bend[::-1]) * radii[-1].mean()])
        shrink = np.concatenate([np.cos(bend), np.ones(n), np.cos(bend[::-1])])
        shrink[[0, -1]] = 0.0
        points = points[order] + shift[:, None] * tangent[order]
        radii, u, v = radii[order] * shrink[:, None], u[order], v[order]
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    section = np.cos(angles)[:, None] * (radii[:, None, :1] * u[:, None]) + np.sin(angles)[:, None] * (
        radii[:, None, 1:] * v[:, None]
    )
    return loft(points[:, None] + section, closed=closed)


def slab(outline: ArrayLike, bottom: float, top: float, chamfer: float = 0.0) -> Mesh:
    """An outline (n, 2), convex or not, pulled up from ``bottom`` to ``top`` [m], its rims bevelled by ``chamfer`` [m]."""
    full = np.asarray(outline, dtype=np.float64)
    n = len(full)
    levels = [(bottom, full), (top, full)]
    if chamfer > 0.0:
        small = _inset(full, chamfer)
        levels = [(bottom, small), (bottom + chamfer, full), (top - chamfer, full), (top, small)]
    vertices = np.concatenate([np.column_stack([points, np.full(n, z)]) for z, points in levels])
    row = np.arange(len(levels) - 1)[:, None] * n
    j = np.arange(n)
    after = (j + 1) % n
    cap = _triangulated(levels[0][1])
    faces = [
        np.stack([row + j, row + after, row + n + after], axis=-1).reshape(-1, 3),
        np.stack([row + j, row + n + after, row + n + j], axis=-1).reshape(-1, 3),
        cap[:, ::-1],
        cap + (len(levels) - 1) * n,
    ]
    return shaded(vertices, np.concatenate(faces))


def block(size: ArrayLike, at: ArrayLike = (0.0, 0.0, 0.0)) -> Mesh:
    """A box with sharp edges by its full edges and its centre [m]: 12 triangles."""
    x, y, z = np.asarray(size, dtype=np.float64)
    return moved(slab(rectangle(x, y), -z / 2, z / 2), at)


def print_through(outline: ArrayLike, depth: float) -> Mesh:
    """A print on the two sides of a package that face x and -x: a plate (y, z outline) barely thicker than its ``depth`` [m]."""
    return moved(slab(outline, -depth / 2 - 0.0004, depth / 2 + 0.0004), rotation=TO_SIDE)


def strip(positions: ArrayLike, half_widths: ArrayLike, heights: ArrayLike, hollows: ArrayLike, thickness: ArrayLike) -> Mesh:
    """A bent strip of sheet along x, hollow across like a spoon where asked.

    Args:
        positions: (k,) x of the cross-sections [m].
        half_widths: (k,) [m].
        heights: (k,) z of the upper side at its rim [m].
        hollows: (k,) how far the middle of the upper side lies below its rim [m].
        thickness: one number or (k,) [m].
    """
    x, w, z, hollow, t = (
        np.asarray(v, dtype=np.float64)[..., None] for v in (positions, half_widths, heights, hollows, thickness)
    )
    across = np.linspace(-1.0, 1.0, 7)
    upper = z - hollow * (1 - across**2)
    lower = upper - t
    shape = np.broadcast_shapes(upper.shape, lower.shape)
    loop_y = np.concatenate([w * across, (w * across)[:, ::-1]], axis=1)
    loop_z = np.concatenate([np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)[:, ::-1]], axis=1)
    return loft(np.stack([np.broadcast_to(x, loop_y.shape), loop_y, loop_z], axis=-1))


def shaded(vertices: FloatArray, faces: NDArray[np.int64]) -> Mesh:
    """A mesh with smooth normals except across sharp edges; equal vertices are joined first and empty triangles dropped."""
    first, joined = _distinct(np.round(vertices / _WELD).astype(np.int64))
    points, faces = vertices[first], joined[faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    corners = points[faces]
    weighted = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-300)

    # Every pair of corners that share a vertex, ordered by the first of the two.
    order = np.argsort(faces.reshape(-1), kind="stable")
    vertex = faces.reshape(-1)[order]
    counts = np.bincount(vertex, minlength=len(points))
    starts = np.cumsum(counts) - counts
    repeats = counts[vertex]
    here = np.repeat(np.arange(len(order)), repeats)
    rank = np.arange(len(here)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    there = starts[vertex[here]] + rank
    face_here, face_there = order[here] // 3, order[there] // 3
    smooth = (flat[face_here] * flat[face_there]).sum(axis=1) > np.cos(_CREASE)
    normals = np.stack([np.bincount(here, weighted[face_there, i] * smooth, len(order)) for i in range(3)], axis=1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where(length > 0.0, normals / np.maximum(length, 1e-300), flat[order // 3])

    first, number = _distinct(np.column_stack([vertex, np.round(normals * 1e4).astype(np.int64)]))
    corner = np.empty(len(order), dtype=np.int64)
    corner[order] = number
    positions = points[vertex[first]]
    return Mesh(positions, normals[first], np.zeros((len(positions), 2)), corner.reshape(-1, 3))


# Colliding pieces.


def hull(mesh: Mesh) -> Hull:
    """The convex hull of a closed mesh, weighed by the mesh's own volume."""
    corners = mesh.vertices[mesh.faces]
    volume = float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)
    first, _ = _distinct(np.round(mesh.vertices / _WELD).astype(np.int64))
    return Hull(mesh.vertices[first], volume)


def lathe_hull(profile: ArrayLike, sides: int = 12) -> Mesh:
    """A coarse solid of revolution around the true one: a facet, not an edge, faces -x and x, so that it can lie on one."""
    points = np.asarray(profile, dtype=np.float64) * np.array([1 / np.cos(np.pi / sides), 1.0])
    return moved(lathe(points, sides), rotation=turned("z", 180.0 / sides))


def wall_ring(low: tuple[float, float], high: tuple[float, float], thickness: float, pieces: int = 12) -> list[Box]:
    """Boxes around the z axis that stand for the wall of a bowl or a cup.

    Args:
        low: radius and height of the outer wall at its lower end [m].
        high: the same at its upper end.
        thickness: of the wall [m].
        pieces: number of boxes.
    """
    # Faces lie inside the round wall by as much as corners lie outside.
    between = (1 + np.cos(np.pi / pieces)) / 2
    (r0, z0), (r1, z1) = (low[0] * between, low[1]), (high[0] * between, high[1])
    length = float(np.hypot(r1 - r0, z1 - z0))
    outward = np.array([z1 - z0, r0 - r1]) / length
    middle = np.array([(r0 + r1) / 2, (z0 + z1) / 2]) - outward * thickness / 2
    width = 2 * (max(r0, r1) - thickness / 2) * np.tan(np.pi / pieces)
    lean = turned("y", float(np.rad2deg(np.arctan2(r1 - r0, z1 - z0))))
    boxes = []
    for i in range(pieces):
        around = turned("z", 360.0 * i / pieces)
        centre = around @ np.array([middle[0], 0.0, middle[1]])
        boxes.append(Box(np.array([thickness, width, length]) / 2, centre, around @ lean))
    return boxes


def _distinct(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each kind of row (k,), and which of these every row (n,) equals. ``numpy.unique`` along an axis is ten times slower."""
    order = np.lexsort(rows.T)
    ordered = rows[order]
    new = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    number = np.empty(len(rows), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return order[new], number


def _inset(outline: FloatArray, distance: float) -> FloatArray:
    """The outline with every edge moved inwards by ``distance``."""
    after, before = np.roll(outline, -1, axis=0) - outline, outline - np.roll(outline, 1, axis=0)
    inward_after = np.stack([-after[:, 1], after[:, 0]], axis=1) / np.linalg.norm(after, axis=1, keepdims=True)
    inward_before = np.stack([-before[:, 1], before[:, 0]], axis=1) / np.linalg.norm(before, axis=1, keepdims=True)
    middle = inward_after + inward_before
    share = 2.0 / np.maximum((middle**2).sum(axis=1, keepdims=True), 0.5)
    inset: FloatArray = outline + distance * middle * share
    return inset


def _triangulated(outline: FloatArray) -> NDArray[np.int64]:
    """Triangles (n - 2, 3) of a simple counter-clockwise polygon, by cutting ears."""
    left = list(range(len(outline)))
    triangles = []
    while len(left) > 3:
        points = outline[left]
        before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
        turn = _cross(points - before, after - points)
        # The sharpest ears first keep the triangles compact.
        for i in np.argsort(np.linalg.norm(after - before, axis=1)):
            if turn[i] <= 0.0:
                continue
            a, b, c = before[i], points[i], after[i]
            inside = (_cross(b - a, points - a) >= 0) & (_cross(c - b, points - b) >= 0) & (_cross(a - c, points - c) >= 0)
            inside[[i, i - 1, (i + 1) % len(left)]] = False
            if not inside.any():
                triangles.append((left[i - 1], left[i], left[(i + 1) % len(left)]))
                del left[i]
                break
        else:
            raise ValueError("the outline crosses itself or turns clockwise")
    return np.array([*triangles, tuple(left)], dtype=np.int64)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    result: FloatArray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result
