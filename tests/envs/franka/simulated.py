"""Simulated controllers, cells around them, and an operator who answers as a test wants."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hamster_bench.envs.franka.cell import Cell, suggested_cell
from hamster_bench.envs.franka.operator import SceneCard
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController

_numbers = itertools.count()


def free_host() -> str:
    """A loopback address that no other process of these tests uses: ports are fixed, addresses are plenty."""

    number = os.getpid() * 200 + next(_numbers) % 200
    return f"127.{1 + number // 64516 % 250}.{1 + number // 254 % 254}.{1 + number % 254}"


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
    """A cell without cameras around a controller, quick enough for tests."""
    quick = {"first_run": False, "rate_fraction": 0.3, "keypose_distance": 1.0, "state_age": 0.5}
    return suggested_cell("test", controller.host, {}, **(quick | safety))


def with_home(cell: Cell, joints: Any) -> Cell:
    return replace(cell, home_joints=tuple(np.asarray(joints, dtype=float).tolist()))
