"""A cell's files for a simulated controller, so that the real environment finds it as it would find a robot."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.envs.franka.calibration.record import Calibration
from hamster_bench.envs.franka.cameras.simulated import open_simulated
from hamster_bench.envs.franka.cell import SIMULATION_BASE, CameraEntry, Cell, suggested_cell
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.geometry import matrix_from_pose

# What differs from the values suggested for a robot. From the start pose of the simulated environments the table is 0.7 m away; pictures
# are drawn by the processor, which takes longer than a camera does.
_REHEARSAL = {"first_run": False, "keypose_distance": 1.0, "camera_age": 2.0, "state_age": 0.5, "rate_fraction": 0.3}


def write_cell(controller: SimulatedController, folder: Path, cameras: tuple[str, ...] = ("front",), **safety: Any) -> Cell:
    """Writes ``cell.json`` and the calibrations of the rendered cameras, and gives the cell.

    Args:
        controller: the running controller, with a scene if there are cameras.
        folder: where to.
        cameras: names of the scene's cameras.
        safety: values that differ from those suggested for a rehearsal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name in cameras:
        options: dict[str, Any] = {"host": controller.host, "port": controller.control_port, "camera": name}
        source = open_simulated(**options)
        try:
            frame = source.read(0.0, 1.0)
            T_base_camera = np.linalg.inv(matrix_from_pose(SIMULATION_BASE)) @ source.pose()
        finally:
            source.close()
        height, width = frame.depth.shape
        Calibration(
            serial=f"simulated-{name}",
            width=width,
            height=height,
            intrinsics=frame.intrinsics.tolist(),
            mounting="static",
            T_mount_camera=T_base_camera.tolist(),
            made=time.time(),
            method="known from the simulation",
            board="none",
            views=0,
            residuals={},
        ).save(folder / f"{name}.json")
        entries[name] = CameraEntry(kind="simulated", calibration=Path(f"{name}.json"), options=options)
    cell = suggested_cell("simulated", controller.host, entries, **(_REHEARSAL | safety))
    file = folder / "cell.json"
    file.write_text(json.dumps(cell.to_dict(), indent=2) + "\n", encoding="utf-8")
    return Cell.load(file)
