"""Weights in files: the published checkpoints with their settings beside them, and this project's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from hamster_bench.baselines.parts.weights import check_entries, filled, read_own, shapes_of, torch_entries, write_own
from hamster_bench.baselines.rvt2.network import Rvt2
from hamster_bench.baselines.rvt2.settings import SETTINGS, Rvt2Settings, published_settings
from hamster_bench.errors import InvalidOptionError, StoreError

_POLICY = "rvt2"

# Where the published checkpoints keep the weights, and what data-parallel training puts before their names.
_PUBLISHED_KEY = "model_state"
_PUBLISHED_PREFIX = "module."
# Settings of network and training, which the original writes into the folder of its checkpoints.
NETWORK_FILE, TRAINING_FILE = "mvt_cfg.yaml", "exp_cfg.yaml"
# What the settings of the training say that has a bearing on what the network is given or what it means.
_IMPLEMENTED_TRAINING: Mapping[str, Any] = {"place_with_mean": False}


@dataclass(frozen=True)
class Checkpoint:
    """A network as a file keeps it.

    Attributes:
        network: with its weights, in evaluation mode; its settings are ``network.settings``.
        training: how it was trained, as whoever wrote the file put it; for published checkpoints the content of ``exp_cfg.yaml``.
    """

    network: Rvt2
    training: Mapping[str, Any] = field(default_factory=dict)


def load(file: Path, settings: Rvt2Settings | None = None) -> Checkpoint:
    """Reads a checkpoint of either form: this project's own (safetensors) or a published one (a torch file).

    Args:
        file: the file.
        settings: for a published one; see `load_published`. An own one has its settings inside.

    Raises:
        StoreError: see `load_own` and `load_published`.
        InvalidOptionError: settings are given for a file that has its own.
    """
    if file.suffix != ".safetensors":
        return load_published(file, settings)
    if settings is not None:
        raise InvalidOptionError(f"{file} has its settings inside; give none")
    return load_own(file)


def load_published(file: Path, settings: Rvt2Settings | None = None) -> Checkpoint:
    """Reads a checkpoint of RVT-2 (``model_99.pth``), or of a training of the original code.

    Args:
        file: a torch file with the entry ``model_state``, whose names may begin with ``module.``. Nothing but tensors and plain values
            is unpickled.
        settings: how to run it. Without, those of ``mvt_cfg.yaml`` and ``exp_cfg.yaml`` in the same folder; where they are missing too,
            those of the published checkpoint (``SETTINGS.get("peract")``).

    Raises:
        StoreError: the file cannot be read or holds no weights; or the settings beside it cannot be read, or are those of a variant that
            does not exist here; or an entry is missing, unexpected or of another shape than the settings ask for. The message names them.
    """
    weights = torch_entries(file).get(_PUBLISHED_KEY)
    if not isinstance(weights, Mapping) or not all(isinstance(entry, Tensor) for entry in weights.values()):
        raise StoreError(f"{file} is no checkpoint of RVT-2: it has no weights under {_PUBLISHED_KEY!r}")
    entries = {name.removeprefix(_PUBLISHED_PREFIX): entry for name, entry in weights.items()}
    training = _yaml(file.with_name(TRAINING_FILE))
    if settings is None:
        settings = _settings_beside(file, training)
    return Checkpoint(network_of(entries, settings, str(file)), training)


def network_of(entries: Mapping[str, Tensor], settings: Rvt2Settings, source: str) -> Rvt2:
    """A network with the entries of a published state dictionary.

    Raises:
        StoreError: an entry is missing, unexpected or of another shape; ``source`` says where.
    """
    outline = _outline(settings)
    check_entries(entries, shapes_of(outline), source)
    return filled(outline, entries)


def load_own(file: Path) -> Checkpoint:
    """Reads a checkpoint that `save_own` wrote.

    Raises:
        StoreError: the file cannot be read or is of another kind; or an entry is missing, unexpected or of another shape.
    """
    entries, text, training = read_own(file, _POLICY)
    try:
        settings = Rvt2Settings.from_json(text)
    except InvalidOptionError as error:
        raise StoreError(f"{file} is no checkpoint of {_POLICY}: {error}") from error
    return Checkpoint(network_of(entries, settings, str(file)), training)


def save_own(file: Path, settings: Rvt2Settings, weights: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
    """Writes weights with the settings of their network; a file of this name is replaced in one moment.

    Args:
        file: ends in ``.safetensors``.
        settings: of the network.
        weights: entries of its state dictionary.
        training: how it was trained, in values JSON can hold.

    Raises:
        InvalidOptionError: the name does not end in ``.safetensors``.
        StoreError: the file cannot be written.
    """
    write_own(file, _POLICY, weights, settings.to_json(), training)


def _settings_beside(file: Path, training: Mapping[str, Any]) -> Rvt2Settings:
    """Settings from the files that lie beside a published checkpoint."""
    base = SETTINGS.get("peract")
    network = _yaml(file.with_name(NETWORK_FILE))
    particular = training.get("rvt", {})
    if not isinstance(particular, Mapping):
        raise StoreError(f"{file.with_name(TRAINING_FILE)} has no settings under 'rvt'")
    for name, implemented in _IMPLEMENTED_TRAINING.items():
        if particular.get(name, implemented) != implemented:
            raise StoreError(
                f"{file.with_name(TRAINING_FILE)}: the network was trained with {name} = {particular[name]!r}; "
                f"here it can only be {implemented!r}"
            )
    try:
        return published_settings(network, base)
    except InvalidOptionError as error:
        raise StoreError(f"{file.with_name(NETWORK_FILE)}: {error}") from error


def _yaml(file: Path) -> Mapping[str, Any]:
    """The content of a file of settings, of which there may be none; nothing but plain values is read."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StoreError(f"{file} cannot be read as settings: {type(error).__name__}: {error}") from error
    if not isinstance(content, Mapping):
        raise StoreError(f"{file} holds a {type(content).__name__}, no settings")
    return content


def _outline(settings: Rvt2Settings) -> Rvt2:
    """A network whose parameters have shapes but no memory."""
    with torch.device("meta"):
        return Rvt2(settings)
