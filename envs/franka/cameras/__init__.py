"""Cameras of a cell: a small interface, and the sources that have it."""

from __future__ import annotations

from hamster_bench.envs.franka.cameras.source import CameraFrame, CameraSource, OpenCamera, fitted
from hamster_bench.registry import Registry

CAMERA_KINDS: Registry[OpenCamera] = Registry("camera kind", entry_point_group="hamster_bench.cameras")
CAMERA_KINDS.register("realsense", "hamster_bench.envs.franka.cameras.realsense:open_device")
CAMERA_KINDS.register("realsense_recording", "hamster_bench.envs.franka.cameras.realsense:open_recording")
CAMERA_KINDS.register("simulated", "hamster_bench.envs.franka.cameras.simulated:open_simulated")

__all__ = ["CAMERA_KINDS", "CameraFrame", "CameraSource", "OpenCamera", "fitted"]
