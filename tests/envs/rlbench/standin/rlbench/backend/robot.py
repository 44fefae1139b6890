from __future__ import annotations

import numpy as np
from pyrep.backend import world
from pyrep.errors import ConfigurationError, ConfigurationPathError, IKError
from pyrep.objects.dummy import Dummy

from hamster_bench.envs.mujoco.planning import line_through, retime
from hamster_bench.errors import PlanningError
from hamster_bench.geometry import pose_compose

OFFSET = np.array([0, 0, 0, world.JOINT4, 0, 0, 0])


class ConfigurationPath:
    """One point a step; as in PyRep, stepping it moves nothing by itself."""

    def __init__(self, arm, points):
        self._arm, self._points, self._at = arm, points, 0

    def step(self):
        self._arm.set_joint_target_positions(self._points[self._at] - OFFSET)
        self._at += 1
        return self._at == len(self._points)

    def set_to_end(self):
        pass


class Arm:
    def get_joint_positions(self):
        return (world.joints - OFFSET).tolist()

    def set_joint_positions(self, positions, disable_dynamics=False):
        world.set_joints(np.array(positions) + OFFSET)

    def get_joint_velocities(self):
        return world.velocities.tolist()

    def get_joint_target_positions(self):
        return (world.targets - OFFSET).tolist()

    def set_joint_target_positions(self, positions):
        assert len(positions) == 7
        world.targets[:] = np.array(positions, dtype=float) + OFFSET

    def set_control_loop_enabled(self, value):
        pass

    def get_tip(self):
        return Dummy("Panda_tip")

    def check_arm_collision(self, obj=None):
        touched = world.touched()
        return touched is not None and (obj is None or obj.get_name() == touched)

    def get_objects_in_tree(self, object_type=None):
        return []

    def _path(self, poses, ignore_collisions=True):
        if not ignore_collisions and self.check_arm_collision():
            raise ConfigurationPathError("Could not create path.")
        points = line_through(world.arm, world.joints.copy(), np.array(poses))
        if points is None:
            goals = world.arm.solutions(np.array(poses)[-1], world.joints.copy(), 4)
            if not goals:
                raise ConfigurationPathError("Could not create path.") from ConfigurationError("no configuration")
            points = np.array([world.joints.copy(), goals[0]])
        try:
            return ConfigurationPath(self, retime(world.arm, points))
        except PlanningError as error:
            raise ConfigurationPathError("Could not create path.") from error

    def get_linear_path(self, position, euler=None, quaternion=None, steps=50, ignore_collisions=False, relative_to=None):
        return self._path([[*position, *quaternion]], ignore_collisions)

    def get_path(
        self,
        position,
        euler=None,
        quaternion=None,
        ignore_collisions=False,
        trials=300,
        max_configs=1,
        distance_threshold=0.65,
        max_time_ms=10,
        trials_per_goal=1,
        algorithm=None,
        relative_to=None,
    ):
        return self._path([[*position, *quaternion]], ignore_collisions)

    def get_path_from_cartesian_path(self, path):
        from pyrep.backend import world as w

        poses = [pose_compose(w.poses[path.get_name()], np.array([*p, 0, 0, 0, 1])) for p in w.paths[path.get_name()]]
        return self._path([[*pose[:3], 1.0, 0.0, 0.0, 0.0] for pose in poses])

    def solve_ik_via_jacobian(self, position, euler=None, quaternion=None, relative_to=None):
        solution = world.arm.solve_near(np.array([*position, *quaternion]), world.joints.copy())
        if solution is None:
            raise IKError("IK failed. Perhaps the distance was between the tip  and target was too large.")
        return (solution - OFFSET).tolist()


class Gripper:
    """As PyRep's: a motion ends where the fingers stand still, have arrived, or would have to change their speed."""

    def __init__(self):
        self._before = self._speed = None

    def get_open_amount(self):
        return [world.fingers / 0.04] * 2

    def get_joint_positions(self):
        return [world.fingers] * 2

    def set_joint_positions(self, positions, disable_dynamics=False):
        world.fingers = positions[0]

    def set_joint_target_velocities(self, velocities):
        world.finger_velocity = velocities[0]

    def actuate(self, amount, velocity):
        if not 0.0 <= amount <= 1.0:
            raise ValueError("'open_amount' should be between 0 and 1.'")
        gap = amount * 0.04 - world.fingers
        speed = -velocity if gap < 0 else velocity
        still = self._before is not None and abs(world.fingers - self._before) < 0.001
        if still or abs(gap) < 0.001 or (self._speed is not None and speed != self._speed):
            self._before = self._speed = None
            world.finger_velocity = 0.0
            return True
        self._before, self._speed = world.fingers, speed
        world.finger_velocity = speed
        return False

    def grasp(self, obj):
        return False

    def release(self):
        pass

    def get_grasped_objects(self):
        return []


class Robot:
    def __init__(self, arm, gripper):
        self.arm, self.gripper = arm, gripper
