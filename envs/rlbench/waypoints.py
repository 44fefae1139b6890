"""Waypoints of RLBench's scripted solutions as the environment is told them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.geometry import quat_xyzw_from_axis_angle, quat_xyzw_multiply

FloatArray = NDArray[np.float64]

_PATH_SAMPLES = 41


def describe_waypoint(index: int, waypoint: Any) -> dict[str, Any]:
    """RLBench's waypoint of a number as it is now."""
    thing = waypoint.get_waypoint_object()
    is_path = hasattr(thing, "get_pose_on_path")
    if is_path:
        poses = np.array([_path_pose(thing, fraction) for fraction in np.linspace(0.0, 1.0, _PATH_SAMPLES)])
    else:
        poses = np.array([thing.get_pose()], dtype=np.float64)
    return {
        "name": f"waypoint{index}",
        "kind": "path" if is_path else "point",
        "poses": poses,
        "ignore_collisions": bool(getattr(waypoint, "_ignore_collisions", False)),
        "gripper": gripper_command(str(waypoint.get_ext())),
    }


def gripper_command(extension: str) -> float | None:
    """Opening, 0 to 1, that a waypoint's flags command after it is reached, or None.

    Opening wins where both are written, as in RLBench.
    """
    for flag, full in (("open_gripper(", 1.0), ("close_gripper(", 0.0)):
        _, found, rest = extension.partition(flag)
        if found:
            amount = rest.partition(")")[0].strip()
            return float(amount) if amount else full
    return None


def _path_pose(path: Any, fraction: float) -> FloatArray:
    position, euler = path.get_pose_on_path(float(fraction))
    # CoppeliaSim turns about x, then about the turned y, then about the z turned twice.
    turns = [quat_xyzw_from_axis_angle(axis, float(angle)) for axis, angle in zip(np.eye(3), euler, strict=True)]
    quat_xyzw = quat_xyzw_multiply(quat_xyzw_multiply(turns[0], turns[1]), turns[2])
    return np.concatenate([np.asarray(position, dtype=np.float64), quat_xyzw])
