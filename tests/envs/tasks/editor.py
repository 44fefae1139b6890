"""A scene editor without an engine, to see what a task asks of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Editor:
    """A `SceneEditor` over plain dictionaries that keeps what it was asked to place, paint and sample."""

    poses: dict[str, np.ndarray]
    colors: dict[str, tuple[float, ...]] = field(default_factory=dict)
    samples: list[tuple[str, str, tuple[float, float], float]] = field(default_factory=list)

    @staticmethod
    def of(positions: Mapping[str, tuple[float, ...]]) -> Editor:
        """Bodies at positions (3,), none turned."""
        return Editor({name: np.array([*position, 0.0, 0.0, 0.0, 1.0]) for name, position in positions.items()})

    def pose(self, body: str) -> np.ndarray:
        return self.poses[body].copy()

    def set_pose(self, body: str, pose_base: Any) -> None:
        self.poses[body] = np.array(pose_base, dtype=float)

    def set_color(self, name: str, rgb: Any) -> None:
        self.colors[name] = tuple(float(v) for v in rgb)

    def sample(
        self,
        body: str,
        area: str,
        rng: np.random.Generator,
        *,
        rotation: tuple[float, float] = (-np.pi, np.pi),
        min_distance: float = 0.01,
    ) -> None:
        self.samples.append((body, area, rotation, min_distance))
