"""What is read of the simulator: observations, the tip's pose, the state and the objects' names.

Runs in the simulator's process and nowhere else: it imports RLBench and PyRep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.rlbench.pictures import render_mode
from hamster_bench.envs.rlbench.settings import CAMERAS, OriginalSettings

FloatArray = NDArray[np.float64]


def observation_config(settings: OriginalSettings) -> Any:
    """RLBench's configuration to launch with: all cameras draw, as those that do not are taken out of the scene."""
    from rlbench.observation_config import ObservationConfig

    config = ObservationConfig()
    config.set_all_low_dim(False)
    config.joint_positions = config.joint_velocities = config.gripper_open = config.gripper_pose = True
    height, width = settings.image_size
    for name in CAMERAS:
        camera = getattr(config, f"{name}_camera")
        camera.set_all(False)
        camera.rgb = camera.depth = True
        camera.mask = settings.segmentation and name in settings.cameras
        camera.masks_as_one_channel = camera.depth_in_meters = True
        camera.image_size = [width, height]
        camera.render_mode = render_mode(settings.shadows)
    return config


def draw_only(config: Any, cameras: tuple[str, ...]) -> None:
    """Has a launched simulator draw the cameras that are wanted; the others stay in the scene, so that their poses can be told."""
    for name in CAMERAS:
        camera = getattr(config, f"{name}_camera")
        camera.rgb = camera.depth = name in cameras


def align_mask_cameras(cameras: tuple[str, ...]) -> None:
    """Puts the cameras of object handles where the cameras are; the factor that moves these does not know them."""
    from pyrep.objects.vision_sensor import VisionSensor

    for name in cameras:
        VisionSensor(f"{CAMERAS[name]}_mask").set_pose(VisionSensor(CAMERAS[name]).get_pose())


def observation(scene: Any, settings: OriginalSettings) -> dict[str, Any]:
    """What RLBench's scene shows now, with poses of all cameras and images of those that are observed."""
    seen = scene.get_observation()
    found: dict[str, Any] = {
        "joint_positions": np.asarray(seen.joint_positions, dtype=np.float64),
        "joint_velocities": np.asarray(seen.joint_velocities, dtype=np.float64),
        "gripper_pose": np.asarray(seen.gripper_pose, dtype=np.float64),
        "gripper_open": float(seen.gripper_open),
        "cameras": {
            name: {
                "intrinsics": np.asarray(seen.misc[f"{name}_camera_intrinsics"], dtype=np.float64),
                "extrinsics": np.asarray(seen.misc[f"{name}_camera_extrinsics"], dtype=np.float64),
            }
            for name in CAMERAS
        },
    }
    for name in settings.cameras:
        found[f"{name}_rgb"] = np.asarray(getattr(seen, f"{name}_rgb"), dtype=np.uint8)
        found[f"{name}_depth"] = np.asarray(getattr(seen, f"{name}_depth"), dtype=np.float32)
        if settings.segmentation:
            found[f"{name}_mask"] = np.asarray(getattr(seen, f"{name}_mask"), dtype=np.float64)
    return found


def tip_pose(arm: Any) -> FloatArray:
    """Pose (7,) of the arm's tip."""
    return np.array(arm.get_tip().get_pose(), dtype=np.float64)


def tip_position(arm: Any) -> tuple[float, float, float]:
    """Position [m] of the arm's tip."""
    x, y, z = map(float, arm.get_tip().get_position())
    return x, y, z


def is_solved(task: Any) -> bool:
    """Whether the conditions of RLBench's task hold now."""
    return bool(task.success()[0])


def state(arm: Any, gripper: Any, task: Any) -> FloatArray:
    """Joint angles and speeds, fingers, and poses of the task's objects: all that can be read of the state."""
    objects = task.get_base().get_objects_in_tree(exclude_base=False)
    parts = [
        arm.get_joint_positions(),
        arm.get_joint_velocities(),
        gripper.get_joint_positions(),
        *(thing.get_pose() for thing in objects),
    ]
    return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])


def segment_names(pyrep: Any) -> dict[str, str]:
    """Object numbers in segmentations, as text, and the objects' names."""
    return {str(int(thing.get_handle()) + 1): str(thing.get_name()) for thing in pyrep.get_objects_in_tree()}
