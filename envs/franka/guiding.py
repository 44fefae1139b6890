"""Keyposes by hand guiding: the arm is only read, while a person moves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.franka.arm_client import ArmState, HandState
from hamster_bench.envs.franka.rig import CameraRig, View

FloatArray = NDArray[np.float64]

_OPEN_SHARE = 0.9


class ReadOnlyArm(Protocol):
    """An arm that is asked and never told."""

    def state(self) -> ArmState:
        """The arm now."""
        ...

    def hand_state(self) -> HandState:
        """The hand now."""
        ...


@dataclass(frozen=True, eq=False)
class GuidedFrame:
    """The arm and what the cameras saw at one moment.

    Attributes:
        time: since the beginning [s].
        joints: (7,) [rad].
        joint_velocities: (7,) [rad/s].
        gripper_open: whether the hand was open.
        keypose: whether the person marked the moment.
        views: of each camera by name.
    """

    time: float
    joints: FloatArray
    joint_velocities: FloatArray
    gripper_open: bool
    keypose: bool
    views: dict[str, View]


def guide(
    arm: ReadOnlyArm,
    rig: CameraRig,
    marks: Callable[[], str | None],
    *,
    rate: float = 20.0,
    sleep: Callable[[float], Any] = time.sleep,
) -> list[GuidedFrame]:
    """Records while a person leads the arm by hand; nothing is sent to it.

    Frames in which nothing moves are left out, but for marked ones. The hand's fingers are moved by hand too, or by the robot's own
    buttons.

    Args:
        arm: read only.
        rig: the cameras.
        marks: asked before every frame: None, ``"keypose"`` for a moment that matters, or ``"end"``.
        rate: frames a second.
        sleep: waits; for tests.
    """
    frames: list[GuidedFrame] = []
    began = time.monotonic()
    last = np.full(7, np.inf)
    while True:
        mark = marks()
        state, hand = arm.state(), arm.hand_state()
        moved = float(np.abs(state.joints - last).max()) > 2e-3
        if mark is not None or moved or not frames:
            views = {name: rig.look(name, state.joints) for name in rig.names}
            is_open = hand.width > _OPEN_SHARE * hand.max_width
            frames.append(
                GuidedFrame(time.monotonic() - began, state.joints, state.joint_velocities, is_open, mark is not None, views)
            )
            last = state.joints
        if mark == "end":
            return frames
        sleep(1.0 / rate)
