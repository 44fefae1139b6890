"""What a variation factor is, and what it may ask of and do to a scene.

A factor first *draws* what it is going to do, from a random stream of its own, as plain JSON data, and is then *applied* from that
data alone. The draw is what an episode's record keeps; applying it again gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.targets import SizeTargets
from hamster_bench.envs.task import ScenePoses, Task

Draw = Mapping[str, Any]
"""What a factor does in one episode: JSON values only."""

Draws = Mapping[str, Draw]
"""The draws of an episode, by the names of single factors."""

COMPAT_SWITCHES = {
    "paint_wins": "colours are lost on objects that the task paints itself",
    "plain_shapes_only": "textures are skipped on objects that upstream makes of several shapes",
    "one_stream": "all factors draw from generators seeded alike",
    "one_draw": "every episode of a task has the draws of episode 0",
    "mixed_physics": "combined factors change friction and mass too",
}
"""Decisions of upstream that can be switched back on, and what each means; ``"colosseum"`` stands for all of them."""


@dataclass(frozen=True)
class DistractorPlacement:
    """One distractor of a scene.

    Attributes:
        kind: name of the object.
        scale: factor on its natural size.
        pose_base: (7,) ``x y z qx qy qz qw`` of the middle of its underside in the task base frame, [m].
    """

    kind: str
    scale: float
    pose_base: tuple[float, ...]


class FactorScene(ScenePoses, Protocol):
    """How a factor reads and changes a scene that stands ready for an episode.

    Names are those of geoms and bodies in the task's ``scene.xml``; ``scale``, ``set_friction`` and ``set_mass`` take bodies.
    """

    def color(self, name: str) -> NDArray[np.float64]:
        """Colour (3,) that a geom, or the first visible geom of a body, has now."""
        ...

    def set_color(self, name: str, rgb: ArrayLike) -> None:
        """Paints a geom, or every visible geom of a body, with ``rgb`` (3,) in 0 to 1; a texture that was set stays."""
        ...

    def set_texture(self, name: str, pixels: NDArray[np.uint8]) -> None:
        """Covers a geom, or the visible geoms of a body, with a picture (256, 256, 3) in place of its colour.

        A colour set afterwards is multiplied with the picture. ``walls`` and ``table`` are names too.
        """
        ...

    def set_table_color(self, rgb: ArrayLike) -> None:
        """Paints the table top with ``rgb`` (3,) in 0 to 1; its own pattern goes, a texture that was set stays."""
        ...

    def set_lights(self, rgb: ArrayLike) -> None:
        """Diffuse and specular colour (3,) of the room's three lights."""
        ...

    def move_camera(self, name: str, offset: ArrayLike, turn: ArrayLike) -> None:
        """Moves a fixed camera by (3,) [m] along the world axes and adds (3,) [rad] to its Euler angles."""
        ...

    def scale(self, targets: SizeTargets, scales: Mapping[str, float]) -> None:
        """Scales bodies, by name, in the way the targets say."""
        ...

    def set_friction(self, body: str, coefficient: float) -> None:
        """Sliding friction of all colliding parts of a body."""
        ...

    def set_mass(self, body: str, mass: float) -> None:
        """Mass [kg] of a body; its inertia changes in proportion."""
        ...

    def area_half_size(self, area: str) -> tuple[float, float]:
        """Half sizes [m] of a box site, along its x and y."""
        ...

    def on_area(self, area: str, x: float, y: float) -> NDArray[np.float64]:
        """Pose (7,) in the task base frame of an upright object that stands on the table at a place of a box site."""
        ...

    def is_free(self, pose_base: ArrayLike, radius: float, height: float) -> bool:
        """Whether an upright cylinder standing on the table touches nothing of the task and keeps clear of the scripted solution."""
        ...

    def is_seen(self, pose_base: ArrayLike, height: float) -> bool:
        """Whether the front camera sees the middle of an upright object of a height standing at a pose (7,)."""
        ...

    def add_distractors(self, placements: Sequence[DistractorPlacement], folder: Path | None) -> None:
        """Puts objects on the table; ``folder`` is the user's own objects' or None for this project's."""
        ...


@dataclass(frozen=True)
class Materials:
    """Where textures and distractors come from, and which of upstream's decisions hold.

    Attributes:
        textures: a user's folder of pictures, or None for this project's own.
        distractors: a user's folder of meshes, or None for this project's own.
        compat: names of `COMPAT_SWITCHES` that are on.
    """

    textures: Path | None = None
    distractors: Path | None = None
    compat: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Setting:
    """What a draw depends on besides the random stream.

    Attributes:
        task: the task.
        scene: the scene, ready for the episode and not changed by any factor yet.
        materials: textures, distractors and switches.
    """

    task: Task
    scene: FactorScene
    materials: Materials


def _everywhere(task: Task) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One variation factor.

    Attributes:
        name: upstream's name, as it stands in scenario ids.
        column: heading of its column in tables.
        summary: what changes, in half a sentence.
        distribution: what is drawn and how, in half a sentence.
        is_defined: tells whether the factor is defined for a task.
        draw: draws what happens in an episode; None for factors that change nothing themselves.
        apply: does it.
        parts: names of the single factors that a combined factor consists of, for a task and the compat switches that are on; None for
            single factors.
        is_column: whether it is a column of the variation table.
    """

    name: str
    column: str
    summary: str
    distribution: str
    is_defined: Callable[[Task], bool] = _everywhere
    draw: Callable[[Setting, np.random.Generator], Draw] | None = None
    apply: Callable[[Setting, Draw], None] | None = None
    parts: Callable[[Task, frozenset[str]], tuple[str, ...]] | None = None
    is_column: bool = True
