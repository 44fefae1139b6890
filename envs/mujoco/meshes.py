"""Franka meshes: taken from the gymnasium-robotics package, visual ones decimated once into the user's cache."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import tempfile
from importlib import metadata
from pathlib import Path

from hamster_bench.errors import MissingDependencyError

_PACKAGE = "gymnasium-robotics"
_FOLDER = Path("envs", "assets", "kitchen_franka", "franka_assets", "meshes")

# The whole arm: at 256 x 256 no difference to the full 134 000 triangles is visible, and drawing costs follow the triangles.
TARGET_TRIANGLES = 16_000
# Below this a small piece loses its shape.
_SMALLEST_MESH = 200


def cache_directory() -> Path:
    """Where derived files are kept: ``$HAMSTER_BENCH_CACHE``, else ``hamster_bench`` in the user's cache directory."""
    if chosen := os.environ.get("HAMSTER_BENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hamster_bench"


def panda_assets() -> dict[str, bytes]:
    """Contents of every mesh file that ``panda.xml`` names, by that name.

    The first call on a machine decimates the visual meshes (a few seconds) and keeps the result in the cache directory. Where the
    cache cannot be written the work is done again in every process.

    Raises:
        MissingDependencyError: the package that ships the meshes is not installed, or lacks them.
    """
    source = _source_folder()
    assets = {f"collision/{path.name}": path.read_bytes() for path in sorted((source / "collision").glob("*.stl"))}
    visual = sorted((source / "visual").glob("*.stl"))
    contents = {path.name: path.read_bytes() for path in visual}
    triangles = {name: (len(data) - 84) // 50 for name, data in contents.items()}
    total = sum(triangles.values())
    for name, data in contents.items():
        target = max(_SMALLEST_MESH, round(TARGET_TRIANGLES * triangles[name] / total))
        assets[f"visual/{name}"] = data if target >= triangles[name] else _cached_decimation(name, data, target)
    return assets


def _source_folder() -> Path:
    spec = importlib.util.find_spec("gymnasium_robotics")
    folder = Path(spec.origin).parent / _FOLDER if spec is not None and spec.origin else None
    if folder is None or not folder.is_dir():
        raise MissingDependencyError(
            f"the Franka meshes of the package {_PACKAGE} are missing; install it with: pip install '{_PACKAGE}>=1.4,<2'"
        )
    return folder


def _cached_decimation(name: str, stl: bytes, target: int) -> bytes:
    version = metadata.version("fast_simplification")
    key = hashlib.sha256(stl + f"|{target}|{version}".encode()).hexdigest()[:16]
    path = cache_directory() / "meshes" / f"{Path(name).stem}-{key}.stl"
    try:
        return path.read_bytes()
    except OSError:
        pass
    decimated = _decimate(stl, target)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed, so that another process never reads half a file.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(decimated)
        os.replace(file.name, path)
    except OSError:
        pass
    return decimated


def _decimate(stl: bytes, target: int) -> bytes:
    import fast_simplification
    import trimesh

    mesh = trimesh.load_mesh(io.BytesIO(stl), file_type="stl")
    vertices, faces = fast_simplification.simplify(mesh.vertices, mesh.faces, target_count=target)
    return trimesh.exchange.stl.export_stl(trimesh.Trimesh(vertices, faces, process=False))
