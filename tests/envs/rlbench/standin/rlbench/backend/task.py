from __future__ import annotations

import re

from pyrep.backend import world
from pyrep.objects.dummy import Dummy
from pyrep.objects.object import Object

from rlbench.backend.waypoints import Waypoint


class Task:
    def __init__(self, pyrep, robot):
        self.pyrep, self.robot = pyrep, robot
        self.name = re.sub("(?<!^)(?=[A-Z])", "_", self.__class__.__name__).lower()
        self._waypoints = None
        self._graspable_objects = []
        self._starts = {}

    def init_task(self):
        pass

    def get_name(self):
        return self.name

    def get_base(self):
        return Dummy(self.name)

    def get_state(self):
        return world.save(), 0

    def restore_state(self, state):
        world.restore(state[0])

    def step(self):
        pass

    def cleanup_(self):
        self._waypoints = None

    def unload(self):
        self._waypoints = None
        self.get_base().remove()

    def validate(self):
        self._waypoints = self._get_waypoints()

    def get_graspable_objects(self):
        return self._graspable_objects

    def register_waypoint_ability_start(self, index, func):
        self._starts[index] = func

    def should_repeat_waypoints(self):
        return False

    def get_waypoints(self):
        if self._waypoints is None:
            self._waypoints = self._get_waypoints()
        return self._waypoints

    def _get_waypoints(self):
        found = []
        while Object.exists(f"waypoint{len(found)}"):
            found.append(Waypoint(Object.get_object(f"waypoint{len(found)}"), self._starts.get(len(found))))
        return found
