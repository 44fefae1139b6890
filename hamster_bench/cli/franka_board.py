"""``hamster-bench franka board``: the calibration board."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from hamster_bench.envs.franka.calibration.hand_eye import Board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="picture to write (PNG)")
    add_board(parser)


def add_board(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments that describe a board."""
    standard = Board()
    parser.add_argument(
        "--square", type=float, default=standard.square, metavar="M", help=f"edge of a square (default {standard.square} m)"
    )
    parser.add_argument(
        "--marker", type=float, default=standard.marker, metavar="M", help=f"edge of a marker (default {standard.marker} m)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Writes the picture."""
    board = Board(square=arguments.square, marker=arguments.marker)
    Image.fromarray(board.picture()).save(arguments.file, dpi=(203.2, 203.2))
    print(f"{arguments.file}: {board.text}; print it at 100 %, glue it on something flat and measure a square")
    return 0
