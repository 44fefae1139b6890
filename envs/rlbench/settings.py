"""What a simulator is started with, and the names of its cameras; for the environment's process and the simulator's alike."""

from __future__ import annotations

from dataclasses import dataclass

CAMERAS = {
    "front": "cam_front",
    "left_shoulder": "cam_over_shoulder_left",
    "right_shoulder": "cam_over_shoulder_right",
    "overhead": "cam_overhead",
    "wrist": "cam_wrist",
}
"""This project's names of RLBench's cameras, and their names in the scene."""


@dataclass(frozen=True)
class OriginalSettings:
    """What is chosen when the simulator starts.

    Attributes:
        task: name of the task.
        cameras: that are observed.
        image_size: (height, width) [pixel].
        shadows: draw with shadows, which takes 20 times as long.
        segmentation: observe object handles too.
        attach: a closing gripper attaches what it can grasp.
        video: camera whose picture is taken after every control step, or None.
        video_size: (height, width) [pixel] of these pictures.
    """

    task: str
    cameras: tuple[str, ...]
    image_size: tuple[int, int]
    shadows: bool
    segmentation: bool
    attach: bool
    video: str | None
    video_size: tuple[int, int]
