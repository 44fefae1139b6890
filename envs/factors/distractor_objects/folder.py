"""A user's own distractor objects: a folder of meshes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.envs.factors.distractor_objects.model import DistractorObject, Draft, Hull, finished
from hamster_bench.envs.mujoco.assets.meshing import Mesh
from hamster_bench.errors import InvalidOptionError

ENDINGS = (".obj", ".ply", ".stl")
"""What names of meshes end with, in small or capital letters; other files are passed over."""

# Largest edge of an object's bounding box [m]: beyond it the file is most likely in millimetres.
_LARGEST = 0.5
_SMALLEST = 0.005
# A drawn object of more triangles would slow every image down.
_MOST_TRIANGLES = 50_000
# Of mixed household things [kg / m^3], about that of the YCB set; masses outside the bounds [kg] would not stay where they are put.
_DENSITY = 400.0
_LIGHTEST, _HEAVIEST = 0.02, 2.0
_GREY = (0.6, 0.6, 0.6)


def object_files(folder: Path) -> tuple[str, ...]:
    """Names of the meshes of a folder, sorted.

    Raises:
        InvalidOptionError: the folder cannot be listed or holds no mesh.
    """
    try:
        names = sorted(path.name for path in Path(folder).iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    except OSError as error:
        raise InvalidOptionError(
            f"the distractor folder {folder} cannot be read: {error.strerror or error}. Give a folder of meshes."
        ) from error
    if not names:
        raise InvalidOptionError(f"the distractor folder {folder} holds no mesh; file names must end with {', '.join(ENDINGS)}.")
    return tuple(names)


def load_object(folder: Path, name: str, scale: float) -> DistractorObject:
    """The object of a mesh file: in metres, z up, standing on its lowest point. It collides as its convex hull.

    Args:
        folder: the user's folder.
        name: one of `object_files` of the same folder.
        scale: factor on the size in the file.

    Raises:
        InvalidOptionError: there is no such file, it cannot be read, or it is no object that fits on a table.
    """
    if name not in object_files(folder):
        raise InvalidOptionError(f"{name!r} is not a mesh in {folder}; there are {', '.join(object_files(folder))}.")
    return finished(name, _read(Path(folder) / name), scale)


@lru_cache(maxsize=128)
def _read(path: Path) -> Draft:
    import trimesh

    try:
        mesh: Any = trimesh.load(path, force="mesh", process=False)
        vertices = np.asarray(mesh.vertices, dtype=np.float64)
        faces = np.asarray(mesh.faces, dtype=np.int64)
        if len(faces) < 4 or not np.isfinite(vertices).all():
            raise ValueError("it has no triangles")
        if len(faces) > _MOST_TRIANGLES:
            raise ValueError(f"it has {len(faces)} triangles, at most {_MOST_TRIANGLES} are drawn")
        extent = float(np.ptp(vertices, axis=0).max())
        if not _SMALLEST < extent < _LARGEST:
            raise ValueError(f"it is {extent:g} m large; meshes are in metres, from {_SMALLEST} to {_LARGEST} m")
        hull = mesh.convex_hull
        normals = np.asarray(mesh.vertex_normals, dtype=np.float64)
        color = _color(mesh)
    except Exception as error:  # whatever a parser makes of a broken file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InvalidOptionError(
            f"the distractor {path} cannot be read: {reason}. Repair it or take it out of the folder."
        ) from error
    volume = float(hull.volume)
    return Draft(
        painted={color: [Mesh(vertices, normals, np.zeros((len(vertices), 2)), faces)]},
        collision=[Hull(np.asarray(hull.vertices, dtype=np.float64), volume)],
        mass=float(np.clip(_DENSITY * volume, _LIGHTEST, _HEAVIEST)),
    )


def _color(mesh: Any) -> tuple[float, float, float]:
    """One colour for the whole mesh: its material's or the mean of its faces'; grey where the file has none."""
    if mesh.visual.kind is None:
        return _GREY
    material = getattr(mesh.visual, "material", None)
    rgba = material.main_color if material is not None else mesh.visual.face_colors.mean(axis=0)
    red, green, blue = (float(value) / 255.0 for value in rgba[:3])
    return red, green, blue
