from __future__ import annotations

import numpy as np

from hamster_bench.geometry import pose_compose
from pyrep.backend import world
from pyrep.objects.object import Object


class CartesianPath(Object):
    def get_pose_on_path(self, relative_distance):
        points = world.paths[self._name]
        at = relative_distance * (len(points) - 1)
        local = np.array([np.interp(at, range(len(points)), points[:, k]) for k in range(3)])
        return pose_compose(world.poses[self._name], np.array([*local, 0, 0, 0, 1]))[:3].tolist(), [np.pi, 0.0, 0.0]
