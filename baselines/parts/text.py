"""Instructions as the network takes them: features of CLIP's text tower, or numbers of words that it embeds itself."""

from __future__ import annotations

import importlib
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hamster_bench.errors import MissingDependencyError, StoreError

# Instructions are padded to so many tokens, as in 3D Diffuser Actor; nothing is masked.
TOKENS = 53
CLIP_WIDTH = 512
CLIP_NAME = "openai/clip-vit-base-patch32"

LEARNED_WIDTH = 128
# Words are numbered by a checksum, so that every instruction has numbers; with a few hundred words two rarely share one.
_WORDS = 2048
_LEARNED_TOKENS = 32
_WORD = re.compile(r"[a-z0-9]+")
_PADDING = 0


class ClipText:
    """Frozen text tower of CLIP ViT-B/32.

    Args:
        source: a folder with the model and its tokenizer as ``transformers`` saves them, or a name whose files are in the hub's cache.
        device: where to compute, as torch names it.

    Raises:
        MissingDependencyError: ``transformers`` is not installed.
        StoreError: the files are not there.
    """

    def __init__(self, source: str | Path = CLIP_NAME, device: str = "cpu") -> None:
        try:
            transformers: Any = importlib.import_module("transformers")
        except ImportError as error:
            raise MissingDependencyError("CLIP's text features need: pip install transformers") from error
        try:
            self._tokenizer = transformers.CLIPTokenizer.from_pretrained(source, local_files_only=True)
            self._model = transformers.CLIPTextModel.from_pretrained(source, local_files_only=True).to(device).eval()
        except (OSError, ValueError) as error:
            raise StoreError(
                f"there are no weights of CLIP's text tower in {source}; name a folder that has them, "
                f"or fetch them into the hub's cache with: huggingface-cli download {CLIP_NAME}"
            ) from error

    @torch.inference_mode()
    def __call__(self, instructions: Sequence[str]) -> Tensor:
        """Last hidden states (b, 53, 512) float32, padding included."""
        tokens = self._tokenizer(
            list(instructions), padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        hidden: Tensor = self._model(input_ids=tokens["input_ids"].to(self._model.device)).last_hidden_state
        return hidden.clone()


def word_numbers(instructions: Sequence[str]) -> Tensor:
    """Numbers (b, 32) int64 of the words of instructions, for `LearnedText`; case and punctuation do not count."""
    rows = torch.full((len(instructions), _LEARNED_TOKENS), _PADDING)
    for row, instruction in zip(rows, instructions, strict=True):
        words = _WORD.findall(instruction.lower())[:_LEARNED_TOKENS]
        for i, word in enumerate(words):
            row[i] = 1 + zlib.crc32(word.encode()) % (_WORDS - 1)
    return rows


class LearnedText(nn.Module):
    """An embedding of words and of their places, trained with the policy."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, LEARNED_WIDTH)
        self.places = nn.Embedding(_LEARNED_TOKENS, LEARNED_WIDTH)

    def forward(self, numbers: Tensor) -> Tensor:
        """Features (b, 32, 128) of word numbers (b, 32) of `word_numbers`."""
        embedded: Tensor = self.words(numbers) + self.places.weight
        return embedded
