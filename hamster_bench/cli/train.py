"""``hamster-bench train``: one more word says what."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "diffuser_actor": Entry("hamster_bench.cli.train_diffuser_actor", "train 3D Diffuser Actor on demonstrations"),
    "rvt2": Entry("hamster_bench.cli.train_rvt2", "train RVT-2 on demonstrations"),
    "openvla": Entry("hamster_bench.cli.train_openvla", "train tiny_vla from nothing, or fine-tune OpenVLA, on demonstrations"),
    "sketch": Entry("hamster_bench.cli.train_sketch", "train the built-in path planner on exported questions and answers"),
}
