from __future__ import annotations

import numpy as np

from hamster_bench.geometry import matrix_from_pose, pose_compose, pose_inverse
from pyrep.backend import world
from pyrep.const import ObjectType

_TYPES = {"shape": ObjectType.SHAPE, "dummy": ObjectType.DUMMY, "path": ObjectType.PATH, "camera": ObjectType.VISION_SENSOR}


class Object:
    def __init__(self, name):
        if name != "Panda_tip" and name not in world.poses:
            raise RuntimeError(f"Handle {name} does not exist.")
        self._name = name

    def __eq__(self, other):
        return isinstance(other, Object) and other._name == self._name

    def __hash__(self):
        return hash(self._name)

    @staticmethod
    def exists(name):
        return name in world.poses

    @staticmethod
    def get_object_type(name):
        return _TYPES[world.kinds[name]]

    @staticmethod
    def get_object(name):
        from pyrep.objects.cartesian_path import CartesianPath
        from pyrep.objects.dummy import Dummy
        from pyrep.objects.shape import Shape
        from pyrep.objects.vision_sensor import VisionSensor

        return {"shape": Shape, "dummy": Dummy, "path": CartesianPath, "camera": VisionSensor}[world.kinds[name]](name)

    def get_type(self):
        return _TYPES[world.kinds[self._name]]

    def get_handle(self):
        return list(world.poses).index(self._name)

    def still_exists(self):
        return self._name in world.poses

    def get_name(self):
        return self._name

    def get_parent(self):
        parent = world.parents.get(self._name)
        return None if parent is None else Object.get_object(parent)

    def get_pose(self, relative_to=None):
        pose = world.pose(self._name)
        return pose if relative_to is None else pose_compose(pose_inverse(relative_to.get_pose()), pose)

    def get_position(self, relative_to=None):
        return self.get_pose(relative_to)[:3]

    def get_quaternion(self, relative_to=None):
        return self.get_pose(relative_to)[3:]

    def get_matrix(self, relative_to=None):
        return matrix_from_pose(self.get_pose(relative_to))

    def set_pose(self, pose, relative_to=None, reset_dynamics=True):
        to = np.array(pose, dtype=float)
        world.move(self._name, to if relative_to is None else pose_compose(relative_to.get_pose(), to))

    def set_position(self, position, relative_to=None, reset_dynamics=True):
        self.set_pose([*position, *self.get_pose(relative_to)[3:]], relative_to)

    def is_collidable(self):
        return world.collidable.get(self._name, False)

    def set_collidable(self, value):
        world.collidable[self._name] = value

    def get_objects_in_tree(self, object_type=None, exclude_base=True, first_generation_only=False):
        names = ([] if exclude_base else [self._name]) + world.children(self._name)
        return [Object.get_object(name) for name in names if object_type in (None, Object.get_object_type(name))]

    def get_extension_string(self):
        return world.extensions.get(self._name, "")

    def get_configuration_tree(self):
        return world.save()

    def remove(self):
        world.unload(self._name)
