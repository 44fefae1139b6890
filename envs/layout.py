"""Explicit layouts: where the task base and the objects of a task stand, given instead of drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hamster_bench.envs.contract import QUATERNION_NORM_TOLERANCE, WORKSPACE_LOWER, WORKSPACE_UPPER
from hamster_bench.errors import InvalidOptionError

Pose = tuple[float, ...]

_KEYS = ("base_pose", "object_poses")
# Nothing of a task lies farther than this [m] from the world's origin along any axis; the room ends before.
_FARTHEST = 3.0


@dataclass(frozen=True)
class SceneLayout:
    """Where a task stands. Poses are ``x y z qx qy qz qw``, world frame, [m], of the frames that the original gives its objects.

    Attributes:
        base_pose: (7,) pose of the task base.
        object_poses: pose (7,) of objects of the task by name; those that are not named stand where the scenario puts them, carried along
            with the base.
    """

    base_pose: Pose
    object_poses: Mapping[str, Pose] = field(default_factory=dict)

    @classmethod
    def read(cls, given: object) -> SceneLayout:
        """A layout from what was given as reset option: one of these, or a mapping as `to_json` gives and ``info["layout"]`` holds.

        Raises:
            InvalidOptionError: it is no layout.
        """
        if isinstance(given, SceneLayout):
            given = given.to_json()
        if not isinstance(given, Mapping):
            raise InvalidOptionError(f"a layout is a mapping with {' and '.join(_KEYS)}, got {str(given)[:80]!r}")
        unknown = [key for key in given if key not in _KEYS]
        if unknown or "base_pose" not in given:
            raise InvalidOptionError(
                f"a layout holds base_pose and, if objects are to stand elsewhere than the scenario puts them, object_poses; "
                f"got {', '.join(map(str, given)) or 'nothing'}"
            )
        base = _pose("the task base", given["base_pose"])
        if not ((WORKSPACE_LOWER[:2] <= base[:2]) & (base[:2] <= WORKSPACE_UPPER[:2])).all():
            raise InvalidOptionError(
                f"the task base must stand in the workspace, x {WORKSPACE_LOWER[0]} to {WORKSPACE_UPPER[0]} and "
                f"y {WORKSPACE_LOWER[1]} to {WORKSPACE_UPPER[1]} m, got {np.round(base[:2], 4).tolist()}"
            )
        objects = given.get("object_poses", {})
        if not isinstance(objects, Mapping) or not all(isinstance(name, str) for name in objects):
            raise InvalidOptionError(f"object_poses of a layout is a mapping of names to poses, got {str(objects)[:80]!r}")
        return cls(tuple(base.tolist()), {name: tuple(_pose(name, pose).tolist()) for name, pose in objects.items()})

    def to_json(self) -> dict[str, Any]:
        """The layout in values that JSON can hold; `read` takes it."""
        return {
            "base_pose": list(self.base_pose),
            "object_poses": {name: list(pose) for name, pose in self.object_poses.items()},
        }


def _pose(what: str, given: object) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "iuf":
            raise TypeError
        pose = array.astype(np.float64)
    except (TypeError, ValueError):
        pose = np.empty(0)
    if pose.shape != (7,) or not np.isfinite(pose).all():
        raise InvalidOptionError(
            f"the pose of {what} in a layout is 7 finite numbers x y z qx qy qz qw, got {str(given)[:120]!r}"
        )
    if np.abs(pose[:3]).max() > _FARTHEST:
        raise InvalidOptionError(f"{what} must stand within {_FARTHEST:g} m of the world's origin, got {pose[:3].tolist()}")
    norm = float(np.linalg.norm(pose[3:]))
    if abs(norm - 1.0) > QUATERNION_NORM_TOLERANCE:
        raise InvalidOptionError(
            f"the quaternion (qx, qy, qz, qw) of {what} in a layout must have length 1 within {QUATERNION_NORM_TOLERANCE}, "
            f"got length {norm:.6g}; divide it by its length"
        )
    pose[3:] /= norm
    return pose
