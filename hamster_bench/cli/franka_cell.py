"""``hamster-bench franka cell``: a configuration to start from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from hamster_bench.envs.franka.cell import CameraEntry, suggested_cell
from hamster_bench.errors import InvalidOptionError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="file to write (cell.json); one that exists is left as it is")
    parser.add_argument("--host", required=True, metavar="ADDRESS", help="address of the robot")
    parser.add_argument("--name", default="cell", metavar="NAME", help="name of the cell, for logs")
    parser.add_argument("--serial", metavar="NUMBER", help="serial number of a RealSense camera to call 'front'")


def execute(arguments: argparse.Namespace) -> int:
    """Writes the file."""
    file: Path = arguments.file
    if file.exists():
        raise InvalidOptionError(f"{file} exists; choose another name, a cell is never overwritten")
    cameras = {}
    if arguments.serial is not None:
        cameras["front"] = CameraEntry(kind="realsense", calibration=Path("front.json"), options={"serial": arguments.serial})
    cell = suggested_cell(arguments.name, arguments.host, cameras)
    file.write_text(json.dumps(cell.to_dict(), indent=2) + "\n", encoding="utf-8")
    print(f"{file}: check every value, above all the workspace, the table's height, the arm and where the base stands")
    return 0
