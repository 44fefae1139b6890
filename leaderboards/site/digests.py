"""Which bytes a site consists of, for those who keep its records and not its pages."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hamster_bench.errors import StoreError


def site_digests(folder: Path) -> str:
    """A line for each file, by name: the SHA-256 and the path inside the folder, as ``sha256sum`` writes and checks them.

    Raises:
        StoreError: a file cannot be read.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    try:
        return "".join(
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n" for file in files
        )
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror or error}") from error
