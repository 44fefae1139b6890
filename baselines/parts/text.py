"""Instructions as the network takes them: features of CLIP's text tower, or numbers of words that it embeds itself."""

from __future__ import annotations

import importlib
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hamster_bench.baselines.parts.weights import check_entries, safetensors_entries
from hamster_bench.errors import MissingDependencyError, StoreError

# Instructions are padded to so many tokens, as in 3D Diffuser Actor; nothing is masked.
TOKENS = 53
CLIP_WIDTH = 512
CLIP_NAME = "openai/clip-vit-base-patch32"

# RVT-2 reads the text tower that goes with CLIP's ResNet-50, with CLIP's own padding: to 77 tokens, by the number 0.
CLIP_RESNET_NAME, _CLIP_RESNET_FILE = "timm/resnet50_clip.openai", "open_clip_model.safetensors"
CLIP_RESNET_TOKENS = 77
_CLIP_PADDING = 0
# Channels of an attention head in every text tower of CLIP.
_CLIP_HEAD = 64

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


class ClipResNetText:
    """Frozen text tower of CLIP ResNet-50.

    Args:
        folder: with the tower (``open_clip_model.safetensors``, entries as OpenCLIP names them) and its tokenizer; None for the hub's
            cache.
        device: where to compute, as torch names it.

    Raises:
        MissingDependencyError: ``transformers`` is not installed.
        StoreError: the files are not there, or the entries are not those of a text tower.
    """

    def __init__(self, folder: Path | None = None, device: str = "cpu") -> None:
        try:
            transformers: Any = importlib.import_module("transformers")
        except ImportError as error:
            raise MissingDependencyError("CLIP's text features need: pip install transformers") from error
        folder = folder or _cached_clip_resnet()
        entries = _transformers_entries(safetensors_entries(folder / _CLIP_RESNET_FILE), str(folder))
        vocabulary, width = entries["text_model.embeddings.token_embedding.weight"].shape
        config = transformers.CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=1 + max(int(name.split(".")[3]) for name in entries if ".layers." in name),
            num_attention_heads=width // _CLIP_HEAD,
            max_position_embeddings=CLIP_RESNET_TOKENS,
            hidden_act="quick_gelu",
        )
        try:
            self._tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(f"there is no tokenizer of CLIP in {folder}: {error}") from error
        model = transformers.CLIPTextModel(config)
        expected = {name: tuple(entry.shape) for name, entry in model.state_dict().items()}
        nested = next(iter(expected)).startswith(_NESTED)
        entries = entries if nested else {name.removeprefix(_NESTED): entry for name, entry in entries.items()}
        check_entries(entries, expected, str(folder))
        model.load_state_dict({name: entry.float() for name, entry in entries.items()})
        self._model = model.to(device).eval()

    @torch.inference_mode()
    def __call__(self, instructions: Sequence[str]) -> Tensor:
        """Features (b, 77, width) float32 after the last layer norm, before the projection, padding included."""
        tokens = torch.full((len(instructions), CLIP_RESNET_TOKENS), _CLIP_PADDING)
        for row, instruction in zip(tokens, instructions, strict=True):
            numbers = self._tokenizer(instruction, truncation=True, max_length=CLIP_RESNET_TOKENS)["input_ids"]
            row[: len(numbers)] = torch.tensor(numbers)
        hidden: Tensor = self._model(input_ids=tokens.to(self._model.device)).last_hidden_state
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


_NESTED = "text_model."
_BLOCK = "transformer.resblocks."
_OUTER_NAMES = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}
_INNER_NAMES = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def _transformers_entries(entries: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The text tower's entries as ``transformers`` names them, of those of OpenCLIP; what else is there is left out."""
    missing = [name for name in _OUTER_NAMES if name not in entries]
    if missing or not any(name.startswith(_BLOCK) for name in entries):
        raise StoreError(
            f"{source} holds no text tower of CLIP as OpenCLIP names it; missing: {', '.join(missing) or _BLOCK + '*'}"
        )
    made = {theirs: entries[ours] for ours, theirs in _OUTER_NAMES.items()}
    for name, entry in entries.items():
        if not name.startswith(_BLOCK):
            continue
        number, _, part = name.removeprefix(_BLOCK).partition(".")
        layer = f"text_model.encoder.layers.{number}"
        inner, _, kind = part.rpartition(".")
        if inner in _INNER_NAMES:
            made[f"{layer}.{_INNER_NAMES[inner]}.{kind}"] = entry
        elif part.startswith("attn.in_proj_"):
            for which, third in zip("qkv", entry.chunk(3), strict=True):
                made[f"{layer}.self_attn.{which}_proj.{part.removeprefix('attn.in_proj_')}"] = third
    return made


def _cached_clip_resnet() -> Path:
    try:
        hub: Any = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise MissingDependencyError(
            "the hub's cache is looked into with: pip install huggingface_hub; or name a folder"
        ) from error
    cached = hub.try_to_load_from_cache(CLIP_RESNET_NAME, _CLIP_RESNET_FILE)
    if not isinstance(cached, str):
        raise StoreError(
            f"there are no weights of CLIP ResNet-50 in the hub's cache; name a folder that has them, "
            f"or fetch them with: huggingface-cli download {CLIP_RESNET_NAME}"
        )
    return Path(cached).parent
