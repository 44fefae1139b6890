"""Weights in files: the published checkpoints, this project's own, and CLIP's convolutions."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hamster_bench.baselines.diffuser_actor.backbones import LEVEL, ClipResNet50
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS, DiffuserActorSettings
from hamster_bench.baselines.parts.weights import (
    check_entries,
    filled,
    read_own,
    safetensors_entries,
    shapes_of,
    torch_entries,
    write_own,
)
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, StoreError

_POLICY = "diffuser_actor"

# Where the published checkpoints keep the weights, and what data-parallel training puts before their names.
_PUBLISHED_KEY = "weight"
_PUBLISHED_PREFIX = "module."
# Channels of the five stages of CLIP's ResNet-50, all of which have a place in the published pyramid.
_STAGE_CHANNELS = (64, 256, 512, 1024, 2048)

_CLIP_NAME, _CLIP_FILE = "timm/resnet50_clip.openai", "open_clip_model.safetensors"
# What the trunk's entries are preceded by in files of CLIP, of OpenCLIP and of 3D Diffuser Actor.
_TRUNK_PREFIXES = ("", "visual.", "encoder.backbone.", "module.encoder.backbone.")


@dataclass(frozen=True)
class Checkpoint:
    """A network as a file keeps it.

    Attributes:
        network: with its weights, in evaluation mode; its settings are ``network.settings``.
        training: how it was trained, as whoever wrote the file put it; empty for published checkpoints.
    """

    network: DiffuserActor
    training: Mapping[str, Any] = field(default_factory=dict)


def load(file: Path, settings: DiffuserActorSettings | None = None) -> Checkpoint:
    """Reads a checkpoint of either form: this project's own (safetensors) or a published one (a torch file).

    Args:
        file: the file.
        settings: for a published one, which does not say how it is to be run; see `load_published`. An own one has its settings inside.

    Raises:
        StoreError: see `load_own` and `load_published`.
        InvalidOptionError: settings are given for a file that has its own.
    """
    if file.suffix != ".safetensors":
        return load_published(file, settings)
    if settings is not None:
        raise InvalidOptionError(f"{file} has its settings inside; give none")
    return load_own(file)


def load_published(file: Path, settings: DiffuserActorSettings | None = None) -> Checkpoint:
    """Reads a checkpoint of 3D Diffuser Actor (``diffuser_actor_peract.pth``), or of a training of the original code.

    Args:
        file: a torch file with the entry ``weight``, whose names may begin with ``module.``. Nothing but tensors and plain values is
            unpickled.
        settings: how to run it: the file holds neither heads nor workspace. Without, those of the published PerAct setting
            (``SETTINGS.get("peract")``) with the width and history that the file's shapes tell.

    Raises:
        StoreError: the file cannot be read or holds no weights; or an entry is missing, unexpected or of another shape than the settings
            ask for. The message names them.
    """
    entries = _published_entries(file)
    if settings is None:
        settings = _settings_for(entries)
    return Checkpoint(network_of(entries, settings, str(file)))


def network_of(entries: Mapping[str, Tensor], settings: DiffuserActorSettings, source: str) -> DiffuserActor:
    """A network with the entries of a published state dictionary.

    Entries that take no part in any result (`unused_entries`) have to be there with the right shapes, and are dropped. Names of older
    torchvision versions (``inner_blocks.K.weight`` for ``inner_blocks.K.0.weight``) are understood.

    Raises:
        StoreError: an entry is missing, unexpected or of another shape; ``source`` says where.
    """
    entries = {_present_name(name): entry for name, entry in entries.items()}
    outline, unused = _outline(settings), unused_entries(settings)
    check_entries(entries, shapes_of(outline) | unused, source)
    return filled(outline, {name: entry for name, entry in entries.items() if name not in unused})


def unused_entries(settings: DiffuserActorSettings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the entries of published checkpoints that take no part in any result.

    CLIP's attention pool, the pyramid's levels other than the one in use, the embedding of a goal pose, and the feed-forward part of
    the layer in which pose tokens look at the instruction.
    """
    width = settings.width
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.goal_gripper_embed.weight": (1, width),
        "encoder.backbone.attnpool.positional_embedding": (50, 2048),
    }
    for name, channels in (("q", 2048), ("k", 2048), ("v", 2048), ("c", 1024)):
        shapes[f"encoder.backbone.attnpool.{name}_proj.weight"] = (channels, 2048)
        shapes[f"encoder.backbone.attnpool.{name}_proj.bias"] = (channels,)
    for level, channels in enumerate(_STAGE_CHANNELS):
        if level < LEVEL:
            shapes[f"encoder.feature_pyramid.inner_blocks.{level}.0.weight"] = (width, channels, 1, 1)
            shapes[f"encoder.feature_pyramid.inner_blocks.{level}.0.bias"] = (width,)
        if level != LEVEL:
            shapes[f"encoder.feature_pyramid.layer_blocks.{level}.0.weight"] = (width, width, 3, 3)
            shapes[f"encoder.feature_pyramid.layer_blocks.{level}.0.bias"] = (width,)
    if settings.text != "none":
        layer = "prediction_head.traj_lang_attention.0.layers.0"
        shapes |= {
            f"{layer}.ffn_12.0.weight": (4 * width, width),
            f"{layer}.ffn_12.0.bias": (4 * width,),
            f"{layer}.ffn_12.3.weight": (width, 4 * width),
            f"{layer}.ffn_12.3.bias": (width,),
            f"{layer}.norm_122.weight": (width,),
            f"{layer}.norm_122.bias": (width,),
        }
    return shapes


def load_own(file: Path) -> Checkpoint:
    """Reads a checkpoint that `save_own` wrote.

    Raises:
        StoreError: the file cannot be read or is of another kind; or an entry is missing, unexpected or of another shape.
    """
    entries, text, training = read_own(file, _POLICY)
    try:
        settings = DiffuserActorSettings.from_json(text)
    except InvalidOptionError as error:
        raise StoreError(f"{file} is no checkpoint of {_POLICY}: {error}") from error
    outline = _outline(settings)
    check_entries(entries, shapes_of(outline), str(file))
    return Checkpoint(filled(outline, entries), training)


def save_own(file: Path, network: DiffuserActor, training: Mapping[str, Any]) -> None:
    """Writes a network with its settings; a file of this name is replaced in one moment.

    Args:
        file: ends in ``.safetensors``.
        network: with its weights.
        training: how it was trained, in values JSON can hold.

    Raises:
        InvalidOptionError: the name does not end in ``.safetensors``.
        StoreError: the file cannot be written.
    """
    save_entries(file, network.settings, network.state_dict(), training)


def save_entries(file: Path, settings: DiffuserActorSettings, entries: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
    """`save_own` for a state dictionary that need not be the network's present one, an average over the training for instance.

    Raises:
        InvalidOptionError: the name does not end in ``.safetensors``.
        StoreError: the file cannot be written.
    """
    write_own(file, _POLICY, entries, settings.to_json(), training)


def load_clip_trunk(backbone: ClipResNet50, file: Path | None = None) -> None:
    """Fills the convolutions with CLIP's weights.

    Args:
        backbone: is changed.
        file: safetensors, or a torch file with a state dictionary, of CLIP's ResNet-50: as OpenCLIP names it (``visual.conv1.weight``), of
            the image tower alone, or a checkpoint of 3D Diffuser Actor. Without, the hub's cache is looked into.

    Raises:
        StoreError: there is no such file, or it lacks an entry, or one has another shape.
        MissingDependencyError: no file is given, and ``huggingface_hub`` is not installed.
    """
    file = file or _cached_clip()
    entries = safetensors_entries(file) if file.suffix == ".safetensors" else torch_entries(file)
    nested = entries.get(_PUBLISHED_KEY)
    if isinstance(nested, Mapping):
        entries = nested
    expected = {name: tuple(entry.shape) for name, entry in backbone.state_dict().items()}
    prefix = next((prefix for prefix in _TRUNK_PREFIXES if f"{prefix}conv1.weight" in entries), "")
    found = {name: entries[prefix + name] for name in expected if prefix + name in entries}
    check_entries(found, expected, str(file))
    backbone.load_state_dict(found)


def _cached_clip() -> Path:
    try:
        hub: Any = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise MissingDependencyError(
            "the hub's cache is looked into with: pip install huggingface_hub; or name a file"
        ) from error
    cached = hub.try_to_load_from_cache(_CLIP_NAME, _CLIP_FILE)
    if not isinstance(cached, str):
        raise StoreError(
            f"there are no weights of CLIP's ResNet-50 in the hub's cache; name a file that has them, or fetch them with: "
            f"huggingface-cli download {_CLIP_NAME} {_CLIP_FILE}. The backbone 'compact' needs none."
        )
    return Path(cached)


def _published_entries(file: Path) -> dict[str, Tensor]:
    content = torch_entries(file)
    weight = content.get(_PUBLISHED_KEY)
    if not isinstance(weight, Mapping) or not all(isinstance(entry, Tensor) for entry in weight.values()):
        raise StoreError(f"{file} is no checkpoint of 3D Diffuser Actor: it has no weights under {_PUBLISHED_KEY!r}")
    return {name.removeprefix(_PUBLISHED_PREFIX): entry for name, entry in weight.items()}


def _settings_for(entries: Mapping[str, Tensor]) -> DiffuserActorSettings:
    """The published setting with the width and history of these entries, or as it is when they do not tell."""
    settings = SETTINGS.get("peract")
    embedded = entries.get("encoder.curr_gripper_embed.weight")
    encoder = entries.get("encoder.instruction_encoder.weight")
    if embedded is None or encoder is None or embedded.dim() != 2 or encoder.dim() != 2 or embedded.shape[1] != encoder.shape[0]:
        return settings
    history, width = embedded.shape
    try:
        return DiffuserActorSettings(
            width=width, heads=settings.heads, history=history, quaternion_order=settings.quaternion_order
        )
    except InvalidOptionError as error:
        raise StoreError(
            f"the file's width of {width} does not go with the published {settings.heads} heads; give settings"
        ) from error


def _present_name(name: str) -> str:
    """The name as the newest torchvision has it: older ones lack the 0 in ``inner_blocks.K.0.weight``."""
    parts = name.split(".")
    if len(parts) == 5 and parts[:2] == ["encoder", "feature_pyramid"] and parts[2] in ("inner_blocks", "layer_blocks"):
        return ".".join((*parts[:4], "0", parts[4]))
    return name


def _outline(settings: DiffuserActorSettings) -> DiffuserActor:
    """A network whose parameters have shapes but no memory."""
    with torch.device("meta"):
        return DiffuserActor(settings)
