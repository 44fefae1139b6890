"""``hamster-bench train``: one more word says what."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "sketch": Entry("hamster_bench.cli.train_sketch", "train the built-in path planner on exported questions and answers"),
}
