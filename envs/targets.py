"""Which of a task's objects a variation factor acts on, and how far: data that a task states about itself.

Names are those of geoms or bodies in the task's ``scene.xml``. A factor that a task gives no targets for is not defined for that task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hamster_bench.envs.task import ScenePoses


Vector = tuple[float, float, float]


@dataclass(frozen=True)
class ColorTargets:
    """Objects that get other colours.

    Attributes:
        objects: geoms or bodies.
        same: one colour for all of them; otherwise every object has its own draw.
        named: gives the one of them whose colour the task's instructions name, where the variation index is a colour: the instruction
            then follows the drawn colour, and no other object gets the same. None where instructions name no colour of these objects.
    """

    objects: tuple[str, ...]
    same: bool = False
    named: Callable[[ScenePoses], str] | None = None


@dataclass(frozen=True)
class TextureTargets:
    """Objects that get textures, every one its own, laid on by the texture coordinates of their meshes.

    Attributes:
        objects: geoms or bodies.
        compound: those of them that are made of several shapes upstream, whose textures its program cannot set.
        alone: whether the factor is a data set of its own; otherwise it acts in combined factors only.
    """

    objects: tuple[str, ...]
    compound: tuple[str, ...] = ()
    alone: bool = True


@dataclass(frozen=True)
class SizeTargets:
    """Bodies that are scaled with everything on them: what is seen, what collides, waypoints and detection volumes.

    Every body is scaled about the point below its origin on which it stands.

    Attributes:
        objects: bodies.
        low: smallest scale.
        high: largest scale.
        same: one scale for all of them; otherwise every object has its own draw.
        together: the objects keep touching each other as they do: all are scaled about the point on which the first one stands.
        along: bodies without a shape of their own (detection volumes, waypoints) that are scaled like the nearest of the objects, about
            the point of that object.
        working_points: a tool and the point of it [m], in its body frame, that does the work: held by the gripper, a scaled tool has this
            point where it would have been. Without one it is the tool's origin.
        leaning: objects that lean on something: body, and a point [m] and a direction of its straight side, in its body frame. They are
            scaled about the point at which that line meets the height they stand at, so that they go on leaning.
        level_waypoints: waypoints on the objects that keep their height above what the object stands on: beside a thinner object there
            is no room for the fingers below.
        settles: whether something else leans on the objects, and comes to rest again after they have been scaled.
    """

    objects: tuple[str, ...]
    low: float
    high: float
    same: bool = False
    together: bool = False
    along: tuple[str, ...] = ()
    working_points: tuple[tuple[str, Vector], ...] = ()
    leaning: tuple[tuple[str, Vector, Vector], ...] = ()
    level_waypoints: tuple[str, ...] = ()
    settles: bool = False


@dataclass(frozen=True)
class SpawnAreas:
    """Where distractors are put.

    Attributes:
        areas: pairs of the name of a box site and the number of objects on it.
        lookalikes: kinds of objects that could be taken for the task's own; they are left out.
    """

    areas: tuple[tuple[str, int], ...]
    lookalikes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrictionTargets:
    """Bodies whose coefficient of friction is drawn, one for all of them.

    Attributes:
        objects: bodies.
        low: smallest coefficient.
        high: largest coefficient.
    """

    objects: tuple[str, ...]
    low: float
    high: float


@dataclass(frozen=True)
class MassTargets:
    """Bodies whose masses are drawn.

    Attributes:
        ranges: body, smallest and largest mass [kg] of each.
    """

    ranges: tuple[tuple[str, float, float], ...]


FactorTargets = ColorTargets | TextureTargets | SizeTargets | SpawnAreas | FrictionTargets | MassTargets
