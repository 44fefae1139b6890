"""What a task is, apart from any engine: words, variations, success, and how its objects are laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.targets import FactorTargets


@dataclass(frozen=True)
class DetectedCondition:
    """True as soon as any part of ``object`` lies in the detection volume ``volume``."""

    object: str
    volume: str


@dataclass(frozen=True)
class JointCondition:
    """True when ``joint`` has travelled more than ``threshold`` [rad or m] from where it stood at reset, in either direction."""

    joint: str
    threshold: float


@dataclass(frozen=True)
class GraspedCondition:
    """True while the gripper holds ``object``."""

    object: str


@dataclass(frozen=True)
class NothingGrasped:
    """True while the gripper holds nothing."""


@dataclass(frozen=True)
class EmptyCondition:
    """True when every removable object of the task has been removed."""


Condition = DetectedCondition | JointCondition | GraspedCondition | NothingGrasped | EmptyCondition


@dataclass(frozen=True)
class Removal:
    """Objects that vanish as soon as any part of them lies in a detection volume, as dirt does under a sponge.

    Attributes:
        volume: the detection volume.
        objects: bodies that it removes; they do not collide.
    """

    volume: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One step of a task's scripted solution.

    Attributes:
        waypoint: name of the waypoint in the scene file.
        frame: body that carries the waypoint in place of its own one, or None. The waypoint keeps its pose relative to the body.
    """

    waypoint: str
    frame: str | None = None


class ScenePoses(Protocol):
    """Where the objects of a task are. Poses are ``x y z qx qy qz qw`` in the task base frame, [m]."""

    def pose(self, body: str) -> NDArray[np.float64]:
        """Present pose (7,) of a body in the task base frame."""
        ...


class SceneEditor(ScenePoses, Protocol):
    """How a task lays out its objects at reset.

    Names are those of bodies, geoms and sites in the task's ``scene.xml``.
    """

    def set_pose(self, body: str, pose_base: ArrayLike) -> None:
        """Puts a body, fixed or free, to a pose (7,) in the task base frame."""
        ...

    def set_color(self, name: str, rgb: ArrayLike) -> None:
        """Paints a geom, or every visible geom of a body, with ``rgb`` (3,) in 0 to 1."""
        ...

    def sample(
        self,
        body: str,
        area: str,
        rng: np.random.Generator,
        *,
        rotation: tuple[float, float] = (-np.pi, np.pi),
        min_distance: float = 0.01,
    ) -> None:
        """Moves a body to a random place on an area (a box site), turned at random about z, its height above the area kept.

        Args:
            body: what is placed.
            area: name of the site; its x and y half sizes bound where the body's footprint may be.
            rng: the stream to draw from.
            rotation: lowest and highest angle about z [rad].
            min_distance: smallest distance [m] to bodies sampled on the same area before.

        Raises:
            PlacementError: no free place was found.
        """
        ...


def _leave_as_stored(scene: SceneEditor, variation: int, rng: np.random.Generator) -> None:
    """Layout of tasks of which only the base is placed at random."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One manipulation task.

    Attributes:
        name: upstream's spelling; also the name of its folder and of the base body in its ``scene.xml``.
        goal: what has to be achieved, in a sentence.
        instructions: gives all phrasings of the task for a variation index.
        success: conditions that must all hold at the same moment.
        success_by_variation: one more condition for each variation, or none at all.
        variation_count: number of RLBench variations.
        variation_meaning: what the variation index selects.
        graspable: bodies that a closing gripper attaches.
        base_rotation: lowest and highest rotation [rad] of the task base about z.
        arrange: lays the objects out for a variation, drawing from the layout stream it is given.
        paint: colours the objects for a variation; its stream differs from that of ``arrange``, so colours never move objects.
        solution: gives the steps of the scripted solution for the arranged scene and a variation; None executes every waypoint once,
            in order.
        removal: objects that vanish in a detection volume.
        scene_file: path of the scene; None for ``scene.xml`` in this project's folder of the task's name.
        own_choices: what the originals do not state and this project has chosen, a sentence each.
        manipulated: objects the robot touches or holds ("MO").
        receiver: objects that take part without being handled ("RO").
        factors: what the variation factors that depend on a task act on, by the factor's name. Factors that are not named here, and act
            on no object of the task, are defined for every task.
    """

    name: str
    goal: str
    instructions: Callable[[int], tuple[str, ...]]
    success: tuple[Condition, ...]
    success_by_variation: tuple[Condition, ...] = ()
    variation_count: int = 1
    variation_meaning: str = "nothing; a single variation"
    graspable: tuple[str, ...] = ()
    base_rotation: tuple[float, float] = (-3.14, 3.14)
    arrange: Callable[[SceneEditor, int, np.random.Generator], None] = field(default=_leave_as_stored)
    paint: Callable[[SceneEditor, int, np.random.Generator], None] = field(default=_leave_as_stored)
    solution: Callable[[SceneEditor, int], tuple[Step, ...]] | None = None
    removal: Removal | None = None
    scene_file: str | None = None
    own_choices: tuple[str, ...] = ()
    manipulated: tuple[str, ...] = ()
    receiver: tuple[str, ...] = ()
    factors: Mapping[str, FactorTargets] = field(default_factory=dict)

    def conditions(self, variation: int) -> tuple[Condition, ...]:
        """Success conditions of a variation."""
        return (*self.success, *self.success_by_variation[variation : variation + 1])
