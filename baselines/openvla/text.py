"""Instructions as tokens: the published prompt with its tokenizer, or this project's words."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any, Protocol

from hamster_bench.baselines.openvla.settings import OpenVLASettings
from hamster_bench.errors import MissingDependencyError, StoreError

_WORD = re.compile(r"[a-z0-9]+")
# Numbers below are begin, stop and padding.
_SPECIAL = 3
_LONGEST = 40

_VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)


class Prompt(Protocol):
    """Turns an instruction into the tokens that stand before the answer, without the image's."""

    def __call__(self, instruction: str) -> list[int]:
        """Token numbers, the begin token first."""
        ...


def prompt_text(instruction: str, *, first_version: bool = False) -> str:
    """The text OpenVLA is asked with.

    Args:
        instruction: the task in words.
        first_version: as the models with ``v01`` in their name want it.
    """
    question = f"What action should the robot take to {instruction.lower()}?"
    return f"{_VICUNA} USER: {question} ASSISTANT:" if first_version else f"In: {question}\nOut:"


class WordPrompt:
    """Numbers of the instruction's words by their checksum; any word has one, case and punctuation do not count."""

    def __init__(self, settings: OpenVLASettings) -> None:
        self._begin = settings.begin
        self._words = settings.vocabulary - settings.bins - _SPECIAL

    def __call__(self, instruction: str) -> list[int]:
        """Token numbers, the begin token first."""
        words = _WORD.findall(instruction.lower())[:_LONGEST]
        return [self._begin, *(_SPECIAL + zlib.crc32(word.encode()) % self._words for word in words)]


class FilePrompt:
    """The published prompt by the tokenizer in a model's folder.

    Args:
        directory: holds ``tokenizer.json``.
        settings: of the network.
        first_version: see `prompt_text`.

    Raises:
        StoreError: there is no such file.
        MissingDependencyError: ``tokenizers`` is not installed.
    """

    def __init__(self, directory: Path, settings: OpenVLASettings, first_version: bool = False) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingDependencyError("openvla needs: pip install 'hamster-bench[openvla]'") from error
        file = directory / "tokenizer.json"
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(file))
        except Exception as error:
            # The library raises Exception itself.
            raise StoreError(f"{file} cannot be read as a tokenizer: {error}") from error
        self._settings, self._first_version = settings, first_version

    def __call__(self, instruction: str) -> list[int]:
        """Token numbers, the begin token first; the empty word piece last, as it stood before every action the model learned from."""
        tokens = list(self._tokenizer.encode(prompt_text(instruction, first_version=self._first_version)).ids)
        if tokens[:1] != [self._settings.begin]:
            tokens.insert(0, self._settings.begin)
        empty = self._settings.empty_piece
        if empty is not None and tokens[-1] != empty:
            tokens.append(empty)
        return tokens


def prompt_of(directory: Path, settings: OpenVLASettings) -> Prompt:
    """How the model in a folder is asked."""
    if settings.tokenizer == "words":
        return WordPrompt(settings)
    return FilePrompt(directory, settings, "v01" in directory.resolve().name)
