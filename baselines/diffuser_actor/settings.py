"""Sizes and choices that make up one network; stored with its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from hamster_bench.errors import InvalidOptionError
from hamster_bench.registry import Registry

Backbone = Literal["clip", "compact"]
Text = Literal["clip", "learned", "none"]
Rotation = Literal["6d", "quaternion"]
QuaternionOrder = Literal["xyzw", "wxyz"]
Sampler = Literal["ddpm", "ddim"]
Corner = tuple[float, float, float]

# Largest and smallest keypose positions of PerAct's 18 tasks [m], widened by 0.04 m as in the training of the published checkpoint.
PERACT_WORKSPACE: tuple[Corner, Corner] = ((-0.1101, -0.5558, 0.7129), (0.6481, 0.5184, 1.5116))

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "backbone": get_args(Backbone),
    "text": get_args(Text),
    "rotation": get_args(Rotation),
    "quaternion_order": get_args(QuaternionOrder),
    "sampler": get_args(Sampler),
}
_WHOLE_NUMBERS = ("width", "heads", "history", "diffusion_steps", "text_layers", "context_share")
# The trunk of CLIP's ResNet-50 halves an image five times.
_SMALLEST_IMAGE = 32


@dataclass(frozen=True, kw_only=True)
class DiffuserActorSettings:
    """What a network is made of and how its inputs are meant. The defaults are the published PerAct setting.

    Attributes:
        width: channels of every token; a multiple of 6 (the rotary code has three axes of channel pairs) and of ``heads``.
        heads: attention heads of every layer.
        cameras: names of the cameras, in the order of the images given.
        image_size: (height, width) [pixel] of every image.
        history: number of gripper positions given, the current one last.
        diffusion_steps: number of noise levels the network is trained on.
        rotation: what is denoised: the first two columns of the rotation matrix, or a quaternion.
        quaternion_order: order of the quaternions given and returned. The published checkpoints read the simulator's ``xyzw`` numbers
            as ``wxyz``: run them with ``"wxyz"`` and hand the numbers over as they are.
        backbone: ``"clip"``, CLIP's ResNet-50, frozen; or ``"compact"``, a small network trained from scratch.
        text: ``"clip"``, features of CLIP's text tower; ``"learned"``, an embedding of words trained with the policy; or ``"none"``.
        text_layers: number of layers in which image tokens look at the instruction.
        context_share: of so many scene tokens one takes part in the self-attention of the head.
        workspace: lowest and highest corner [m] of the box that is scaled to [-1, 1].
        position_frequency: highest frequency of the rotary position codes [radian per unit of the normalised workspace]. With the
            published 1.0 points a few centimetres apart have nearly the same code, and telling them apart takes a long training.
        point_features: whether the points enter the tokens as features too: as further channels of the images that a ``compact``
            backbone sees, and added to every token. In the original they enter by rotary codes alone.
        sampler: how a pose is sampled: ``"ddpm"`` as published, or ``"ddim"``, which can do with few steps.
        sampling_steps: how many of the diffusion steps sampling makes; None for all.
    """

    width: int = 120
    heads: int = 8
    cameras: tuple[str, ...] = ("left_shoulder", "right_shoulder", "wrist", "front")
    image_size: tuple[int, int] = (256, 256)
    history: int = 3
    diffusion_steps: int = 100
    rotation: Rotation = "6d"
    quaternion_order: QuaternionOrder = "xyzw"
    backbone: Backbone = "clip"
    text: Text = "clip"
    text_layers: int = 2
    context_share: int = 5
    workspace: tuple[Corner, Corner] = PERACT_WORKSPACE
    position_frequency: float = 1.0
    point_features: bool = False
    sampler: Sampler = "ddpm"
    sampling_steps: int | None = None

    def __post_init__(self) -> None:
        for name in _WHOLE_NUMBERS:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidOptionError(f"{name} must be a whole number of at least 1, got {value!r}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidOptionError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        if self.width % 6 or self.width % self.heads:
            raise InvalidOptionError(f"width must be a multiple of 6 and of heads = {self.heads}, got {self.width}")
        if not self.cameras or not all(isinstance(camera, str) for camera in self.cameras):
            raise InvalidOptionError(f"cameras must name at least one camera, got {self.cameras!r}")
        if len(self.image_size) != 2 or min(self.image_size) < _SMALLEST_IMAGE:
            raise InvalidOptionError(
                f"image_size is (height, width) of at least {_SMALLEST_IMAGE} pixels, got {self.image_size!r}"
            )
        low, high = self.workspace
        if not (len(low) == len(high) == 3 and all(a < b for a, b in zip(low, high, strict=True))):
            raise InvalidOptionError(f"workspace must be a lowest and a highest corner (x, y, z) [m], got {self.workspace!r}")

        if self.sampling_steps is not None and not 1 <= self.sampling_steps <= self.diffusion_steps:
            raise InvalidOptionError(
                f"sampling_steps must lie between 1 and diffusion_steps = {self.diffusion_steps}, got {self.sampling_steps!r}"
            )

    @property
    def rotation_channels(self) -> int:
        """How many numbers stand for a rotation while it is denoised."""
        return 6 if self.rotation == "6d" else 4

    def to_json(self) -> str:
        """The settings as text that `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DiffuserActorSettings:
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
            raise InvalidOptionError(f"these are no settings of diffuser_actor: {type(error).__name__}: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


SETTINGS: Registry[DiffuserActorSettings] = Registry("diffuser_actor configuration")
# As the published checkpoint on PerAct's tasks is to be run.
SETTINGS.register("peract", DiffuserActorSettings(quaternion_order="wxyz"))
# HAMSTER's simulation experiments: the published network, the front camera only.
SETTINGS.register("paper", DiffuserActorSettings(cameras=("front",)))
# For a processor: half the width, a small backbone, one small image, few steps, and positions told plainly enough to be
# learned within an hour.
SETTINGS.register(
    "small",
    replace(
        SETTINGS.get("paper"),
        width=60,
        heads=4,
        image_size=(128, 128),
        backbone="compact",
        text="learned",
        context_share=16,
        position_frequency=30.0,
        point_features=True,
        # As near to the demonstrations as with 25, 50 or 100; docs/diffuser_actor.md has the figures.
        sampling_steps=15,
    ),
)
