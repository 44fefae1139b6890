"""Camera pose."""

from __future__ import annotations

import numpy as np

from hamster_bench.envs.factors.checks import check_names, check_numbers
from hamster_bench.envs.factors.contract import Draw, Factor, Setting

# Upstream's ranges, for every coordinate [m] and every Euler angle [rad].
_OFFSET = 0.1
_TURN = 0.05
# Upstream leaves the overhead and the wrist camera alone.
_CAMERAS = ("front", "left_shoulder", "right_shoulder")


def draw(setting: Setting, rng: np.random.Generator) -> Draw:
    """An offset and a turn for each camera."""
    return {
        camera: {"offset": rng.uniform(-_OFFSET, _OFFSET, 3).tolist(), "turn": rng.uniform(-_TURN, _TURN, 3).tolist()}
        for camera in _CAMERAS
    }


def apply(setting: Setting, drawn: Draw) -> None:
    """Moves the cameras."""
    check_names(drawn, _CAMERAS)
    for camera, move in drawn.items():
        check_numbers(move["offset"], -_OFFSET, _OFFSET, 3)
        check_numbers(move["turn"], -_TURN, _TURN, 3)
        setting.scene.move_camera(camera, move["offset"], move["turn"])


FACTOR = Factor(
    name="cam_pos",
    column="cam pos",
    summary="poses of the front camera and the two shoulder cameras, each by itself",
    distribution=f"every coordinate +- {_OFFSET} m and every Euler angle +- {_TURN} rad, uniform",
    draw=draw,
    apply=apply,
)
