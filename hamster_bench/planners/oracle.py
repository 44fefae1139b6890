"""The oracle planner: the scripted expert's own motion, seen in the image.

It is what HAMSTER's planner was trained to say: the projected positions of the gripper tip in a demonstration, thinned by
Ramer-Douglas-Peucker, with the points where the gripper opens and closes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import PathError
from hamster_bench.oracle import Oracle, Waypoint
from hamster_bench.paths.path import Path2D
from hamster_bench.paths.projection import project_track
from hamster_bench.planners.contract import PlannerContext

# Spacing [m] of the projected positions. Straight lines stay straight in the image, so this only decides how finely a motion that
# leaves the image is cut and where a long straight line may be split.
_SPACING = 0.02

# Opening above which the gripper counts as open, as in the action contract.
_OPEN_THRESHOLD = 0.5


class OraclePlanner:
    """Projects the expert's future motion into the image."""

    privileged = True

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D | None:
        """The expert's path, simplified.

        Raises:
            PathError: the context lacks what is needed, or no part of the motion is visible.
        """
        return path_through(needed_oracle(context, "oracle").preview(), context)


def needed_oracle(context: PlannerContext, planner: str) -> Oracle:
    """The oracle of a context, if everything is there that oracle paths are made from.

    Args:
        context: what the planner was given.
        planner: its name, for the message.

    Raises:
        PathError: the context lacks something.
    """
    missing = [name for name in ("oracle", "camera", "gripper_pose", "gripper_open") if getattr(context, name) is None]
    if context.oracle is None or missing:
        raise PathError(f"the {planner} planner needs {', '.join(missing)} in its context; the environment offers none")
    return context.oracle


def path_through(waypoints: tuple[Waypoint, ...], context: PlannerContext) -> Path2D:
    """A scripted solution as a path in the image of a context that `needed_oracle` accepts, simplified.

    Raises:
        PathError: no part of the motion is visible.
    """
    assert context.camera is not None
    assert context.gripper_pose is not None
    assert context.gripper_open is not None
    positions, states = gripper_track(waypoints, context.gripper_pose[:3], context.gripper_open)
    return project_track(positions, states, context.camera).simplified()


def gripper_track(
    waypoints: tuple[Waypoint, ...], start_world: NDArray[np.float64], gripper_open: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The motion of the gripper tip through a scripted solution.

    Straight lines join the present position and the poses of all waypoints in turn; a gripper command takes effect at the waypoint's
    last pose.

    Args:
        waypoints: the solution.
        start_world: (3,) present position of the tip, world frame [m].
        gripper_open: present state.

    Returns:
        positions (n, 3) [m], world frame, at most 2 cm apart, and states (n,) bool from each position on.
    """
    positions = [np.asarray(start_world, dtype=np.float64)[None]]
    states = [np.array([gripper_open])]
    for waypoint in waypoints:
        for target in waypoint.poses[:, :3]:
            segment = _between(positions[-1][-1], target)
            positions.append(segment)
            states.append(np.full(len(segment), gripper_open))
        if waypoint.gripper is not None:
            gripper_open = waypoint.gripper > _OPEN_THRESHOLD
            states[-1][-1] = gripper_open
    return np.concatenate(positions), np.concatenate(states)


def _between(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evenly spaced positions (n, 3) after ``start`` up to and with ``end``."""
    count = max(1, int(np.ceil(np.linalg.norm(end - start) / _SPACING)))
    fractions = np.arange(1, count + 1)[:, None] / count
    return start + fractions * (end - start)
