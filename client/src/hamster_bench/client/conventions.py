"""What the numbers mean, declared by the server and compared by whoever uses it before anything moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hamster_bench.client.errors import ConventionError

PROTOCOL_VERSION = 1

# Key of the metadata under which a server of this protocol describes itself; others of the same dialect have other keys.
METADATA_KEY = "hamster_bench"

# Components of an action, in order.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "keypose": ("x", "y", "z", "qx", "qy", "qz", "qw", "gripper_open", "ignore_collisions"),
    "delta_pose": ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper_open"),
    "joint_position": (*(f"joint{i}" for i in range(1, 8)), "gripper_open"),
}

CONVENTIONS: Mapping[str, str] = {
    "length": "m",
    "angle": "rad",
    "frame": "world",
    "quaternion": "xyzw",
    "delta_rotation": "extrinsic xyz, world axes",
    "gripper": "1 open, 0 closed",
    "image": "rgb uint8 (height, width, 3)",
    "depth": "float32 m along the optical axis",
    "extrinsics": "camera to world, OpenCV axes",
    "control_rate": "20 Hz",
}

PATH_FORMS = ("none", "points", "overlay", "channels")


@dataclass(frozen=True)
class Declaration:
    """What a policy is and what it must be given.

    Attributes:
        name: what it is called.
        action_mode: one of `ACTIONS`.
        cameras: names of the cameras it sees: front, left_shoulder, right_shoulder, overhead, wrist.
        image_size: (height, width) [pixel] of every image, or None for any.
        path: form in which it takes the 2D path: ``"none"``, ``"points"``, ``"overlay"`` or ``"channels"``.
        observations: names of the observations it reads, or None for all.
        fingerprint: short text that changes when the policy does, or None.
        checkpoint: the same of its weights, or None.
    """

    name: str
    action_mode: str
    cameras: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    path: str = "none"
    observations: tuple[str, ...] | None = None
    fingerprint: str | None = None
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        if self.action_mode not in ACTIONS:
            raise ConventionError(f"a policy acts in one of {', '.join(ACTIONS)}, got {self.action_mode!r}")
        if self.path not in PATH_FORMS:
            raise ConventionError(f"paths come as {', '.join(PATH_FORMS)}, got {self.path!r}")
        for name in ("cameras", "observations"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _texts(name, value))
        if self.image_size is not None:
            size = tuple(self.image_size) if isinstance(self.image_size, Sequence) else ()
            if len(size) != 2 or not all(type(n) is int and n > 0 for n in size):
                raise ConventionError(f"image_size is (height, width) in whole pixels, got {self.image_size!r}")
            object.__setattr__(self, "image_size", size)

    def metadata(self) -> dict[str, Any]:
        """What a server sends first, together with protocol version and conventions."""
        return {
            "protocol_version": PROTOCOL_VERSION,
            "conventions": dict(CONVENTIONS),
            "actions": list(ACTIONS[self.action_mode]),
            **{name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()},
        }

    @classmethod
    def from_metadata(cls, metadata: object) -> Declaration:
        """The declaration in a server's first message, once it is sure that both sides mean the same.

        Raises:
            ConventionError: they do not; the message says in what.
        """
        found = metadata.get(METADATA_KEY) if isinstance(metadata, Mapping) else None
        if not isinstance(found, Mapping):
            raise ConventionError(
                f"the server does not describe itself under {METADATA_KEY!r}; it speaks another dialect or is no policy server"
            )
        version = found.get("protocol_version")
        if version != PROTOCOL_VERSION:
            raise ConventionError(f"the server speaks version {version!r} of the protocol, here it is {PROTOCOL_VERSION}")
        _compare("conventions", found.get("conventions"), CONVENTIONS)
        fields = {name: found[name] for name in cls.__dataclass_fields__ if name in found}
        try:
            declared = cls(**fields)
        except TypeError as error:
            raise ConventionError(f"the server's description is incomplete: {error}") from error
        for name in ("name", "fingerprint", "checkpoint"):
            value = getattr(declared, name)
            if not isinstance(value, str) and (name == "name" or value is not None):
                raise ConventionError(f"the server gives its {name} as {value!r}; it is a text")
        expected = list(ACTIONS[declared.action_mode])
        if found.get("actions") != expected:
            raise ConventionError(f"a {declared.action_mode} action is {expected}, for the server {found.get('actions')!r}")
        return declared


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(text, str) for text in value):
        raise ConventionError(f"{name} is a list of names, got {value!r}")
    return tuple(value)


def _compare(what: str, theirs: object, ours: Mapping[str, str]) -> None:
    if not isinstance(theirs, Mapping):
        raise ConventionError(f"the server does not declare its {what}")
    different = [name for name, value in ours.items() if theirs.get(name) != value]
    if different:
        listed = "; ".join(f"{name} is {theirs.get(name)!r} there and {ours[name]!r} here" for name in different)
        raise ConventionError(f"the server has other {what}: {listed}")


def positive(name: str, value: float) -> float:
    """A number above 0.

    Raises:
        ValueError: it is not.
    """
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return value
