"""The cell around the simulated arm: a task's scene in MuJoCo, whose robot goes where the controller's arm is."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import CONTROL_RATE
from hamster_bench.envs.franka.simulated_controller.hand import MAX_WIDTH
from hamster_bench.envs.mujoco.frame import Frame
from hamster_bench.envs.mujoco.rendering import make_renderer
from hamster_bench.envs.mujoco.simulation import CAMERAS, Simulation
from hamster_bench.envs.task import Task
from hamster_bench.errors import UnknownNameError
from hamster_bench.geometry import Camera
from hamster_bench.scenario import Scenario

FloatArray = NDArray[np.float64]

# Robot time [s] between two steps of the scene.
STEP = 1.0 / CONTROL_RATE

# Where closing fingers are looked for to meet something, in the tip's frame [m]: along the tool axis and across the fingers' thickness.
_HEIGHTS = (0.0, -0.01, -0.02)
_ACROSS = (-0.006, 0.0, 0.006)
# Rays start this far inside the fingers' pads [m].
_INSIDE = 5e-4


class CellScene:
    """Objects, physics and cameras around the arm.

    Args:
        task: whose scene stands in the cell.
        scenario: its layout.
    """

    def __init__(self, task: Task, scenario: Scenario) -> None:
        self.simulation = Simulation(task, "attach")
        self.simulation.reset(scenario)
        self._graspable = {self.simulation.scene.body(name) for name in task.graspable}

    def follow(self, joints: FloatArray, width: float) -> None:
        """Simulates `STEP` while the arm goes to joint angles (7,) and the fingers to a width [m]."""
        self.simulation.controller.step(joints, float(np.clip(width / MAX_WIDTH, 0.0, 1.0)))
        self.simulation.update_poses()

    def reset(self, scenario: Scenario) -> None:
        """Lays the scene out anew; the arm stands where it starts."""
        self.simulation.reset(scenario)

    def success(self) -> bool:
        """Whether the task is done."""
        return self.simulation.success()

    def pose(self, body: str) -> FloatArray:
        """World pose (7,) of one of the task's bodies.

        Raises:
            UnknownNameError: there is none of this name.
        """
        number, data = self.simulation.scene.body(body), self.simulation.data
        return np.concatenate([data.xpos[number], data.xquat[number][[1, 2, 3, 0]]])

    def object_width(self) -> float | None:
        """Width [m] at which the fingers would meet something that can be grasped, or None."""
        model, data = self.simulation.scene.model, self.simulation.data
        tip = self.simulation.robot.tip
        origin, axes = data.site_xpos[tip], data.site_xmat[tip].reshape(3, 3)
        half_width = float(data.qpos[self.simulation.robot.finger_qpos].mean()) - _INSIDE
        gaps = [np.inf, np.inf]
        geom = np.array([-1], dtype=np.int32)
        # Invisible geoms are volumes, and group 3 are shapes that only collide.
        groups = np.array([1, 1, 1, 0, 0, 0], dtype=np.uint8)
        for height in _HEIGHTS:
            for across in _ACROSS:
                for number, side in enumerate((-1.0, 1.0)):
                    start = origin + axes @ np.array([across, side * half_width, height])
                    distance = mujoco.mj_ray(model, data, start, -side * axes[:, 1], groups, 1, -1, geom)
                    body = int(model.geom_bodyid[geom[0]]) if geom[0] >= 0 else -1
                    if 0.0 <= distance < 2.0 * half_width and self._belongs_to_graspable(body):
                        gaps[number] = min(gaps[number], distance)
        if not np.isfinite(gaps).all():
            return None
        return float(np.clip(2.0 * half_width - sum(gaps), 0.0, MAX_WIDTH))

    def closed_on_object(self) -> None:
        """What is between the fingers is held from now on."""
        self.simulation.grasping.close()

    def opened(self) -> None:
        """What was held is let go."""
        self.simulation.grasping.open()

    def camera(self, name: str, height: int, width: int) -> Camera:
        """Intrinsics and pose of one of the scene's cameras now.

        Raises:
            UnknownNameError: there is no such camera.
        """
        if name not in CAMERAS:
            raise UnknownNameError("camera", name, CAMERAS)
        return self.simulation.camera(name, height, width)

    def _belongs_to_graspable(self, body: int) -> bool:
        model = self.simulation.scene.model
        while body > 0:
            if body in self._graspable:
                return True
            body = int(model.body_parentid[body])
        return False


class SceneCamera:
    """Draws the scene from one of its cameras, in the thread that made it.

    Args:
        scene: what is drawn.
        height: [pixel].
        width: [pixel].
    """

    def __init__(self, scene: CellScene, height: int, width: int) -> None:
        self._scene = scene
        self._data = mujoco.MjData(scene.simulation.scene.model)
        self._renderer: Any = make_renderer(scene.simulation.scene.model, height, width, "auto", shadows=True)

    def take(self) -> None:
        """Keeps the scene as it is now; called by the thread that simulates."""
        mujoco.mj_copyData(self._data, self._scene.simulation.scene.model, self._scene.simulation.data)

    def draw(self, name: str) -> Frame:
        """The picture of what was kept."""
        frame: Frame = self._renderer.draw(self._data, self._scene.simulation.camera_id(name))
        return frame

    def close(self) -> None:
        """Frees the renderer."""
        self._renderer.close()
