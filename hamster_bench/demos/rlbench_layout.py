"""Demonstrations in RLBench's folder layout, as its own loader and those of PerAct, RVT and 3D Diffuser Actor read them.

Everything is in RLBench's conventions, so that a reader cannot tell these files from the original's: the same camera has the same matrices,
the same posture of the arm the same joint angles. `hamster_bench.demos.rlbench_reading` gives back what was written.

<task>/variation<k>/variation_descriptions.pkl
<task>/variation<k>/episodes/episode<n>/low_dim_obs.pkl
<task>/variation<k>/episodes/episode<n>/<camera>_rgb/<i>.png
<task>/variation<k>/episodes/episode<n>/<camera>_depth/<i>.png
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import CameraImages, Demo
from hamster_bench.demos.exporting import complete_images, new_directory
from hamster_bench.demos.opcodes import Instance, pickled
from hamster_bench.demos.rlbench_sets import folder_of
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.rlbench.conversion import camera_to_original, joints_to_original
from hamster_bench.geometry import matrix_from_pose
from hamster_bench.scenario import Scenario

# Clipping planes of the cameras in the tasks of RLBench and THE COLOSSEUM [m]; depth pictures hold the fraction between them.
NEAR, FAR = 0.01, 4.5
# Depth pictures are RGB, 24 bits a pixel, the highest in red (`DEPTH_SCALE` of RLBench).
_DEPTH_SCALE = 2**24 - 1
# Position of each finger of an open hand [m].
_OPEN_FINGER = 0.04
_CAMERAS = ("left_shoulder", "right_shoulder", "overhead", "wrist", "front")


def export_rlbench(
    store: DemoStore,
    out: Path,
    scenarios: Iterable[Scenario] | None = None,
    report: Callable[[Scenario], None] = lambda scenario: None,
) -> int:
    """Exports demonstrations into a new directory; gives their number.

    Demonstrations under a factor other than ``no_var`` go to ``<task>_<number>``, THE COLOSSEUM's number of the factor set. Episodes are
    numbered in the order of the store.

    Args:
        store: the demonstrations.
        out: where to; appears when all is written.
        scenarios: which; all by default.
        report: called with each one done.

    Raises:
        StoreError: one cannot be read, or the directory exists or cannot be written.
        InvalidOptionError: the demonstrations have images of keyframes only.
    """
    complete_images(store, "RLBench's layout")
    episodes: Counter[Path] = Counter()
    with new_directory(out) as folder:
        for scenario in store.scenarios() if scenarios is None else scenarios:
            demo = store.read(scenario)
            variation = folder / folder_of(scenario) / f"variation{scenario.variation}"
            if variation not in episodes:
                variation.mkdir(parents=True)
                (variation / "variation_descriptions.pkl").write_bytes(pickled(list(demo.instructions)))
            _write_episode(variation / "episodes" / f"episode{episodes[variation]}", demo)
            episodes[variation] += 1
            report(scenario)
    return episodes.total()


def depth_picture(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Depth (H, W) [m] as RLBench's RGB picture (H, W, 3); what lies outside 0.01 m to 4.5 m is cut off there."""
    fraction = (np.clip(depth.astype(np.float64), NEAR, FAR) - NEAR) / (FAR - NEAR)
    code = np.rint(fraction * _DEPTH_SCALE).astype(np.uint32)
    return np.stack([code >> 16, code >> 8 & 255, code & 255], axis=-1).astype(np.uint8)


def _write_episode(folder: Path, demo: Demo) -> None:
    from PIL import Image

    for camera, images in demo.images.items():
        for kind, pictures in (("rgb", images.rgb), ("depth", map(depth_picture, images.depth))):
            (folder / f"{camera}_{kind}").mkdir(parents=True)
            for number, picture in enumerate(pictures):
                Image.fromarray(picture).save(folder / f"{camera}_{kind}" / f"{number}.png", format="PNG", compress_level=1)
    positions = joints_to_original(demo.steps.joint_positions)
    commands = joints_to_original(demo.steps.actions[:, :7])
    observations = [
        _observation(demo, frame, positions[frame], commands[frame - 1] if frame else None) for frame in range(len(demo))
    ]
    whole = Instance("rlbench.demo", "Demo", {"_observations": observations, "random_seed": None, "num_reset_attempts": 1})
    (folder / "low_dim_obs.pkl").write_bytes(pickled(whole))


def _observation(demo: Demo, frame: int, joint_positions: NDArray[np.float64], command: NDArray[np.float64] | None) -> Instance:
    """One frame as RLBench's ``Observation``, without images: its loader reads them from the pictures.

    Args:
        demo: what is exported.
        frame: its number.
        joint_positions: (7,) [rad] of RLBench's arm.
        command: (7,) [rad] joint targets, of RLBench's arm, that led to the frame; None where nothing did.
    """
    steps = demo.steps
    attributes: dict[str, Any] = {
        f"{camera}_{kind}": None for camera in _CAMERAS for kind in ("rgb", "depth", "mask", "point_cloud")
    }
    misc: dict[str, Any] = {}
    for camera, images in demo.images.items():
        misc |= _camera(camera, images, frame)
    if command is not None:
        misc["executed_demo_joint_position_action"] = command
    is_open = float(steps.gripper_open[frame])
    attributes |= {
        "joint_velocities": steps.joint_velocities[frame],
        "joint_positions": joint_positions,
        "joint_forces": None,
        "gripper_open": is_open,
        "gripper_pose": steps.gripper_pose[frame],
        "gripper_matrix": matrix_from_pose(steps.gripper_pose[frame]),
        # Where the fingers of an open and of a closed, empty hand are; loaders of PerAct and RVT do not work without.
        "gripper_joint_positions": np.full(2, _OPEN_FINGER * is_open),
        "gripper_touch_forces": None,
        "task_low_dim_state": None,
        "ignore_collisions": bool(steps.ignore_collisions[frame]),
        "misc": misc | {"variation_index": demo.scenario.variation},
    }
    return Instance("rlbench.backend.observation", "Observation", attributes)


def _camera(name: str, images: CameraImages, frame: int) -> Mapping[str, Any]:
    row = images.row(frame)
    intrinsics, extrinsics = camera_to_original(images.intrinsics[row], images.extrinsics[row])
    return {
        f"{name}_camera_extrinsics": extrinsics,
        f"{name}_camera_intrinsics": intrinsics,
        f"{name}_camera_near": NEAR,
        f"{name}_camera_far": FAR,
    }
