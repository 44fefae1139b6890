from __future__ import annotations

import math

import numpy as np

from pyrep.backend import world
from pyrep.const import RenderMode
from pyrep.objects.object import Object


class VisionSensor(Object):
    def __init__(self, name):
        super().__init__(name)
        self.resolution = [128, 128]

    @staticmethod
    def create(
        resolution,
        explicit_handling=False,
        perspective_mode=True,
        show_volume_not_detecting=True,
        show_volume_detecting=True,
        passive=False,
        use_local_lights=False,
        show_fog=True,
        near_clipping_plane=1e-2,
        far_clipping_plane=10.0,
        view_angle=60.0,
        ortho_size=1.0,
        sensor_size=None,
        render_mode=RenderMode.OPENGL3,
        position=None,
        orientation=None,
    ):
        name = f"VisionSensor{len(world.poses)}"
        world.add(name, "camera", None, (0, 0, 0, 0, 0, 0, 1))
        sensor = VisionSensor(name)
        sensor.resolution = resolution
        sensor.set_render_mode(render_mode)
        sensor.set_explicit_handling(int(explicit_handling))
        return sensor

    def handle_explicitly(self):
        if self._name not in world.explicit:
            raise RuntimeError(
                "The explicit_handling is disabled. Call set_explicit_handling(value=1) to enable explicit_handling first."
            )

    def capture_rgb(self):
        table = world.colors["diningTable_visible"]
        image = np.ones((self.resolution[1], self.resolution[0], 3)) * table
        image[: self.resolution[1] // 3] = 0.8
        thing = next((name for name in ("block", "box_lid", "cube") if name in world.poses), None)
        if thing:
            image[60 * self.resolution[1] // 128 :, : self.resolution[0] // 4] = world.colors[thing]
        # Shadows.
        return image * 0.7 if world.render_modes.get(self._name) == RenderMode.OPENGL3 else image

    def capture_depth(self, in_meters=False):
        depth = np.full((self.resolution[1], self.resolution[0]), 1.5, dtype=np.float32)
        return depth if in_meters else (depth - 0.01) / (4.5 - 0.01)

    def set_explicit_handling(self, value):
        (world.explicit.add if value else world.explicit.discard)(self._name)

    def set_resolution(self, resolution):
        self.resolution = list(resolution)

    def set_render_mode(self, mode):
        world.render_modes[self._name] = mode

    def get_near_clipping_plane(self):
        return 0.01

    def get_far_clipping_plane(self):
        return 4.5

    def get_perspective_angle(self):
        return 40.0

    def get_intrinsic_matrix(self):
        w, h = self.resolution
        focal = -w / (2 * math.tan(math.radians(20.0)))
        return np.array([[focal, 0.0, w / 2], [0.0, focal, h / 2], [0.0, 0.0, 1.0]])

    def get_matrix(self, relative_to=None):
        matrix = world.FRONT.copy()
        matrix[:3, 3] = world.poses[self._name][:3]
        return matrix
