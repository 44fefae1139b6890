"""What a distractor object is: coloured meshes to be seen, convex pieces to collide, a mass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, merged

FloatArray = NDArray[np.float64]
Rgb = tuple[float, float, float]


def _upright() -> FloatArray:
    return np.eye(3)


@dataclass(frozen=True, eq=False)
class Part:
    """A piece of an object that has one colour.

    Attributes:
        vertices: (n, 3) in the object frame [m].
        faces: (m, 3) vertex numbers, counter-clockwise seen from outside; the surface is closed.
        normals: (n, 3) outward, of length 1.
        rgb: colour, each channel from 0 to 1.
    """

    vertices: FloatArray
    faces: NDArray[np.int64]
    normals: FloatArray
    rgb: Rgb


@dataclass(frozen=True, eq=False)
class Box:
    """A solid box.

    Attributes:
        half_size: (3,) half of its edges [m].
        position: (3,) its centre in the object frame [m].
        R_object_shape: (3, 3) rotation of its frame.
    """

    half_size: FloatArray
    position: FloatArray
    R_object_shape: FloatArray = field(default_factory=_upright)

    @property
    def volume(self) -> float:
        """Volume [m^3]."""
        return 8.0 * float(np.prod(self.half_size))


@dataclass(frozen=True, eq=False)
class Cylinder:
    """A solid cylinder about the z axis of its frame.

    Attributes:
        radius: [m].
        half_length: half of its height [m].
        position: (3,) its centre in the object frame [m].
        R_object_shape: (3, 3) rotation of its frame.
    """

    radius: float
    half_length: float
    position: FloatArray
    R_object_shape: FloatArray = field(default_factory=_upright)

    @property
    def volume(self) -> float:
        """Volume [m^3]."""
        return 2.0 * np.pi * self.radius**2 * self.half_length


@dataclass(frozen=True, eq=False)
class Sphere:
    """A solid sphere.

    Attributes:
        radius: [m].
        position: (3,) its centre in the object frame [m].
    """

    radius: float
    position: FloatArray

    @property
    def volume(self) -> float:
        """Volume [m^3]."""
        return 4.0 / 3.0 * np.pi * self.radius**3


@dataclass(frozen=True, eq=False)
class Hull:
    """The convex hull of points.

    Attributes:
        vertices: (n, 3) in the object frame [m].
        volume: what it counts for when the object's mass is shared out [m^3].
    """

    vertices: FloatArray
    volume: float


Shape = Box | Cylinder | Sphere | Hull


@dataclass(frozen=True, eq=False)
class DistractorObject:
    """A household object that stands or lies on a table.

    The object frame is that of the rest pose: the table top is the plane z = 0, z points up, x = y = 0 is the middle of the object's
    bounding box, and x is the side that a camera should see.

    Attributes:
        name: its kind.
        parts: one to three meshes, each of one colour.
        collision: convex pieces; together they are the solid object.
        mass: [kg], shared among the pieces by their volume.
        footprint_radius: radius [m] of the circle about x = y = 0 that holds every vertex seen from above.
        height: [m] of its highest vertex above the table.
    """

    name: str
    parts: tuple[Part, ...]
    collision: tuple[Shape, ...]
    mass: float
    footprint_radius: float
    height: float


@dataclass(frozen=True, eq=False)
class Draft:
    """An object anywhere above or below its table, as its family makes it.

    Attributes:
        painted: the meshes of each colour.
        collision: convex pieces in the same frame.
        mass: [kg].
    """

    painted: Mapping[Rgb, Sequence[Mesh]]
    collision: Sequence[Shape]
    mass: float


def finished(name: str, draft: Draft, scale: float) -> DistractorObject:
    """Puts a draft on the table: scaled, centred, its lowest vertex at z = 0. Mass grows with the volume."""
    meshes = {rgb: merged(pieces) for rgb, pieces in draft.painted.items()}
    everything = np.concatenate([mesh.vertices for mesh in meshes.values()])
    low, high = everything.min(axis=0), everything.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    placed = (everything - origin) * scale
    return DistractorObject(
        name=name,
        parts=tuple(
            Part((mesh.vertices - origin) * scale, mesh.faces, mesh.normals, (float(rgb[0]), float(rgb[1]), float(rgb[2])))
            for rgb, mesh in meshes.items()
        ),
        collision=tuple(_scaled(shape, origin, scale) for shape in draft.collision),
        mass=draft.mass * scale**3,
        footprint_radius=float(np.linalg.norm(placed[:, :2], axis=1).max()),
        height=float(placed[:, 2].max()),
    )


def box(size: ArrayLike, at: ArrayLike = (0.0, 0.0, 0.0), rotation: FloatArray | None = None) -> Box:
    """A colliding box by its full edges and its centre [m]."""
    return Box(
        np.asarray(size, dtype=np.float64) / 2, np.asarray(at, dtype=np.float64), _upright() if rotation is None else rotation
    )


def upright_cylinder(radius: float, bottom: float, top: float, at: tuple[float, float] = (0.0, 0.0)) -> Cylinder:
    """A colliding cylinder that stands on the plane z = ``bottom`` with its axis at ``at`` [m]."""
    return Cylinder(radius, (top - bottom) / 2, np.array([at[0], at[1], (top + bottom) / 2]))


def turned_draft(draft: Draft, degrees: float) -> Draft:
    """The draft turned about the vertical by an angle [degrees]."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    def mesh(m: Mesh) -> Mesh:
        return Mesh(m.vertices @ R.T, m.normals @ R.T, m.uv, m.faces)

    def shape(piece: Shape) -> Shape:
        if isinstance(piece, Hull):
            return Hull(piece.vertices @ R.T, piece.volume)
        if isinstance(piece, Sphere):
            return replace(piece, position=R @ piece.position)
        return replace(piece, position=R @ piece.position, R_object_shape=R @ piece.R_object_shape)

    painted = {rgb: [mesh(m) for m in meshes] for rgb, meshes in draft.painted.items()}
    return Draft(painted, [shape(piece) for piece in draft.collision], draft.mass)


def _scaled(shape: Shape, origin: FloatArray, scale: float) -> Shape:
    if isinstance(shape, Hull):
        return Hull((shape.vertices - origin) * scale, shape.volume * scale**3)
    position = (shape.position - origin) * scale
    if isinstance(shape, Box):
        return replace(shape, half_size=shape.half_size * scale, position=position)
    if isinstance(shape, Cylinder):
        return replace(shape, radius=shape.radius * scale, half_length=shape.half_length * scale, position=position)
    return replace(shape, radius=shape.radius * scale, position=position)
