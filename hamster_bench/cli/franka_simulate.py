"""``hamster-bench franka simulate``: a robot that exists only on this machine."""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path

from hamster_bench.cli.options import choice, names
from hamster_bench.envs.franka.simulated_controller.cell_files import write_cell
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.envs.franka.simulated_controller.server import PACINGS, PLANTS, Settings
from hamster_bench.envs.franka.tasks import scene_task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--cell", type=Path, required=True, metavar="DIR", help="folder for cell.json and calibrations")
    parser.add_argument(
        "--task", default="pick_and_place", metavar="TASK", help="whose scene stands around it (default pick_and_place)"
    )
    parser.add_argument("--scenario", metavar="ID", help="layout of the scene (default the task's first)")
    parser.add_argument("--host", default="127.0.0.2", metavar="ADDRESS", help="loopback address (default 127.0.0.2)")
    parser.add_argument(
        "--pacing",
        type=choice("pacing", PACINGS),
        default="paced",
        metavar="|".join(PACINGS),
        help="never faster than the clock (default paced), as fast as it goes, or strictly in real time",
    )
    parser.add_argument(
        "--plant",
        type=choice("plant", PLANTS),
        default="kinematic",
        metavar="|".join(PLANTS),
        help="how the arm moves (default kinematic)",
    )
    parser.add_argument(
        "--realtime-priority",
        action="store_true",
        help="run before ordinary processes where the system allows it; with --pacing real_time",
    )
    parser.add_argument("--cameras", type=names, default=("front",), metavar="A,B", help="cameras of the scene (default front)")


def execute(arguments: argparse.Namespace) -> int:
    """Runs until Ctrl-C."""
    scene_task(arguments.task)
    settings = Settings(
        host=arguments.host,
        plant=arguments.plant,
        pacing=arguments.pacing,
        realtime_priority=arguments.realtime_priority,
        task=arguments.task,
        scenario=arguments.scenario,
    )
    with SimulatedController(settings) as controller:
        write_cell(controller, arguments.cell, arguments.cameras)
        print(
            f"a simulated arm at {controller.host}, control channel on port {controller.control_port} (Ctrl-C ends it)",
            flush=True,
        )
        print(f"its cell: {arguments.cell / 'cell.json'}", flush=True)
        # That is how it is meant to end.
        with contextlib.suppress(KeyboardInterrupt):
            while controller.is_running:
                time.sleep(0.2)
    return 0
