"""Pictures from the scene's cameras in any size, besides what is observed.

Runs in the simulator's process and nowhere else: it imports PyRep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.rlbench.settings import CAMERAS


def render_mode(shadows: bool) -> Any:
    """PyRep's render mode with shadows or without."""
    from pyrep.const import RenderMode

    return RenderMode.OPENGL3 if shadows else RenderMode.OPENGL


class Pictures:
    """Takes pictures with a sensor of its own, which is kept while camera and size stay the same. A launch needs a new one.

    Args:
        shadows: draw with shadows.
    """

    def __init__(self, shadows: bool) -> None:
        self._shadows = shadows
        self._sensor: Any = None
        self._made_for: tuple[str, tuple[int, int]] | None = None

    def take(self, camera: str, size: tuple[int, int]) -> NDArray[np.uint8]:
        """An image (h, w, 3) from where a camera is now.

        Args:
            camera: this project's name of it.
            size: (height, width) [pixel].
        """
        from pyrep.objects.vision_sensor import VisionSensor

        source = VisionSensor(CAMERAS[camera])
        if (camera, size) != self._made_for:
            if self._sensor is not None:
                self._sensor.remove()
            self._sensor = VisionSensor.create(
                [size[1], size[0]],
                explicit_handling=True,
                near_clipping_plane=source.get_near_clipping_plane(),
                far_clipping_plane=source.get_far_clipping_plane(),
                view_angle=source.get_perspective_angle(),
                render_mode=render_mode(self._shadows),
            )
            self._made_for = camera, size
        self._sensor.set_pose(source.get_pose())
        self._sensor.handle_explicitly()
        return np.clip(np.asarray(self._sensor.capture_rgb()) * 255.0, 0.0, 255.0).astype(np.uint8)
