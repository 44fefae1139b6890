"""Simulated controllers, cells around them, and an operator who answers as a test wants."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hamster_bench.envs.franka.cameras.source import CameraFrame
from hamster_bench.envs.franka.cell import Cell, suggested_cell
from hamster_bench.envs.franka.operator import SceneCard
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController

# The longest times that a cell may allow: a busy machine is no fault.
PATIENT = {
    "streaming_deadline": 5.0,
    "keypose_deadline": 600.0,
    "motion_timeout": 120.0,
    "camera_age": 5.0,
    "state_age": 1.0,
}

_numbers = itertools.count()


def free_host() -> str:
    """A loopback address that no other process of these tests uses: ports are fixed, addresses are plenty."""

    number = os.getpid() * 200 + next(_numbers) % 200
    return f"127.{1 + number // 64516 % 250}.{1 + number // 254 % 254}.{1 + number % 254}"


def eventually(condition: Callable[[], bool], seconds: float = 300.0) -> bool:
    """Whether a condition comes true; the time is there for what hangs."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def realtime_threads(process: int) -> list[int]:
    """Threads of a process that run before all ordinary ones."""
    found = []
    for thread in map(int, os.listdir(f"/proc/{process}/task")):
        try:
            policy = os.sched_getscheduler(thread)
        except ProcessLookupError:
            continue
        if policy & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR):
            found.append(thread)
    return found


class OldPictures:
    """A camera whose pictures come late."""

    serial = "old"

    def __init__(self, age: float) -> None:
        self.age, self._number = age, 0

    def read(self, newer_than: float, timeout: float) -> CameraFrame:
        self._number += 1
        picture = np.zeros((48, 64, 3), np.uint8)
        intrinsics = np.array([[60.0, 0.0, 32.0], [0.0, 60.0, 24.0], [0.0, 0.0, 1.0]])
        return CameraFrame(picture, np.ones((48, 64), np.float32), intrinsics, time.monotonic() - self.age, self._number)

    def close(self) -> None:
        pass


@dataclass
class ScriptedOperator:
    """Answers as it was told to, and remembers what it was asked.

    Attributes:
        refuses: words that it does not type.
        asked: words that were wanted.
        scenes: cards that were shown.
        stops: whether it asks to stop.
    """

    refuses: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    scenes: list[SceneCard] = field(default_factory=list)
    stops: bool = False

    def confirm(self, question: str, word: str) -> bool:
        self.asked.append(word)
        return word not in self.refuses

    def scene_is_ready(self, card: SceneCard) -> bool:
        self.scenes.append(card)
        return "scene" not in self.refuses

    def wants_stop(self) -> bool:
        return self.stops

    def tell(self, message: str) -> None:
        pass


def cell_of(controller: SimulatedController, **safety: Any) -> Cell:
    """A cell without cameras around a controller, quick enough for tests and patient enough for a busy machine."""
    quick = {"first_run": False, "rate_fraction": 0.3, "keypose_distance": 1.0, **PATIENT}
    return suggested_cell("test", controller.host, {}, **(quick | safety))


def with_home(cell: Cell, joints: Any) -> Cell:
    return replace(cell, home_joints=tuple(np.asarray(joints, dtype=float).tolist()))
