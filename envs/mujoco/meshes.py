"""Franka meshes: taken from the gymnasium-robotics package, visual ones decimated once into the user's cache."""

from __future__ import annotations

import hashlib
import importlib.util
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.cache import cache_directory, write_cached
from hamster_bench.errors import MissingDependencyError

_PACKAGE = "gymnasium-robotics"
_FOLDER = Path("envs", "assets", "kitchen_franka", "franka_assets", "meshes")

# The whole arm: at 256 x 256 no difference to the full 134 000 triangles is visible, and drawing costs follow the triangles.
TARGET_TRIANGLES = 16_000
# Below this a small piece loses its shape.
_SMALLEST_MESH = 400

_SUFFIXES = ("", "_trim")
_STL_HEADER = 84
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", 9), ("attribute", "<u2")])


def panda_assets() -> dict[str, bytes]:
    """Contents of every mesh file that ``panda.xml`` names, by that name.

    Visual meshes come in two: ``visual/<link>.stl`` is the link's white shell, its largest connected piece, and
    ``visual/<link>_trim.stl`` everything else, which is dark on the robot. The first call on a machine splits and decimates them (a
    few seconds) and keeps the result in the cache directory. Where the cache cannot be written the work is done again in every
    process.

    Raises:
        MissingDependencyError: the package that ships the meshes is not installed, or lacks them.
    """
    source = _source_folder()
    assets = {f"collision/{path.name}": path.read_bytes() for path in sorted((source / "collision").glob("*.stl"))}
    contents = {path.stem: path.read_bytes() for path in sorted((source / "visual").glob("*.stl"))}
    total = sum(_triangle_count(data) for data in contents.values())
    for link, data in contents.items():
        pieces = _cached_pieces(link, data, TARGET_TRIANGLES / total)
        assets |= {f"visual/{link}{suffix}.stl": piece for suffix, piece in zip(_SUFFIXES, pieces, strict=True) if piece}
    return assets


def _source_folder() -> Path:
    spec = importlib.util.find_spec("gymnasium_robotics")
    folder = Path(spec.origin).parent / _FOLDER if spec is not None and spec.origin else None
    if folder is None or not folder.is_dir():
        raise MissingDependencyError(
            f"the Franka meshes of the package {_PACKAGE} are missing; install it with: pip install '{_PACKAGE}>=1.4,<2'"
        )
    return folder


def _triangle_count(stl: bytes) -> int:
    return (len(stl) - _STL_HEADER) // _STL_TRIANGLE.itemsize


def _cached_pieces(link: str, stl: bytes, share: float) -> list[bytes]:
    """Shell and, where there is any, trim of a visual mesh, each reduced to a share of its triangles."""
    version = metadata.version("fast_simplification")
    key = hashlib.sha256(stl + f"|{share:.6f}|{version}|1".encode()).hexdigest()[:16]
    folder = cache_directory() / "meshes"
    paths = [folder / f"{link}{suffix}-{key}.stl" for suffix in _SUFFIXES]
    try:
        cached = [path.read_bytes() for path in paths]
        if not (cached[0] and all(map(_is_whole, cached))):
            raise OSError("a cached file is damaged")
    except OSError:
        cached = [_decimate(triangles, share) for triangles in _split(stl)]
        for path, data in zip(paths, cached, strict=True):
            write_cached(path, data)
    return cached


def _is_whole(stl: bytes) -> bool:
    """Whether a file, empty where there is no trim, is as long as its header says."""
    return not stl or _triangle_count(stl) == int.from_bytes(stl[80:_STL_HEADER], "little")


def _split(stl: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Triangles (n, 3, 3) of the largest connected piece of a binary STL, and those of all the others."""
    triangles = np.frombuffer(stl, _STL_TRIANGLE, offset=_STL_HEADER)["corners"].reshape(-1, 3, 3)
    _, corner = np.unique(triangles.reshape(-1, 3), axis=0, return_inverse=True)
    faces = corner.reshape(-1, 3)
    # Every vertex takes over the lowest label of the triangles it belongs to, until nothing changes.
    label = np.arange(faces.max() + 1)
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, faces, label[faces].min(axis=1)[:, None])
        lowest = lowest[lowest]
        if np.array_equal(lowest, label):
            break
        label = lowest
    piece = label[faces[:, 0]]
    edges = triangles[:, 1:] - triangles[:, :1]
    areas = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    largest = np.argmax(np.bincount(piece, weights=areas))
    return triangles[piece == largest], triangles[piece != largest]


def _decimate(triangles: NDArray[np.float32], share: float) -> bytes:
    """A binary STL of about this share of the triangles; empty when there are none."""
    import fast_simplification

    target = max(_SMALLEST_MESH, round(share * len(triangles)))
    if len(triangles) > target:
        vertices, faces = np.unique(triangles.reshape(-1, 3), axis=0, return_inverse=True)
        points, kept = fast_simplification.simplify(vertices, faces.reshape(-1, 3), target_count=target)
        triangles = np.asarray(points, np.float32)[kept]
    if not len(triangles):
        return b""
    record = np.zeros(len(triangles), _STL_TRIANGLE)
    record["corners"] = triangles.reshape(-1, 9)
    return bytes(80) + len(triangles).to_bytes(4, "little") + record.tobytes()
