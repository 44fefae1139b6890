"""What the control steps of an episode leave: their number, the way of the tip, and the pictures of a video."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Picture = NDArray[np.uint8]
TipState = tuple[float, float, float, float]
"""Position x, y, z [m] of the tip, and 1 where the gripper is told to be open, else 0."""


class Recording:
    """Records control steps between `start` and `stop`.

    Attributes:
        control_steps: simulated since the start.
    """

    def __init__(self) -> None:
        self.control_steps = 0
        self._running = False
        self._look: Callable[[], None] = lambda: None
        self._track: list[TipState] = []
        self._frames: list[Picture] = []

    def watch(self, pyrep: Any) -> None:
        """Has every step of a launched PyRep, whoever makes it, seen here."""
        step = pyrep.step

        def watched() -> None:
            step()
            if self._running:
                self.control_steps += 1
                self._look()

        pyrep.step = watched

    def start(self, tip: Callable[[], TipState], picture: Callable[[], Picture] | None) -> None:
        """Starts over, with what is there before the first step.

        Args:
            tip: tells the tip's state.
            picture: takes a picture of the video, or None without one.
        """

        def look() -> None:
            self._track.append(tip())
            if picture is not None:
                self._frames.append(picture())

        self.control_steps = 0
        self._track, self._frames = [], []
        self._look = look
        look()
        self._running = True

    def stop(self) -> None:
        """Leaves out the steps from here on."""
        self._running = False

    def take_track(self) -> FloatArray:
        """States (n, 4) of the tip since the last call."""
        track, self._track = np.array(self._track, dtype=np.float64).reshape(-1, 4), []
        return track

    def take_frames(self) -> list[Picture]:
        """Pictures since the last call."""
        taken, self._frames = self._frames, []
        return taken
