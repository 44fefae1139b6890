import numpy as np
from pyrep.backend import world

from rlbench.backend.task import Task


class SlideBlockToTarget(Task):
    def init_episode(self, index):
        return ["slide the block to target", "slide the block onto the target"]

    def variation_count(self):
        return 1

    def success(self):
        met = np.all([np.linalg.norm(world.poses["block"][:2] - world.poses["target"][:2]) < 0.03])
        return met, met
