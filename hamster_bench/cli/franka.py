"""``hamster-bench franka``: one more word says what."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "cell": Entry("hamster_bench.cli.franka_cell", "write a cell's configuration to fill in"),
    "simulate": Entry("hamster_bench.cli.franka_simulate", "start a simulated robot with a camera, and write its cell"),
    "check": Entry("hamster_bench.cli.franka_check", "look at robot and cameras without moving anything, and draw check images"),
    "board": Entry("hamster_bench.cli.franka_board", "write the calibration board as a picture to print"),
    "calibrate": Entry("hamster_bench.cli.franka_calibrate", "find where a camera is, from views of the board"),
    "guide": Entry("hamster_bench.cli.franka_guide", "record a demonstration while a person leads the arm by hand"),
}
