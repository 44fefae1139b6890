"""Where the robot is in a compiled model."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

# Travel of one finger [m]; the fingers open to twice this.
FINGER_TRAVEL = 0.04
# RLBench calls the gripper open when its first finger is open by more than this share.
OPEN_SHARE = 0.9


@dataclass(frozen=True)
class Robot:
    """Addresses of the robot's parts.

    Attributes:
        arm_qpos: (7,) addresses of the arm joints in qpos.
        arm_qvel: (7,) addresses of the arm joints in qvel.
        finger_qpos: (2,) addresses of the finger joints in qpos.
        finger_qvel: (2,) addresses of the finger joints in qvel.
        actuators: (8,) ids of the arm's actuators and the fingers' one, in this order.
        tip: id of the tip site.
        hand: id of the hand body.
        finger_bodies: ids of the two finger bodies.
    """

    arm_qpos: NDArray[np.intp]
    arm_qvel: NDArray[np.intp]
    finger_qpos: NDArray[np.intp]
    finger_qvel: NDArray[np.intp]
    actuators: NDArray[np.intp]
    tip: int
    hand: int
    finger_bodies: tuple[int, int]


def find_robot(model: mujoco.MjModel) -> Robot:
    """The robot of a compiled scene."""
    arm = [model.joint(f"panda_joint{i}") for i in range(1, 8)]
    fingers = [model.joint(f"panda_finger_joint{i}") for i in (1, 2)]
    actuators = [model.actuator(f"panda_joint{i}").id for i in range(1, 8)] + [model.actuator("panda_fingers").id]
    return Robot(
        arm_qpos=np.array([int(j.qposadr[0]) for j in arm]),
        arm_qvel=np.array([int(j.dofadr[0]) for j in arm]),
        finger_qpos=np.array([int(j.qposadr[0]) for j in fingers]),
        finger_qvel=np.array([int(j.dofadr[0]) for j in fingers]),
        actuators=np.array(actuators),
        tip=model.site("panda_tip").id,
        hand=model.body("panda_hand").id,
        finger_bodies=(model.body("panda_leftfinger").id, model.body("panda_rightfinger").id),
    )
