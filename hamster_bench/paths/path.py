"""The 2D path: where the gripper should go in the image, and when it opens and closes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import PathError
from hamster_bench.paths.simplify import DEFAULT_TOLERANCE, simplified_indices


@dataclass(frozen=True, eq=False)
class Path2D:
    """A path of the gripper tip in one image.

    Coordinates are fractions of the image, so a path fits every resolution of it. The gripper state follows HAMSTER's grammar: an
    opening or closing sets the state *of the point at which it happens* and of all later points. The state at a point is therefore
    the one that holds when the gripper leaves it.

    Both arrays are copied on construction and cannot be written to.

    Attributes:
        points: (n, 2) float64 in [0, 1], n at least 1; x to the right [fraction of the width], y down [fraction of the height].
        gripper_open: (n,) bool, True for open.

    Raises:
        PathError: wrong shapes, no point, coordinates that are not finite or lie outside [0, 1], states other than 0 and 1.
    """

    points: NDArray[np.float64]
    gripper_open: NDArray[np.bool_]

    def __init__(self, points: ArrayLike, gripper_open: ArrayLike) -> None:
        object.__setattr__(self, "points", _valid_points(points))
        object.__setattr__(self, "gripper_open", _valid_states(gripper_open, len(self.points)))

    def __len__(self) -> int:
        return len(self.points)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Path2D):
            return NotImplemented
        return np.array_equal(self.points, other.points) and np.array_equal(self.gripper_open, other.gripper_open)

    def __hash__(self) -> int:
        return hash((self.points.tobytes(), self.gripper_open.tobytes()))

    def __reduce__(self) -> tuple[type[Path2D], tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        # Unpickled arrays would be writable; building the path anew keeps them locked.
        return type(self), (np.array(self.points), np.array(self.gripper_open))

    @property
    def gripper_changes(self) -> NDArray[np.intp]:
        """Indices (k,) of the points at which the gripper opens or closes; never 0, which has no point before it."""
        return np.flatnonzero(self.gripper_open[1:] != self.gripper_open[:-1]) + 1

    def simplified(self, tolerance: float = DEFAULT_TOLERANCE) -> Path2D:
        """The path with fewer points, by Ramer-Douglas-Peucker.

        First point, last point and the points of gripper changes always stay. Every dropped point lies within ``tolerance`` of the
        segment that replaces it.

        Args:
            tolerance: largest distance [fraction of the image]; HAMSTER's training data used 0.05.

        Raises:
            PathError: the tolerance is negative or not a number.
        """
        kept = simplified_indices(self.points, tolerance, keep=self.gripper_changes)
        return Path2D(self.points[kept], self.gripper_open[kept])

    def to_json(self) -> str:
        """The path as one line of JSON that `from_json` reads back without loss."""
        return json.dumps({"points": self.points.tolist(), "gripper_open": self.gripper_open.tolist()}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Path2D:
        """The path written by `to_json`.

        Raises:
            PathError: the text is not such a path.
        """
        try:
            value = json.loads(text)
        except (TypeError, ValueError) as error:
            raise PathError(f"a stored path must be JSON, got {str(text)[:80]!r} ({error})") from error
        if not isinstance(value, dict) or set(value) != {"points", "gripper_open"}:
            raise PathError(f"a stored path is an object with 'points' and 'gripper_open', got {str(text)[:80]!r}")
        return cls(value["points"], value["gripper_open"])


def _valid_points(points: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.array(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PathError(f"path points must be numbers (n, 2), got {type(points).__name__}: {error}") from error
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < 1:
        raise PathError(f"path points have shape (n, 2) with n at least 1, got shape {array.shape}")
    wrong = ~((array >= 0.0) & (array <= 1.0)).all(axis=1)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise PathError(f"path points are fractions of the image in [0, 1], point {i} is {array[i].tolist()}")
    array += 0.0  # turns -0.0 into 0.0, so that equal paths are stored as equal text
    array.flags.writeable = False
    return array


def _valid_states(gripper_open: ArrayLike, count: int) -> NDArray[np.bool_]:
    try:
        given = np.asarray(gripper_open)
        if given.dtype.kind not in "biuf":
            raise TypeError("not numbers")
        states = given.astype(np.bool_)
        unchanged = bool(np.array_equal(states, given))
    except (TypeError, ValueError) as error:
        raise PathError(f"gripper states must be booleans (n,), got {type(gripper_open).__name__}: {error}") from error
    if states.shape != (count,):
        raise PathError(f"a path of {count} points has {count} gripper states, got shape {states.shape}")
    if not unchanged:
        raise PathError(f"gripper states are 0 (closed) or 1 (open), got {given.tolist()}")
    states.flags.writeable = False
    return states
