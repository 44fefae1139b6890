"""``hamster-bench export``: a results directory, or one more word that says what."""

from __future__ import annotations

from hamster_bench.cli.command import Entry

SUBCOMMANDS: dict[str, Entry] = {
    "vqa": Entry("hamster_bench.cli.export_vqa", "write pictures, questions and answers for training path planners"),
}
OF_FOLDER = Entry("hamster_bench.cli.export_records", "write every record of a results directory as Parquet, CSV or JSON")
