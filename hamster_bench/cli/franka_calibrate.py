"""``hamster-bench franka calibrate``: where a camera is."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from hamster_bench.cli.franka_board import add_board
from hamster_bench.cli.options import choice
from hamster_bench.envs.franka import kinematics
from hamster_bench.envs.franka.arm_client import ArmClient
from hamster_bench.envs.franka.calibration.hand_eye import FEWEST_VIEWS, Board, BoardView, see_board, solve
from hamster_bench.envs.franka.calibration.record import Calibration
from hamster_bench.envs.franka.cameras import CAMERA_KINDS
from hamster_bench.envs.franka.cell import Cell
from hamster_bench.envs.franka.safety.lock import RobotLock
from hamster_bench.errors import UnknownNameError

# The arm counts as being at rest below this [rad/s].
_AT_REST = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("cell", type=Path, metavar="CELL", help="cell.json")
    parser.add_argument("--camera", default="front", metavar="NAME", help="camera of the cell (default front)")
    parser.add_argument(
        "--mounting",
        type=choice("mounting", ("static", "flange")),
        default="static",
        metavar="static|flange",
        help="camera beside the robot with the board in the hand (default), or camera on the hand with the board on the table",
    )
    add_board(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Takes views while a person leads the arm by hand, and writes the calibration."""
    cell = Cell.load(arguments.cell)
    if arguments.camera not in cell.cameras:
        raise UnknownNameError("camera of the cell", arguments.camera, cell.cameras)
    entry, board = cell.cameras[arguments.camera], Board(square=arguments.square, marker=arguments.marker)
    views: list[BoardView] = []
    with RobotLock(cell.host):
        arm = ArmClient(cell.host, enforce_realtime=cell.enforce_realtime, hand=False)
        camera = CAMERA_KINDS.get(entry.kind)(**entry.options)
        try:
            print("Lead the arm by hand. Enter takes a view, 'solve' ends; take 15 to 30 and turn the hand about every axis.")
            intrinsics, shape = np.eye(3), (0, 0)
            while input(f"{len(views)} views: ").strip() != "solve":
                frame, state = camera.read(time.monotonic(), 2.0), arm.state()
                if float(np.abs(state.joint_velocities).max()) > _AT_REST:
                    print("the arm moves; wait until it stands still")
                    continue
                view = see_board(board, frame.rgb, frame.intrinsics, kinematics.link_frames(state.joints)[0, 7])
                if view is None:
                    print("too little of the board is seen")
                    continue
                views.append(view)
                intrinsics, shape = frame.intrinsics, frame.depth.shape
            solved = solve(views, intrinsics, arguments.mounting)
            calibration = Calibration(
                serial=camera.serial,
                width=shape[1],
                height=shape[0],
                intrinsics=intrinsics.tolist(),
                mounting=arguments.mounting,
                T_mount_camera=solved.T_mount_camera.tolist(),
                made=time.time(),
                method=f"hand-eye, refined; at least {FEWEST_VIEWS} views",
                board=board.text,
                views=len(views),
                residuals=solved.residuals,
            )
            calibration.save(entry.calibration)
        finally:
            camera.close()
            arm.close()
    residuals = solved.residuals
    print(
        f"{entry.calibration}: {len(views)} views agree to {1000 * residuals['translation']:.1f} mm, "
        f"{np.rad2deg(residuals['rotation']):.2f} degrees, {residuals['reprojection']:.2f} pixels; "
        "touch the board's corners with a fingertip, and look at the image of 'hamster-bench franka check'"
    )
    return 0
