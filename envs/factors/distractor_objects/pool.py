"""The objects that distractors are drawn from: this project's own, or the meshes in a user's folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hamster_bench.envs.factors.distractor_objects.folder import load_object, object_files
from hamster_bench.envs.factors.distractor_objects.library import make_object, object_names
from hamster_bench.envs.factors.distractor_objects.model import DistractorObject

SIZES = (0.8, 1.0, 1.2)
"""Factors on the natural size, each equally likely. A user's own meshes come in these sizes too."""


def pool(lookalikes: tuple[str, ...] = (), folder: Path | None = None) -> tuple[str, ...]:
    """Names of the kinds to draw from.

    Args:
        lookalikes: own kinds to leave out.
        folder: a user's folder of meshes; this project's own objects when None.

    Raises:
        InvalidOptionError: the folder cannot be listed or holds no mesh.
    """
    if folder is not None:
        return object_files(folder)
    return tuple(name for name in object_names() if name not in lookalikes)


def check_meshes(folder: Path) -> None:
    """Reads every mesh of a user's folder; what was read is kept for when it is drawn.

    Raises:
        InvalidOptionError: the folder cannot be listed or holds no mesh, or one of them cannot be read.
    """
    for kind in pool(folder=folder):
        pool_object(kind, 1.0, folder)


@lru_cache(maxsize=512)
def pool_object(kind: str, scale: float, folder: Path | None = None) -> DistractorObject:
    """An object of the pool; the same kind, size and folder give the same object.

    Raises:
        UnknownNameError: there is no such kind.
        InvalidOptionError: the user's mesh cannot be read.
    """
    return make_object(kind, scale) if folder is None else load_object(folder, kind, scale)
