"""Ways through an image as short texts: the way the gripper took, and the way the scripted solution would take.

A text is JSON: ``x`` and ``y`` hold the first point and then the change to each next one, in thousandths of the image's width and height;
``open`` holds the state of the first point, 1 or 0, and then the numbers of the points at which the gripper opens or closes; ``marks``,
where it is there, holds the numbers of the points at which a new 2D path was proposed. Points that lie within `TOLERANCE` of the
straight line between their neighbours are left out.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import PathError
from hamster_bench.geometry import Camera
from hamster_bench.paths import Path2D
from hamster_bench.paths.simplify import simplified_indices

# Half a pixel of an image of 128 x 128.
TOLERANCE = 0.004
# The tolerance is doubled until no more points are left than this (about 0.8 kB), or only those that always stay.
MOST_POINTS = 120

_UNIT = 1000
# Nearest planar depth [m] that counts as in front of the camera, as for paths.
_NEAR = 0.01


class Track(NamedTuple):
    """A way through an image.

    Attributes:
        path: its points, and whether the gripper is open from each on.
        marks: numbers of the points at which a new 2D path was proposed, rising.
    """

    path: Path2D
    marks: tuple[int, ...] = ()

    def stretches(self) -> tuple[Path2D, ...]:
        """The way cut at its marks, which belong to both sides."""
        cuts = [0, *self.marks, len(self.path) - 1]
        return tuple(Path2D(self.path.points[a : b + 1], self.path.gripper_open[a : b + 1]) for a, b in pairwise(cuts))

    def to_text(self) -> str:
        """The way as text, rounded to thousandths of the image; `from_text` reads it back."""
        units = np.rint(self.path.points * _UNIT).astype(int)
        changes = np.diff(units, axis=0, prepend=0)
        states = [int(self.path.gripper_open[0]), *self.path.gripper_changes.tolist()]
        value = {"x": changes[:, 0].tolist(), "y": changes[:, 1].tolist(), "open": states}
        return json.dumps(value | ({"marks": self.marks} if self.marks else {}), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Track:
        """The way written by `to_text`.

        Raises:
            PathError: the text is not such a way.
        """
        try:
            value = json.loads(text)
            points = np.cumsum(np.array([value["x"], value["y"]], dtype=int).T, axis=0) / _UNIT
            first, *changes = value["open"]
            states = np.full(len(points), bool(first))
            for place in changes:
                states[place:] = ~states[place:]
            marks = tuple(int(mark) for mark in value.get("marks", ()))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PathError(f"a stored track must be JSON with x, y and open, got {str(text)[:80]!r} ({error})") from error
        if any(not 0 <= a <= b < len(points) for a, b in pairwise((0, *marks, len(points) - 1))):
            raise PathError(f"marks of a track are numbers of its {len(points)} points, rising, got {marks}")
        return cls(Path2D(points, states), marks)


def seen_track(positions_world: ArrayLike, gripper_open: ArrayLike, camera: Camera, marks: tuple[int, ...] = ()) -> Track | None:
    """The way of the gripper tip in a camera's image, thinned.

    Positions beside the image are moved to its border, and those behind the camera to where the tip was seen last.

    Args:
        positions_world: (n, 3) [m], world frame.
        gripper_open: (n,) bool, state from each position on.
        camera: the camera.
        marks: numbers of positions at which a new 2D path was proposed, rising.

    Returns:
        The way, or None where no position lies in front of the camera.
    """
    positions, states = np.asarray(positions_world, dtype=np.float64), np.asarray(gripper_open, dtype=np.bool_)
    uv, depth = camera.project(positions)
    seen = np.flatnonzero(depth > _NEAR)
    if not len(seen):
        return None
    # The last one seen at each moment; before the first, that one.
    shown = seen[np.maximum(np.searchsorted(seen, np.arange(len(positions)), side="right") - 1, 0)]
    points = np.clip(uv[shown] / np.array([camera.width, camera.height]), 0.0, 1.0)
    changes = np.flatnonzero(states[1:] != states[:-1]) + 1
    kept = _thinned(points, sorted({*changes.tolist(), *marks}))
    numbers = np.searchsorted(kept, marks).tolist()
    return Track(Path2D(points[kept], states[kept]), tuple(numbers))


def _thinned(points: NDArray[np.float64], keep: list[int]) -> NDArray[np.intp]:
    tolerance = TOLERANCE
    kept = simplified_indices(points, tolerance, keep=keep)
    while len(kept) > max(MOST_POINTS, len(keep) + 2):
        tolerance *= 2.0
        kept = simplified_indices(points, tolerance, keep=keep)
    return kept
