import numpy as np
from pyrep.backend import world

from rlbench.backend.task import Task


class CloseBox(Task):
    def init_episode(self, index):
        return ["close box", "shut the box"]

    def variation_count(self):
        return 1

    def success(self):
        met = np.all([abs(world.angles["box_lid"] - 2.36) > 2.6])
        return met, met
