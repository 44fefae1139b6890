import numpy as np
from pyrep.objects.dummy import Dummy

from rlbench.backend.task import Task


class OpenDrawer(Task):
    """One waypoint, moved twice by what happens before it."""

    def init_episode(self, index):
        self.done = 0
        self.register_waypoint_ability_start(0, self._shift)
        return [f"open the {('bottom', 'middle', 'top')[index]} drawer"]

    def variation_count(self):
        return 3

    def _shift(self, waypoint):
        self.done += 1
        Dummy("waypoint0").set_position([0.0, 0.05 * self.done, 0.2], relative_to=self.get_base())

    def should_repeat_waypoints(self):
        return self.done < 2

    def success(self):
        return np.False_, np.False_
