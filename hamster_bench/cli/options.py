"""How options are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError

# Between commas that stand in no quotes.
_PART = re.compile(r'(?:^|(?<=,))((?:"(?:[^"\\]|\\.)*"|[^,])*)')
_OPTION = re.compile(r"\s*[A-Za-z_]\w*\s*=")


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(part.strip() for part in text.split(","))


def agent_names(text: str) -> tuple[str, ...]:
    """Names of agents separated by commas, each with its options: ``expert,remote:url=ws://host:8000,timeout=5``."""
    found: list[str] = []
    for part in _PART.findall(text):
        # What looks like an option belongs to the name before it, if that has any.
        if found and ":" in found[-1] and _OPTION.match(part):
            found[-1] = f"{found[-1]},{part.strip()}"
        else:
            found.append(part.strip())
    return tuple(found)


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
    """Writes a file, replacing what it held, in a folder that is made where it is missing.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error
