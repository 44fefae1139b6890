"""Derived files in the user's cache directory: textures, meshes, answers of planners."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_directory() -> Path:
    """Where derived files are kept: ``$HAMSTER_BENCH_CACHE``, else ``hamster_bench`` in the user's cache directory."""
    if chosen := os.environ.get("HAMSTER_BENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hamster_bench"


def write_cached(path: Path, data: bytes) -> None:
    """Writes a file of the cache, or leaves it when the cache cannot be written."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed, so that another process never reads half a file.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
