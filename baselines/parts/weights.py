"""Weights in files: torch files and safetensors, entries compared by name, and this project's own checkpoints."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.files import write_whole

# All of the header under one key: several come in any order, and the same weights would not be the same bytes.
_KEY = "hamster_bench"
# At most so many entries of each kind are named; a wrong file has hundreds.
_MOST_NAMED = 12

Network = TypeVar("Network", bound=nn.Module)


def torch_entries(file: Path) -> Mapping[str, Any]:
    """What a torch file holds. Nothing but tensors and plain values is unpickled.

    Raises:
        StoreError: the file cannot be read, or holds something else.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise StoreError(f"{file} cannot be read as a torch file of tensors: {type(error).__name__}: {error}") from error
    if not isinstance(content, Mapping):
        raise StoreError(f"{file} holds a {type(content).__name__}, no state dictionary")
    return content


def safetensors_entries(file: Path) -> Mapping[str, Tensor]:
    """What a safetensors file holds.

    Raises:
        StoreError: the file cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        entries: Mapping[str, Tensor] = load_file(file)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{file} cannot be read as safetensors: {error}") from error
    return entries


def check_entries(entries: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Compares names and shapes.

    Raises:
        StoreError: an entry is missing, unexpected or of another shape; the message names them, and ``source``.
    """
    misshapen = [
        f"{name} {tuple(entries[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in entries and tuple(entries[name].shape) != shape
    ]
    complaints = (
        ("missing", [name for name in expected if name not in entries]),
        ("unexpected", [name for name in entries if name not in expected]),
        ("of another shape", misshapen),
    )
    said = [f"{what}: {_named(names)}" for what, names in complaints if names]
    if said:
        raise StoreError(f"the entries of {source} are not those of the network; {'; '.join(said)}")


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a network's entries."""
    return {name: tuple(entry.shape) for name, entry in network.state_dict().items()}


def filled(outline: Network, entries: Mapping[str, Tensor]) -> Network:
    """A network laid out without memory with these entries, in the precision it computes in, in evaluation mode."""
    dtypes = {name: entry.dtype for name, entry in outline.state_dict().items()}
    outline.load_state_dict({name: entry.to(dtypes[name]).contiguous() for name, entry in entries.items()}, assign=True)
    return outline.eval()


def read_own(file: Path, policy: str) -> tuple[dict[str, Tensor], str, dict[str, Any]]:
    """Entries, settings (JSON) and the training's record of a file that `write_own` wrote.

    Raises:
        StoreError: the file cannot be read, or is no checkpoint of this policy.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            header = json.loads((opened.metadata() or {})[_KEY])
            entries = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        if header["format"] != _format(policy):
            raise ValueError(f"its format is {header['format']!r}, not {_format(policy)!r}")
        return entries, json.dumps(header["settings"]), dict(header["training"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{file} is no checkpoint of {policy}: {type(error).__name__}: {error}") from error


def write_own(file: Path, policy: str, entries: Mapping[str, Tensor], settings: str, training: Mapping[str, Any]) -> None:
    """Writes weights with settings (JSON) and a training's record in the header; a file of this name is replaced in one moment.

    Raises:
        InvalidOptionError: the name does not end in ``.safetensors``.
        StoreError: the file cannot be written.
    """
    from safetensors.torch import save

    if file.suffix != ".safetensors":
        raise InvalidOptionError(f"a checkpoint's name ends in .safetensors, got {file.name}")
    header = {"format": _format(policy), "settings": json.loads(settings), "training": dict(training)}
    whole = {name: entry.detach().cpu().contiguous() for name, entry in entries.items()}
    write_whole(file, save(whole, {_KEY: json.dumps(header, sort_keys=True)}))


def _format(policy: str) -> str:
    return f"hamster_bench.{policy}/1"


def _named(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
