"""Sizes of the network: of the published models, and of the small one that trains on a processor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.registry import Registry


@dataclass(frozen=True, kw_only=True)
class TowerSettings:
    """A vision transformer.

    Attributes:
        width: channels.
        depth: blocks; features are those of the last but one.
        heads: of attention.
        hidden: channels inside the feed-forward parts.
        registers: tokens besides the class token; None for a tower without either.
        layer_scale: each branch is scaled by learned factors.
        pooling: has an attention pool, which takes no part.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    registers: int | None = None
    layer_scale: bool = False
    pooling: bool = False


@dataclass(frozen=True, kw_only=True)
class LanguageSettings:
    """A Llama.

    Attributes:
        width: channels.
        layers: blocks.
        heads: of attention.
        hidden: channels inside the feed-forward parts.
        embeddings: rows of the embedding.
        epsilon: of its norms.
        rotary_base: of its position code.
        longest: tokens it takes at most.
    """

    width: int
    layers: int
    heads: int
    hidden: int
    embeddings: int
    epsilon: float = 1e-6
    rotary_base: float = 10000.0
    longest: int = 2048


@dataclass(frozen=True, kw_only=True)
class OpenVLASettings:
    """The whole network.

    Attributes:
        image_size: edge of the images it sees [pixel].
        patch: edge of a patch [pixel].
        dino: first tower.
        siglip: second tower.
        language: the language model.
        vocabulary: tokens of the language; the action tokens are its last ones.
        begin: token every prompt begins with.
        stop: token that ends an answer.
        padding: token that fills up.
        empty_piece: token that stands before the first action token, or None.
        bins: points from -1 to 1 between which actions are rounded.
        tokenizer: ``"file"`` (``tokenizer.json`` beside the weights), or ``"words"``, the words of this project's instructions.
        control_steps: control steps of 0.05 s the model answers for, as it was trained; 4 at 5 Hz.
    """

    image_size: int
    patch: int
    dino: TowerSettings
    siglip: TowerSettings
    language: LanguageSettings
    vocabulary: int = 32000
    begin: int = 1
    stop: int = 2
    padding: int = 32000
    empty_piece: int | None = 29871
    bins: int = 256
    tokenizer: str = "file"
    control_steps: int = 1

    @property
    def patches(self) -> int:
        """Image tokens."""
        return (self.image_size // self.patch) ** 2

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> OpenVLASettings:
        """The settings written by `to_json`.

        Raises:
            InvalidOptionError: they are none.
        """
        try:
            parts = {"dino": TowerSettings, "siglip": TowerSettings, "language": LanguageSettings}
            made: dict[str, Any] = {name: kind(**held[name]) for name, kind in parts.items()}
            return cls(**(dict(held) | made))
        except (KeyError, TypeError) as error:
            raise InvalidOptionError(f"these are no settings of openvla: {error}") from error


SETTINGS: Registry[OpenVLASettings] = Registry("configuration of openvla")

_DINO_LARGE = TowerSettings(width=1024, depth=24, heads=16, hidden=4096, registers=4, layer_scale=True)
_SIGLIP_SO400M = TowerSettings(width=1152, depth=27, heads=16, hidden=4304, pooling=True)
SETTINGS.register(
    "7b",
    OpenVLASettings(
        image_size=224,
        patch=14,
        dino=_DINO_LARGE,
        siglip=_SIGLIP_SO400M,
        language=LanguageSettings(width=4096, layers=32, heads=32, hidden=11008, embeddings=32064),
    ),
)
# Words of the instructions take the places after the special tokens, the 256 action tokens the last ones. It answers 5 times a second, as
# the robots do of which OpenVLA learned most (BridgeData V2): errors add up over a quarter as many answers, and an episode costs a quarter.
SETTINGS.register(
    "tiny",
    OpenVLASettings(
        image_size=112,
        patch=14,
        dino=TowerSettings(width=192, depth=4, heads=3, hidden=576, registers=4, layer_scale=True),
        siglip=TowerSettings(width=192, depth=4, heads=3, hidden=576),
        language=LanguageSettings(width=256, layers=4, heads=8, hidden=704, embeddings=1024),
        vocabulary=1000,
        begin=1,
        stop=2,
        padding=0,
        empty_piece=None,
        tokenizer="words",
        control_steps=4,
    ),
)

# Towers of published models by the names timm has for them.
_TOWERS: Mapping[str, TowerSettings] = {
    "vit_large_patch14_reg4_dinov2.lvd142m": _DINO_LARGE,
    "vit_so400m_patch14_siglip_224": _SIGLIP_SO400M,
}
_KEY = "hamster_bench"


def read_configuration(directory: Path) -> tuple[OpenVLASettings, Mapping[str, Any]]:
    """The settings in ``config.json`` of a model's folder, published or of this project, and all the file holds.

    Raises:
        StoreError: the file cannot be read, or is of a model that does not exist here.
    """
    file = directory / "config.json"
    try:
        held: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if _KEY in held:
            return OpenVLASettings.from_json(held[_KEY]), held
        return _published(held), held
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidOptionError) as error:
        raise StoreError(f"{file} describes no model of openvla that exists here: {type(error).__name__}: {error}") from error


def configuration_json(settings: OpenVLASettings, statistics: Mapping[str, Any]) -> dict[str, Any]:
    """What ``config.json`` of a model of this project holds."""
    return {"model_type": "openvla", "norm_stats": dict(statistics), _KEY: settings.to_json()}


def _published(held: Mapping[str, Any]) -> OpenVLASettings:
    if held.get("model_type") != "openvla":
        raise InvalidOptionError(f"its model_type is {held.get('model_type')!r}")
    towers = held["timm_model_ids"]
    if len(towers) != 2 or any(name not in _TOWERS for name in towers) or not held.get("use_fused_vision_backbone", True):
        raise InvalidOptionError(f"its towers are {towers}; known is the pair {list(_TOWERS)}")
    if any(act is not None for act in held.get("timm_override_act_layers") or ()):
        raise InvalidOptionError(f"its towers have other activations: {held['timm_override_act_layers']}")
    if held.get("image_resize_strategy", "resize-naive") != "resize-naive":
        raise InvalidOptionError(f"its images are treated by {held['image_resize_strategy']!r}; here they are resized")
    text = {"vocab_size": 32064} | dict(held.get("text_config") or {})
    language = LanguageSettings(
        width=text.get("hidden_size", 4096),
        layers=text.get("num_hidden_layers", 32),
        heads=text.get("num_attention_heads", 32),
        hidden=text.get("intermediate_size", 11008),
        embeddings=text["vocab_size"],
        epsilon=text.get("rms_norm_eps", 1e-6),
        rotary_base=text.get("rope_theta", 10000.0),
        longest=text.get("max_position_embeddings", 2048),
    )
    return OpenVLASettings(
        image_size=int(held.get("image_sizes", [224])[0]),
        patch=14,
        dino=_TOWERS[towers[0]],
        siglip=_TOWERS[towers[1]],
        language=language,
        vocabulary=language.embeddings - int(held.get("pad_to_multiple_of", 64)),
        padding=int(held.get("pad_token_id", 32000)),
        bins=int(held.get("n_action_bins", 256)),
    )
