"""``hamster-bench export``: one more word says what."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "vqa": Entry("hamster_bench.cli.export_vqa", "write pictures, questions and answers for training path planners"),
}
