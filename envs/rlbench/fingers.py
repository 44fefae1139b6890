"""The gripper: what a commanded opening attaches or releases, and how the fingers get there.

Runs in the simulator's process and nowhere else: it imports RLBench.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hamster_bench.envs.contract import CONTROL_RATE, OPEN_THRESHOLD

# Speed of the fingers [m/s] of RLBench's discrete gripper, and how far each goes [m].
_SPEED = 0.2
_STROKE = 0.04


def discrete_mode(attach: bool) -> Any:
    """RLBench's gripper that is either open or closed.

    Args:
        attach: a closing gripper attaches what it can grasp.
    """
    from rlbench.action_modes.gripper_action_modes import Discrete

    return Discrete(attach_grasped_objects=attach)


class Fingers:
    """The fingers in an episode, which start open.

    Args:
        gripper: PyRep's.
        task: RLBench's, whose objects can be grasped.
        attach: a closing gripper attaches what it can grasp.
    """

    def __init__(self, gripper: Any, task: Any, attach: bool) -> None:
        self._gripper = gripper
        self._task = task
        self._attach = attach
        self._opening = 1.0
        self._moving = self._turning = False
        self._speed = _SPEED

    @property
    def told_to_open(self) -> bool:
        """Whether the last command was to open."""
        return self._opening > OPEN_THRESHOLD

    def command(self, opening: float) -> None:
        """Attaches or releases when a commanded opening, 0 to 1, crosses the threshold, before the fingers move."""
        was_open, is_open = self.told_to_open, opening > OPEN_THRESHOLD
        if is_open and not was_open:
            self._gripper.release()
        elif was_open and not is_open and self._attach:
            for thing in self._task.get_graspable_objects():
                self._gripper.grasp(thing)
        changed, self._opening = opening != self._opening, opening
        if changed:
            # They arrive after a whole number of control steps: PyRep only stops them where it finds them after a step.
            gap = abs(float(np.clip(opening, 0.0, 1.0)) * _STROKE - float(self._gripper.get_joint_positions()[0]))
            per_step = _SPEED / CONTROL_RATE
            self._speed = gap * CONTROL_RATE / max(1, math.ceil(gap / per_step - 1e-6)) or _SPEED
            self._moving = self._turning = True

    def move(self) -> None:
        """Sets the fingers' speed for the control step that follows."""
        if self._moving:
            done = self._actuate()
            if done and self._turning:
                # PyRep takes a change of speed within a motion for swinging about the target: it stops and forgets the motion.
                done = self._actuate()
            self._moving, self._turning = not done, False

    def go(self, opening: float, scene: Any) -> None:
        """Opens or closes with as many steps of RLBench's scene as that takes, as RLBench's own action mode does.

        Args:
            opening: 0 or 1.
            scene: RLBench's.
        """
        self._opening = opening
        discrete_mode(self._attach).action(scene, np.array([opening]))

    def _actuate(self) -> bool:
        return bool(self._gripper.actuate(float(np.clip(self._opening, 0.0, 1.0)), velocity=self._speed))
