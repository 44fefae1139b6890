"""Models in files: published folders with sharded weights, and this project's own single files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hamster_bench.baselines.openvla.actions import read_statistics
from hamster_bench.baselines.openvla.network import OpenVLA
from hamster_bench.baselines.openvla.settings import OpenVLASettings, configuration_json, read_configuration
from hamster_bench.baselines.openvla.text import Prompt, WordPrompt, prompt_of
from hamster_bench.baselines.openvla.towers import unused_tower_entries
from hamster_bench.baselines.parts.weights import check_entries, read_own, shapes_of, write_own
from hamster_bench.errors import InvalidOptionError, StoreError

POLICY = "openvla"
_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
# Shards as transformers cuts them.
_SHARD_BYTES = 5 << 30


@dataclass(frozen=True)
class Model:
    """A network with what is needed to ask it.

    Attributes:
        network: with its weights, in evaluation mode.
        statistics: ``norm_stats``: by data set.
        prompt: turns instructions into tokens.
        training: how it was trained, as the file tells; empty for published ones.
    """

    network: OpenVLA
    statistics: Mapping[str, Any]
    prompt: Prompt
    training: Mapping[str, Any] = field(default_factory=dict)


def outline(settings: OpenVLASettings) -> OpenVLA:
    """The network laid out without memory; a published one then takes any machine a moment."""
    with torch.device("meta"):
        return OpenVLA(settings)


def unused_entries(settings: OpenVLASettings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the entries of published models that take no part in any result."""
    towers = {"featurizer": settings.dino, "fused_featurizer": settings.siglip}
    return {
        f"vision_backbone.{tower}.{name}": shape
        for tower, sizes in towers.items()
        for name, shape in unused_tower_entries(sizes).items()
    }


def expected_entries(settings: OpenVLASettings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all entries of a published model; 982 for the one with 7 billion parameters."""
    return shapes_of(outline(settings)) | unused_entries(settings)


def network_of(
    entries: Mapping[str, Tensor], settings: OpenVLASettings, source: str, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> OpenVLA:
    """A network with the entries of a published state dictionary.

    Raises:
        StoreError: an entry is missing, unexpected or of another shape; ``source`` says where.
    """
    check_entries(entries, expected_entries(settings), source)
    used = shapes_of(network := outline(settings))
    return _ready(network, {name: entry.to(device, dtype) for name, entry in entries.items() if name in used}, device)


def load(place: Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Model:
    """Reads a model.

    Args:
        place: a folder as published, with ``config.json``, one or several safetensors files and ``tokenizer.json``; or a file of this
            project.
        dtype: precision to compute in.
        device: where to compute, as torch names it.

    Raises:
        StoreError: something is missing, damaged or of another kind; or an entry of the weights is missing, unexpected or of another
            shape. The message names them.
        MissingDependencyError: a package is not installed.
    """
    if place.is_dir():
        return _load_folder(place, dtype, device)
    if not place.is_file():
        raise StoreError(f"there is no model at {place}; give a folder with config.json, or a file of this project")
    entries, settings_text, training = read_own(place, POLICY)
    held = json.loads(settings_text)
    try:
        settings, statistics = OpenVLASettings.from_json(held["network"]), held["statistics"]
    except (KeyError, TypeError, InvalidOptionError) as error:
        raise StoreError(f"{place} is no checkpoint of {POLICY}: {error}") from error
    network = outline(settings)
    check_entries(entries, shapes_of(network), str(place))
    network = _ready(network, {name: _own(entry, dtype, device) for name, entry in entries.items()}, device)
    return Model(network, statistics, WordPrompt(settings), training)


def save_file(
    file: Path,
    settings: OpenVLASettings,
    weights: Mapping[str, Tensor],
    statistics: Mapping[str, Any],
    training: Mapping[str, Any],
) -> None:
    """Writes a model of this project as one file, which is replaced in one moment.

    Raises:
        InvalidOptionError: the model's prompt needs a tokenizer's file, which has no place there.
        StoreError: the file cannot be written.
    """
    if settings.tokenizer != "words":
        raise InvalidOptionError("a model with a tokenizer of its own is saved as a folder")
    held = {"network": settings.to_json(), "statistics": dict(statistics)}
    write_own(file, POLICY, weights, json.dumps(held), training)


def save_folder(directory: Path, network: OpenVLA, statistics: Mapping[str, Any], source: Path) -> None:
    """Writes a fine-tuned model as it was published: all entries, so that the original code loads it, too.

    Args:
        directory: made if it does not exist.
        network: the model.
        statistics: of the data it was fine-tuned on, by data set.
        source: folder it came from; entries that take no part, tokenizer and configuration are taken over.

    Raises:
        StoreError: something cannot be read or written.
    """
    from safetensors.torch import save_file as write

    weights = dict(network.state_dict())
    rest = {name: entry for name, entry in _entries(source) if name not in weights}
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, entry in sorted((weights | rest).items()):
        if size + entry.nbytes > _SHARD_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = entry.detach().cpu().contiguous()
        size += entry.nbytes
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            if file.is_file() and file.suffix in (".json", ".py", ".model", ".txt") and file.name != _INDEX:
                shutil.copyfile(file, directory / file.name)
        weight_map: dict[str, str] = {}
        for number, shard in enumerate(shards, start=1):
            name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
            write(shard, directory / name, {"format": "pt"})
            weight_map |= dict.fromkeys(shard, name)
        total = sum(entry.nbytes for shard in shards for entry in shard.values())
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (directory / _INDEX).write_text(json.dumps(index, indent=2), encoding="utf-8")
        (directory / "dataset_statistics.json").write_text(json.dumps(dict(statistics), indent=2), encoding="utf-8")
        if not (source / "config.json").exists():
            text = json.dumps(configuration_json(network.settings, statistics), indent=2)
            (directory / "config.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{directory} cannot be written: {error}") from error


def _load_folder(directory: Path, dtype: torch.dtype, device: str) -> Model:
    settings, configuration = read_configuration(directory)
    used = shapes_of(network := outline(settings))
    _check_shapes(directory, settings)
    entries = {name: _own(entry, dtype, device) for name, entry in _entries(directory) if name in used}
    statistics = read_statistics(directory, configuration)
    return Model(_ready(network, entries, device), statistics, prompt_of(directory, settings))


def _own(entry: Tensor, dtype: torch.dtype, device: str) -> Tensor:
    """A copy in memory of its own: products over memory that begins anywhere in a file differ in their last bits."""
    return entry.to(device, dtype, copy=True)


def _ready(network: OpenVLA, entries: Mapping[str, Tensor], device: str) -> OpenVLA:
    network.load_state_dict(entries, assign=True)
    # The rotary code of the Llama is computed, not stored, and was laid out without memory.
    rotary = network.language_model.model.rotary_emb
    network.language_model.model.rotary_emb = type(rotary)(network.language_model.config).to(device)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()


def weight_files(directory: Path) -> list[Path]:
    """The files with the weights of a folder.

    Raises:
        StoreError: there are none, or one is missing.
    """
    index = directory / _INDEX
    if index.exists():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise StoreError(f"{index} is damaged: {error}") from error
    else:
        names = [_SINGLE]
    files = [directory / Path(name).name for name in names]
    if missing := [file.name for file in files if not file.is_file()]:
        raise StoreError(f"{directory} lacks the weights {', '.join(missing)}")
    return files


def _entries(directory: Path) -> Iterator[tuple[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    for file in weight_files(directory):
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - not a mapping
                    yield name, opened.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise StoreError(f"{file} cannot be read as safetensors: {error}") from error


def _check_shapes(directory: Path, settings: OpenVLASettings) -> None:
    """Compares names and shapes before anything large is read."""
    from safetensors import SafetensorError, safe_open

    entries: dict[str, Tensor] = {}
    for file in weight_files(directory):
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - not a mapping
                    entries[name] = torch.empty(opened.get_slice(name).get_shape(), device="meta")
        except (OSError, SafetensorError) as error:
            raise StoreError(f"{file} cannot be read as safetensors: {error}") from error
    check_entries(entries, expected_entries(settings), str(directory))
