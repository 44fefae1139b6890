"""How options are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(part.strip() for part in text.split(","))


def choice(kind: str, allowed: Sequence[str]) -> Callable[[str], str]:
    """A reader of one of several values, which answers others with the closest."""

    def read(text: str) -> str:
        if text not in allowed:
            raise UnknownNameError(kind, text, allowed)
        return text

    return read


def whole_number(name: str, lowest: int) -> Callable[[str], int]:
    """A reader of whole numbers from ``lowest`` on."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if value < lowest:
            raise InvalidOptionError(f"{name} must be a whole number from {lowest}, got {text!r}")
        return value

    return read


def write_text(file: Path, text: str) -> None:
    """Writes a file, replacing what it held.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error
