"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from hamster_bench.errors import StoreError


def write_whole(file: Path, data: bytes | str) -> None:
    """Writes a file that appears, or changes, in one moment, and is whole also after a loss of power.

    Several processes may write the same file, or into the same folder, at once.

    Args:
        file: its folder exists.
        data: what it is to hold; text is written as UTF-8.

    Raises:
        StoreError: it cannot be written; what stood there before still does.
    """
    partial = file.with_name(f".{file.name}.{platform.node()}-{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error


def remove_leftovers(directory: Path, depth: int) -> None:
    """Removes what processes of this machine were writing with `write_whole` when they were killed.

    Args:
        directory: where to look.
        depth: how many folders below it the files lie.

    Raises:
        OSError: one cannot be removed.
    """
    for partial in directory.glob("*/" * depth + f".*.{platform.node()}-*.partial"):
        process = partial.name.split("-")[-1].removesuffix(".partial")
        if process.isdecimal() and not _is_running(int(process)):
            partial.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
