"""Causes of failures as a person saw them, and how far the program agrees."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.evaluation.attribution import CAUSES, Cause, attribute_failure
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate, cohen_kappa, proportion, wilson_interval

_COLUMNS = ("scenario", "agent", "protocol", "label")


class HandLabel(NamedTuple):
    """What a person says of a failed episode.

    Attributes:
        scenario: id of the scenario.
        agent: name of the agent.
        protocol: fingerprint of the protocol.
        label: the cause.
    """

    scenario: str
    agent: str
    protocol: str
    label: Cause


class Agreement(NamedTuple):
    """How far a person and the program agree.

    Attributes:
        counts: number of episodes by (the person's cause, the program's).
        share: share in which they agree, with Wilson's interval.
        kappa: Cohen's kappa, with its interval.
        disagreed: the labels that the program contradicts, each with its own answer.
    """

    counts: dict[tuple[Cause, Cause], int]
    share: Estimate
    kappa: Estimate
    disagreed: tuple[tuple[HandLabel, Cause], ...]


def read_labels(file: Path) -> tuple[HandLabel, ...]:
    """Labels from a CSV file with the columns ``scenario``, ``agent``, ``protocol`` and ``label``; others are left unread.

    Raises:
        InvalidOptionError: the file cannot be read, lacks a column, has no line, has two for one episode, or a label that is no cause.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            missing = [name for name in _COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise InvalidOptionError(f"{file} lacks the column {missing[0]!r}; it needs {', '.join(_COLUMNS)}")
            labels = tuple(_label(file, table.line_num, row) for row in table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidOptionError(f"{file} cannot be read: {error}") from error
    if not labels:
        raise InvalidOptionError(f"{file} has no labels")
    if len({label[:3] for label in labels}) < len(labels):
        raise InvalidOptionError(f"{file} labels an episode twice")
    return labels


def agreement(labels: Iterable[HandLabel], records: Iterable[EpisodeRecord]) -> Agreement:
    """Compares labels with the causes that follow from the records.

    Raises:
        StoreError: an episode was not recorded, or is none that the program attributes.
    """
    known = {(record.scenario.id, record.agent, record.protocol): record for record in records}
    counts: dict[tuple[Cause, Cause], int] = {(hand, program): 0 for hand in CAUSES for program in CAUSES}
    disagreed = []
    for label in labels:
        record = known.get(label[:3])
        if record is None:
            raise StoreError(f"there is no record of {label.agent} on {label.scenario} under the protocol {label.protocol}")
        found = attribute_failure(record)
        if found is None:
            raise StoreError(
                f"the episode of {label.agent} on {label.scenario} is none whose cause is computed: {record.outcome}"
            )
        counts[label.label, found.cause] += 1
        if found.cause != label.label:
            disagreed.append((label, found.cause))
    n = sum(counts.values())
    agreed = sum(counts[cause, cause] for cause in CAUSES)
    limits = wilson_interval(agreed, n)
    return Agreement(
        counts=counts,
        share=Estimate(float(proportion(agreed, n)), float(limits.low), float(limits.high)),
        kappa=cohen_kappa([[counts[hand, program] for program in CAUSES] for hand in CAUSES]),
        disagreed=tuple(disagreed),
    )


def _label(file: Path, line: int, row: dict[str, str]) -> HandLabel:
    for cause in CAUSES:
        if row["label"] == cause:
            return HandLabel(row["scenario"], row["agent"], row["protocol"], cause)
    raise InvalidOptionError(f"{file}, line {line}: a label is {', '.join(CAUSES)}, not {row['label']!r}")
