"""``hamster-bench trials``: one more word says what."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "begin": Entry("hamster_bench.cli.trials_begin", "fix order and codes of a plan's trials on a robot"),
    "run": Entry("hamster_bench.cli.trials_run", "carry out the next trials, blind, and label them"),
    "label": Entry("hamster_bench.cli.trials_label", "label a trial again; the label before stays in the book"),
    "report": Entry("hamster_bench.cli.trials_report", "open the codes after the last label, print figures, store records"),
}
