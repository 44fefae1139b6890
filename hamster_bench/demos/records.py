"""What a directory of demonstrations says of itself, of each demonstration, and of scenarios without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hamster_bench.errors import UnknownNameError
from hamster_bench.scenario import Scenario

IMAGES = ("all", "keyframes")


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What all demonstrations of a directory have in common.

    Attributes:
        cameras: names.
        image_size: (height, width) [pixel].
        images: ``"all"`` frames, or only the first one and the ``"keyframes"`` of every rule.
        engine: name of the simulator.
    """

    cameras: tuple[str, ...] = ("front",)
    image_size: tuple[int, int] = (128, 128)
    images: str = "all"
    engine: str = "mujoco"

    def __post_init__(self) -> None:
        if self.images not in IMAGES:
            raise UnknownNameError("choice of images", self.images, IMAGES)


@dataclass(frozen=True, kw_only=True)
class DemoHeader:
    """What the directory says of a demonstration without opening it.

    Attributes:
        scenario: the episode.
        instruction: the phrasing drawn for it.
        instructions: all phrasings.
        frames: number of frames.
        keyframes: number of keyframes by each rule.
        digest: of the content; see `Demo.digest`.
        sha256: of the file.
        bytes: of the file.
        versions: of what made it.
    """

    scenario: Scenario
    instruction: str
    instructions: tuple[str, ...]
    frames: int
    keyframes: Mapping[str, int]
    digest: str
    sha256: str
    bytes: int
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class FailedDemo:
    """A scenario in which there is no demonstration.

    Attributes:
        scenario: the episode.
        reason: short machine-readable cause, for instance ``"planning:path_not_found"`` or ``"not_solved"``.
        message: the same in words.
        versions: of what tried.
    """

    scenario: Scenario
    reason: str
    message: str
    versions: Mapping[str, str]
