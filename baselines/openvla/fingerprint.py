"""What weights are, as a short hash; without PyTorch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hamster_bench.errors import StoreError

# Hashing tens of gigabytes would take longer than many a run; safetensors have names, shapes and places of all entries in front.
_PART = 1 << 20


def weights_fingerprint(place: Path) -> str:
    """12 hexadecimal digits of a SHA-256: of sizes, beginnings and ends of all safetensors and JSON files of a folder, or of a file.

    Raises:
        StoreError: something cannot be read.
    """
    files = sorted(f for f in place.iterdir() if f.suffix in (".safetensors", ".json")) if place.is_dir() else [place]
    digest = hashlib.sha256()
    try:
        for file in files:
            size = file.stat().st_size
            with file.open("rb") as stream:
                digest.update(f"{size}\n".encode() + stream.read(_PART))
                stream.seek(max(0, size - _PART))
                digest.update(stream.read(_PART))
    except OSError as error:
        raise StoreError(f"{place} cannot be read: {error}") from error
    return digest.hexdigest()[:12]
