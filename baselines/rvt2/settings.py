"""Sizes and choices that make up one network; stored with its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from hamster_bench.errors import InvalidOptionError
from hamster_bench.registry import Registry

Text = Literal["clip", "learned", "none"]
Corner = tuple[float, float, float]

# The box of RLBench's table in PerAct, RVT and RVT-2 [m].
PERACT_WORKSPACE: tuple[Corner, Corner] = ((-0.3, -0.5, 0.6), (0.7, 0.5, 1.6))

_WHOLE_NUMBERS = (
    "view_size",
    "patch_size",
    "patch_channels",
    "width",
    "heads",
    "head_width",
    "layers",
    "rotation_bins",
    "episode_length",
)
# Plain colours, and colours with the drawn path beside them.
_COLOR_CHANNELS = (3, 6)
# Groups of the norm after the patches, in the original.
PATCH_GROUPS = 4


@dataclass(frozen=True, kw_only=True)
class Rvt2Settings:
    """What a network is made of and how its inputs are meant. The defaults are the published setting.

    Attributes:
        cameras: names of the cameras, in the order in which their points are put together. The network itself sees one cloud of points
            and does not know how many cameras made it.
        image_size: (height, width) [pixel] of every camera's image.
        color_channels: 3, or 6 for colours with the drawn path beside them, HAMSTER's "Concat".
        text: ``"clip"``, features of CLIP's text tower; ``"learned"``, an embedding of words trained with the policy; or ``"none"``.
        workspace: lowest and highest corner [m] of the box whose points are looked at. Its centre and longest edge make the cube
            [-1, 1]^3.
        view_size: edge of the rendered views [pixel]; a multiple of ``patch_size``.
        splat_radius: how far a rendered point spreads [cube units]; less than a pixel is not at all.
        patch_size: edge of the patches that become tokens [pixel].
        patch_channels: channels of a patch, and of the state beside it; a multiple of 4.
        width: channels inside the transformer.
        heads: attention heads of every layer.
        head_width: channels of a head.
        layers: number of layers; even. The first half looks inside each view, the second half at everything.
        dropout: of the attention, in training.
        rotation_bins: number of bins a full turn of each Euler angle is cut into.
        zoom: how many times the second stage enlarges.
        zoom_noise: in training the centre of the second stage is off by up to this times 2, in cube units, along every axis.
        episode_length: number of keyposes the time in the state is counted over.
    """

    cameras: tuple[str, ...] = ("front", "left_shoulder", "right_shoulder", "wrist")
    image_size: tuple[int, int] = (128, 128)
    color_channels: int = 3
    text: Text = "clip"
    workspace: tuple[Corner, Corner] = PERACT_WORKSPACE
    view_size: int = 224
    splat_radius: float = 0.012
    patch_size: int = 14
    patch_channels: int = 64
    width: int = 512
    heads: int = 8
    head_width: int = 64
    layers: int = 8
    dropout: float = 0.1
    rotation_bins: int = 72
    zoom: float = 4.0
    zoom_noise: float = 0.05
    episode_length: int = 25

    def __post_init__(self) -> None:
        for name in _WHOLE_NUMBERS:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidOptionError(f"{name} must be a whole number of at least 1, got {value!r}")
        if self.text not in get_args(Text):
            raise InvalidOptionError(f"text must be one of {', '.join(get_args(Text))}, got {self.text!r}")
        if self.color_channels not in _COLOR_CHANNELS:
            raise InvalidOptionError(f"color_channels must be 3 (colours) or 6 (colours and path), got {self.color_channels!r}")
        if not self.cameras or not all(isinstance(camera, str) for camera in self.cameras):
            raise InvalidOptionError(f"cameras must name at least one camera, got {self.cameras!r}")
        if len(self.image_size) != 2 or min(self.image_size) < 1:
            raise InvalidOptionError(f"image_size is (height, width) in pixels, got {self.image_size!r}")
        if self.view_size % self.patch_size or self.view_size < 2 * self.patch_size:
            raise InvalidOptionError(
                f"view_size must be a multiple of patch_size = {self.patch_size}, at least 2 times it, got {self.view_size}"
            )
        if self.patch_channels % PATCH_GROUPS:
            raise InvalidOptionError(f"patch_channels must be a multiple of {PATCH_GROUPS}, got {self.patch_channels}")
        if self.layers % 2:
            raise InvalidOptionError(f"layers must be even, half of them inside each view, got {self.layers}")
        if not 0 <= self.dropout < 1:
            raise InvalidOptionError(f"dropout must lie between 0 and 1, got {self.dropout!r}")
        if not self.zoom > 1:
            raise InvalidOptionError(f"zoom must be above 1, got {self.zoom!r}")
        if not 0 <= self.zoom_noise < 1:
            raise InvalidOptionError(f"zoom_noise must lie between 0 and 1, got {self.zoom_noise!r}")
        if not 0 <= self.splat_radius < 1:
            raise InvalidOptionError(f"splat_radius must lie between 0 and 1, got {self.splat_radius!r}")
        low, high = self.workspace
        if not (len(low) == len(high) == 3 and all(a < b for a, b in zip(low, high, strict=True))):
            raise InvalidOptionError(f"workspace must be a lowest and a highest corner (x, y, z) [m], got {self.workspace!r}")

    @property
    def token_channels(self) -> int:
        """Channels of a token outside the transformer: half patch, half state."""
        return 2 * self.patch_channels

    @property
    def patches(self) -> int:
        """How many patches lie along the edge of a view."""
        return self.view_size // self.patch_size

    @property
    def image_channels(self) -> int:
        """Channels of a rendered view: point, colours, depth, and where the pixel is."""
        return 3 + self.color_channels + 1 + 3

    def to_json(self) -> str:
        """The settings as text that `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Rvt2Settings:
        """Settings from the text of `to_json`.

        Raises:
            InvalidOptionError: the text is no JSON object, names a setting that does not exist, or gives one a wrong value.
        """
        try:
            given = json.loads(text)
            unknown = sorted(set(given) - {field.name for field in fields(cls)})
            if unknown:
                raise InvalidOptionError(f"there is no setting {', '.join(unknown)}")
            return cls(**{name: _tuples(value) for name, value in given.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidOptionError(f"these are no settings of rvt2: {type(error).__name__}: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


# What the original's network settings (`mvt_cfg.yaml`) say where there is one form only here.
_IMPLEMENTED: Mapping[str, Any] = {
    "add_proprio": True,
    "proprio_dim": 4,
    "activation": "lrelu",
    "weight_tie_layers": False,
    "decoder_dropout": 0.0,
    "self_cross_ver": 1,
    "add_corr": True,
    "norm_corr": True,
    "add_pixel_loc": True,
    "add_depth": True,
    "rend_three_views": True,
    "use_point_renderer": True,
    "pe_fix": True,
    "feat_ver": 1,
    "wpt_img_aug": 0.0,
    "inp_pre_pro": False,
    "inp_pre_con": False,
    "cvx_up": True,
    "rot_ver": 1,
    "stage_two": True,
    "st_wpt_loc_inp_no_noise": True,
    "lang_dim": 512,
    "num_views": 3,
}
_PUBLISHED_NAMES: Mapping[str, str] = {
    "depth": "layers",
    "img_size": "view_size",
    "img_feat_dim": "color_channels",
    "im_channels": "patch_channels",
    "attn_dim": "width",
    "attn_heads": "heads",
    "attn_dim_head": "head_width",
    "attn_dropout": "dropout",
    "img_patch_size": "patch_size",
    "num_rot": "rotation_bins",
    "st_sca": "zoom",
    "st_wpt_loc_aug": "zoom_noise",
    "splat_radius": "splat_radius",
}


def published_settings(network: Mapping[str, Any], base: Rvt2Settings) -> Rvt2Settings:
    """Settings from those the original keeps beside its weights in ``mvt_cfg.yaml``.

    Args:
        network: names as the original has them. What is not named stays as in ``base``; what has no bearing on the network is ignored.
        base: everything the file does not tell.

    Raises:
        InvalidOptionError: it describes a variant of the network that does not exist here, or sizes that do not fit together.
    """
    for name, implemented in _IMPLEMENTED.items():
        if network.get(name, implemented) != implemented:
            raise InvalidOptionError(f"its network has {name} = {network[name]!r}; here it can only be {implemented!r}")
    changes: dict[str, Any] = {ours: network[name] for name, ours in _PUBLISHED_NAMES.items() if name in network}
    if "add_lang" in network:
        changes["text"] = "clip" if network["add_lang"] else "none"
    if "cameras" in network:
        changes["cameras"] = tuple(network["cameras"])
    if "scene_bounds" in network:
        bounds = [float(bound) for bound in network["scene_bounds"]]
        changes["workspace"] = (tuple(bounds[:3]), tuple(bounds[3:]))
    try:
        return replace(base, **changes)
    except TypeError as error:
        raise InvalidOptionError(f"these are no settings of rvt2: {error}") from error


SETTINGS: Registry[Rvt2Settings] = Registry("rvt2 configuration")
# As the published checkpoint on PerAct's tasks is to be run.
SETTINGS.register("peract", Rvt2Settings())
# HAMSTER's simulation experiments: the published network without its language, as many points from the front camera alone.
SETTINGS.register("paper", Rvt2Settings(cameras=("front",), image_size=(256, 256), text="none"))
# For a processor: views of half the edge, a fiftieth of the parameters, and points spread wider because one small image has few.
SETTINGS.register(
    "small",
    Rvt2Settings(
        cameras=("front",),
        image_size=(128, 128),
        text="learned",
        view_size=112,
        splat_radius=0.04,
        patch_channels=32,
        width=128,
        heads=4,
        head_width=32,
        layers=4,
        dropout=0.0,
    ),
)
