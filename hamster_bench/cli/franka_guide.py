"""``hamster-bench franka guide``: demonstrations by hand."""

from __future__ import annotations

import argparse
import queue
import sys
import threading
from pathlib import Path

from hamster_bench.cli.options import names, whole_number
from hamster_bench.demos.hand_guided import MARKED, guided_demo
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.franka.arm_client import ArmClient
from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.franka.guiding import guide
from hamster_bench.envs.franka.rig import CameraRig
from hamster_bench.envs.franka.safety.lock import RobotLock
from hamster_bench.envs.franka.tasks import robot_task
from hamster_bench.evaluation.record import versions
from hamster_bench.scenario import Scenario


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("cell", type=Path, metavar="CELL", help="cell.json")
    parser.add_argument("--task", required=True, metavar="TASK", help="task or family the demonstration is filed under")
    parser.add_argument("--instruction", required=True, metavar="TEXT", help="the task in words")
    parser.add_argument(
        "--episode", type=whole_number("--episode", 0), default=0, metavar="N", help="number of the demonstration"
    )
    parser.add_argument("--cameras", type=names, default=("front",), metavar="A,B", help="cameras to record (default front)")
    parser.add_argument(
        "--image-size", type=whole_number("--image-size", 1), default=128, metavar="N", help="edge of images (default 128)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory of demonstrations")


def execute(arguments: argparse.Namespace) -> int:
    """Records until the person says that it is done."""
    cell = Cell.load(arguments.cell)
    robot_task(arguments.task)
    size = (arguments.image_size, arguments.image_size)
    store = DemoStore.create(
        arguments.out, DemoSettings(cameras=arguments.cameras, image_size=size, images="all", engine="franka")
    )
    scenario = Scenario(task=arguments.task, episode=arguments.episode)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            lines.put(line.strip())

    threading.Thread(target=listen, daemon=True).start()

    def marks() -> str | None:
        if lines.empty():
            return None
        return "end" if lines.get() == "end" else "keypose"

    with RobotLock(cell.host), CameraRig(cell, arguments.cameras, size) as rig:
        arm = ArmClient(cell.host, enforce_realtime=cell.enforce_realtime, hand=cell.hand)
        try:
            print("Lead the arm by hand. Enter marks a keypose, 'end' ends; nothing is sent to the robot.", flush=True)
            frames = guide(arm, rig, marks)
        finally:
            arm.close()
    demo = guided_demo(frames, scenario, arguments.instruction, cell.T_world_base, versions())
    header = store.add(demo)
    seen = ", ".join(demo.paths) or "no camera"
    print(f"{store.file(scenario)}: {header.frames} frames, {header.keyframes[MARKED]} keyposes, paths in {seen}")
    return 0
