"""``hamster-bench demos``: demonstrations of the expert."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS = {
    "collect": Entry("hamster_bench.cli.demos_collect", "let the expert demonstrate tasks; given again, do what is missing"),
}
