"""Where the records of a leaderboard come from: results directories, and boards of submitted bundles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.submission import SUBMISSIONS, acceptance_note, board_submissions


@dataclass(frozen=True, kw_only=True)
class Source:
    """Records that came together.

    Attributes:
        title: name of the results directory, or of the submission.
        protocols: the rules by fingerprint, those with records only.
        records: in the order in which they were made.
        runs: what the results directory tells of its runs; empty for a submission.
        acceptance: what was checked when the submission was taken; None for a results directory.
    """

    title: str
    protocols: dict[str, Protocol]
    records: tuple[EpisodeRecord, ...]
    runs: tuple[dict[str, Any], ...] = ()
    acceptance: dict[str, Any] | None = None


def read_sources(paths: Iterable[Path]) -> tuple[Source, ...]:
    """Everything in results directories and boards.

    Raises:
        StoreError: a path is neither, or cannot be read; or there is not one record.
        SubmissionError: a bundle on a board was changed.
    """
    found: list[Source] = []
    for path in paths:
        if (path / SUBMISSIONS).is_dir():
            found += [
                Source(
                    title=folder.name,
                    protocols=bundle.protocols,
                    records=bundle.records,
                    acceptance=acceptance_note(folder),
                )
                for folder, bundle in board_submissions(path)
            ]
            continue
        with ResultStore.for_reading(path) as store:
            found.append(
                Source(
                    title=path.resolve().name,
                    protocols=store.protocols(),
                    records=tuple(store.records()),
                    runs=tuple(store.runs()),
                )
            )
    if not any(source.records for source in found):
        raise StoreError(f"there are no records in {', '.join(map(str, paths)) or 'nothing'}; 'hamster-bench run' makes some")
    return tuple(found)
