"""Motions of the arm: paths that RLBench plans, its inverse kinematics, and joint targets.

Runs in the simulator's process and nowhere else: it imports PyRep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import CONTROL_RATE, JOINT_SPEED_LIMIT
from hamster_bench.errors import PlanningError

FloatArray = NDArray[np.float64]

_LONGEST_PLAN = 4000


@dataclass(frozen=True)
class Motions:
    """Finds motions of an arm, and sends it joint targets; nothing moves until the physics is stepped.

    Attributes:
        pyrep: PyRep, which knows all shapes.
        arm: PyRep's.
        gripper: PyRep's.
    """

    pyrep: Any
    arm: Any
    gripper: Any

    def path_to(
        self, position: FloatArray, quat_xyzw: FloatArray, *, ignore_collisions: bool, budget: Mapping[str, int] | None
    ) -> Any:
        """PyRep's path to a pose.

        Args:
            position: (3,) [m].
            quat_xyzw: (4,).
            ignore_collisions: of the whole path.
            budget: arguments of PyRep's planner that bound its search, or None for a straight line.

        Raises:
            PlanningError: none was found.
        """
        from pyrep.const import ConfigurationPathAlgorithms

        target: dict[str, Any] = {"quaternion": list(map(float, quat_xyzw)), "ignore_collisions": ignore_collisions}
        place = list(map(float, position))
        algorithm = ConfigurationPathAlgorithms.RRTConnect
        # What the arm touches already must not keep it from moving away.
        touched = [] if ignore_collisions else self._touched_shapes()
        for shape in touched:
            shape.set_collidable(False)
        try:
            if budget is None:
                return _planned(lambda: self.arm.get_linear_path(place, **target))
            return _planned(lambda: self.arm.get_path(place, **target, **budget, algorithm=algorithm))
        finally:
            for shape in touched:
                shape.set_collidable(True)

    def path_along(self, cartesian_path: Any) -> Any:
        """PyRep's path of the arm along one of the scene.

        Raises:
            PlanningError: none was found.
        """
        return _planned(lambda: self.arm.get_path_from_cartesian_path(cartesian_path))

    def joints_at(self, pose: FloatArray) -> FloatArray:
        """Joint angles (7,) [rad] near the present ones at which the tip has a pose (7,).

        Raises:
            PlanningError: there are none.
        """
        from pyrep.errors import ConfigurationError, IKError

        try:
            return np.array(self.arm.solve_ik_via_jacobian(pose[:3].tolist(), quaternion=pose[3:].tolist()), dtype=np.float64)
        except (IKError, ConfigurationError) as error:
            raise PlanningError("ik_unreachable", f"RLBench's inverse kinematics fails: {error}") from error

    def targets_of(self, path: Any) -> FloatArray:
        """Joint targets (n, 7) [rad], one a control step, of a path, which is not followed."""
        before = self.arm.get_joint_target_positions()
        targets: list[list[float]] = []
        done = False
        # A path only says where the joints should be next; nothing moves until the physics is stepped.
        while not done and len(targets) < _LONGEST_PLAN:
            done = bool(path.step())
            targets.append(list(self.arm.get_joint_target_positions()))
        self.arm.set_joint_target_positions(before)
        return np.array(targets, dtype=np.float64)

    def head_for(self, joints: FloatArray) -> None:
        """Sets joint targets (7,) [rad] for the control step that follows, no farther than the joints may turn in one."""
        last = np.array(self.arm.get_joint_target_positions())
        limit = JOINT_SPEED_LIMIT / CONTROL_RATE
        self.arm.set_joint_target_positions((last + np.clip(joints - last, -limit, limit)).tolist())

    def _touched_shapes(self) -> list[Any]:
        from pyrep.const import ObjectType

        if not self.arm.check_arm_collision():
            return []
        own = self.arm.get_objects_in_tree(object_type=ObjectType.SHAPE)
        held = self.gripper.get_grasped_objects()
        return [
            shape
            for shape in self.pyrep.get_objects_in_tree(object_type=ObjectType.SHAPE)
            if shape.is_collidable() and shape not in own and shape not in held and self.arm.check_arm_collision(shape)
        ]


def _planned(plan: Callable[[], Any]) -> Any:
    from pyrep.errors import ConfigurationError, ConfigurationPathError

    try:
        return plan()
    except ConfigurationPathError as error:
        unreachable = isinstance(error.__cause__, ConfigurationError)
        reason = "ik_unreachable" if unreachable else "path_not_found"
        raise PlanningError(reason, f"RLBench's planner found no path: {error}") from error
