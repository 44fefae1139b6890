"""``hamster-bench demos``: demonstrations of the expert."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "collect": Entry("hamster_bench.cli.demos_collect", "let the expert demonstrate tasks; given again, do what is missing"),
    "import": Entry("hamster_bench.cli.demos_import", "take over demonstrations that RLBench or THE COLOSSEUM has recorded"),
    "show": Entry("hamster_bench.cli.demos_show", "list demonstrations, or draw one"),
    "verify": Entry("hamster_bench.cli.demos_verify", "compare demonstrations with their checksums"),
    "export": Entry("hamster_bench.cli.demos_export", "write demonstrations as a LeRobotDataset or in RLBench's layout"),
}
