"""``hamster-bench franka check``: what can be seen without moving."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from hamster_bench.envs.franka.arm_client import ArmClient
from hamster_bench.envs.franka.calibration.check_image import check_image
from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.franka.log import EventLog
from hamster_bench.envs.franka.models import ARM_MODELS
from hamster_bench.envs.franka.rig import CameraRig
from hamster_bench.envs.franka.safety.filter import SafetyFilter
from hamster_bench.envs.franka.safety.guard import Guard
from hamster_bench.envs.franka.safety.lock import RobotLock
from hamster_bench.envs.franka.safety.preflight import check_arm, gather
from hamster_bench.geometry import Camera, matrix_from_pose


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("cell", type=Path, metavar="CELL", help="cell.json")
    parser.add_argument(
        "--out", type=Path, default=Path("check"), metavar="DIR", help="folder for the check images (default check)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Prints what was found; 1 when something is wrong."""
    cell = Cell.load(arguments.cell)
    model = ARM_MODELS.get(cell.arm)
    with RobotLock(cell.host), CameraRig(cell, cell.cameras, (480, 640)) as rig:
        client = ArmClient(cell.host, enforce_realtime=cell.enforce_realtime, hand=cell.hand)
        guard = Guard(client, SafetyFilter(cell.safety, model), mode="dry_run", operator=None, log=EventLog())
        try:
            findings = gather([lambda: check_arm(guard, model)])
            for finding in findings:
                print(f"{'ok   ' if finding.good else 'WRONG'}  {finding.name:<14} {finding.found}")
            arguments.out.mkdir(parents=True, exist_ok=True)
            joints = guard.read().joints
            for name in rig.names:
                view = rig.look(name, joints, time.monotonic())
                height, width = view.native.depth.shape
                camera = Camera(width, height, view.native.intrinsics, view.camera.T_world_camera)
                box = np.array(cell.safety.workspace_lower), np.array(cell.safety.workspace_upper)
                picture = check_image(view.native.rgb, camera, joints, matrix_from_pose(cell.T_world_base), box)
                file = arguments.out / f"{name}.png"
                Image.fromarray(picture).save(file)
                print(f"ok     camera {name}: {1000 * view.age:.0f} ms old; is the yellow outline on the gripper? {file}")
        finally:
            guard.close()
    return 0 if all(finding.good for finding in findings) else 1
