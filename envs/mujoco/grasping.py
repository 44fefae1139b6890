"""What the gripper holds, by attachment as in RLBench or by friction alone."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from hamster_bench.envs.contract import GraspMode
from hamster_bench.envs.mujoco.robot import Robot
from hamster_bench.envs.mujoco.scene import GRASP_VOLUME, Scene
from hamster_bench.envs.mujoco.sensing import detected


@dataclass(frozen=True)
class Grasping:
    """Grasp rules of one simulation. What is attached is kept in the simulated state itself, nowhere else.

    Attributes:
        scene: the scene.
        data: its state.
        robot: where the robot is in it.
        mode: ``"attach"``: closing attaches every registered graspable object inside the gripper's detection volume, opening
            releases it. ``"friction"``: contact forces alone hold.
    """

    scene: Scene
    data: mujoco.MjData
    robot: Robot
    mode: GraspMode

    def close(self) -> None:
        """Attaches, before the fingers move, what a closing gripper takes hold of."""
        if self.mode == "attach":
            for name, weld in self.scene.welds.items():
                if not self.data.eq_active[weld] and detected(self.scene, self.data, name, GRASP_VOLUME):
                    self._attach(name, weld)

    def open(self) -> None:
        """Releases everything, before the fingers move."""
        for weld in self.scene.welds.values():
            self.data.eq_active[weld] = 0

    def grasped(self) -> tuple[str, ...]:
        """Names of the graspable objects held: attached, or with ``friction`` touched by both fingers."""
        if self.mode == "attach":
            return tuple(name for name, weld in self.scene.welds.items() if self.data.eq_active[weld])
        return tuple(name for name in self.scene.welds if self._between_fingers(name))

    def _attach(self, name: str, weld: int) -> None:
        data, model = self.data, self.scene.model
        body = self.scene.body(name)
        inverse_pos, inverse_quat = np.empty(3), np.empty(4)
        mujoco.mju_negPose(inverse_pos, inverse_quat, data.xpos[self.robot.hand], data.xquat[self.robot.hand])
        position, quat_wxyz = np.empty(3), np.empty(4)
        mujoco.mju_mulPose(position, quat_wxyz, inverse_pos, inverse_quat, data.xpos[body], data.xquat[body])
        # Anchor at the object's origin, then the object's pose in the hand's frame.
        model.eq_data[weld, 0:3] = 0.0
        model.eq_data[weld, 3:6] = position
        model.eq_data[weld, 6:10] = quat_wxyz
        data.eq_active[weld] = 1

    def _between_fingers(self, name: str) -> bool:
        if self.data.ncon == 0:
            return False
        geoms = self.data.contact.geom
        solid = np.array(self.scene.solid[name])
        bodies = self.scene.model.geom_bodyid
        touching = np.isin(geoms, solid).any(axis=1)
        return all((touching & (bodies[geoms] == finger).any(axis=1)).any() for finger in self.robot.finger_bodies)


def nearest_graspable(scene: Scene, data: mujoco.MjData, site: int) -> str | None:
    """The graspable object whose colliding parts are nearest to a site; None where nothing is graspable."""
    model, tip = scene.model, data.site_xpos[site]
    gaps = {
        name: min(float(np.linalg.norm(data.geom_xpos[geom] - tip) - model.geom_rbound[geom]) for geom in scene.solid[name])
        for name in scene.welds
    }
    return min(gaps, key=gaps.__getitem__) if gaps else None
