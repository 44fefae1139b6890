"""The original's recorded episodes, where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
FACTS = SHARED / "facts" / "tasks.yaml"
RECORDINGS = SHARED / "parity" / "rlbench_demos"
needs_facts = pytest.mark.skipif(not FACTS.exists(), reason="the fact sheet ../shared/facts/tasks.yaml is not here")
needs_recordings = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings ../shared/parity are not here")


@dataclass(frozen=True)
class Recorded:
    """The first moment of a recorded episode.

    Attributes:
        variation: of the episode.
        poses: name to pose (7,) in the world, ``x y z qx qy qz qw``; the task's name is that of its base.
        boxes: name of an object to its lowest and highest coordinates (2, 3) [m] in its own frame.
    """

    variation: int
    poses: dict[str, np.ndarray]
    boxes: dict[str, np.ndarray]

    def seen_from(self, carrier: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Position (3,) and rotation matrix (3, 3) of an object in the frame of another."""
        turn = matrix(self.poses[carrier][3:])
        return turn.T @ (self.poses[name][:3] - self.poses[carrier][:3]), turn.T @ matrix(self.poses[name][3:])


def matrix(quat_xyzw: np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3) of a quaternion."""
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, np.asarray(quat_xyzw, dtype=float)[[3, 0, 1, 2]])
    return flat.reshape(3, 3)


def recorded_episodes(task: str) -> Iterator[Recorded]:
    """All recorded episodes of a task."""
    with np.load(RECORDINGS / f"{task}.npz", allow_pickle=False) as recording:
        meta = json.loads(bytes(recording["meta_json"]).decode())
        boxes = {name: np.array(entry["bbox"]).reshape(3, 2).T for name, entry in meta["objects"].items() if "bbox" in entry}
        for episode in meta["episodes"]:
            key = episode["key"]
            poses = dict(zip(episode["object_names"], recording[f"{key}.object_poses"].astype(float), strict=True))
            poses[task] = recording[f"{key}.base_pose"].astype(float)
            yield Recorded(episode["variation"], poses, boxes)


def recorded_scene(task: str) -> Recorded:
    """The first recorded episode of a task."""
    return next(recorded_episodes(task))


def recorded_path(task: str, waypoint: str) -> np.ndarray:
    """Positions (n, 3) [m] along a recorded Cartesian path, in the task base frame."""
    with np.load(RECORDINGS / f"{task}.npz", allow_pickle=False) as recording:
        return np.asarray(recording[f"path.{waypoint}"].astype(float)[:, :3])
