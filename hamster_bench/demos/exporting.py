"""What all exports of demonstrations have in common."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError, StoreError


def complete_images(store: DemoStore, form: str) -> None:
    """Refuses demonstrations that lack images of some frames.

    Raises:
        InvalidOptionError: they do.
    """
    if store.settings.images != "all":
        raise InvalidOptionError(
            f"{form} has images of all frames, {store.directory} of keyframes only; collect with --images all"
        )


@contextlib.contextmanager
def new_directory(out: Path) -> Iterator[Path]:
    """A folder to fill that takes the name ``out`` when everything went well.

    Raises:
        StoreError: there is something of this name that is no empty folder, or it cannot be written.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise StoreError(f"{out} exists and is not empty; choose another directory")
    # What a killed export has left is of no use to anyone.
    partial = out.absolute().with_name(f".{out.absolute().name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            if out.exists():
                out.rmdir()
            os.replace(partial, out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from error
