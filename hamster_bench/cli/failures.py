"""``hamster-bench failures``: why agents that follow 2D paths fail."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.cli.options import write_text
from hamster_bench.evaluation.attribution import CAUSES, FailureSplit, attribute_failure, failure_splits
from hamster_bench.evaluation.hand_labels import Agreement, agreement, read_labels
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.statistics import Estimate
from hamster_bench.evaluation.store import ResultStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument("--list", action="store_true", help="list every failure with its distances, in fractions of the image")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="say instead how far causes that a person gave agree; columns scenario, agent, protocol, label",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.txt", help="write what is said to a file, too")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the split of each agent for each protocol, or the agreement with labels."""
    labels = None if arguments.labels is None else read_labels(arguments.labels)
    with ResultStore.for_reading(arguments.directory) as store:
        if labels is not None:
            said = _agreement(agreement(labels, store.records()), arguments.list) + "\n"
        else:
            said = "".join(_causes(store, protocol, arguments.list) for protocol in store.protocols().values())
    print(said, end="")
    if arguments.out is not None:
        write_text(arguments.out, said)
    return 0


def _causes(store: ResultStore, protocol: Protocol, listed: bool) -> str:
    records = list(store.records(protocol=protocol.fingerprint))
    return _split(protocol, failure_splits(records)) + "\n" + "".join(_line(record) for record in records if listed)


def _split(protocol: Protocol, splits: dict[str, FailureSplit]) -> str:
    width = max(map(len, (*splits, "agent")))
    columns = [*CAUSES, "not attributed"]
    lines = [f"protocol {protocol.label}", f"{'agent':<{width}}  " + "  ".join(f"{name:>16}" for name in columns)]
    for agent, split in splits.items():
        known = sum(split[:3])
        shares = [f"{number} ({100 * number / known:.0f} %)" if known else "0" for number in split[:3]]
        lines.append(f"{agent:<{width}}  " + "  ".join(f"{text:>16}" for text in (*shares, str(split.not_attributed))))
    return "\n".join(lines)


def _line(record: EpisodeRecord) -> str:
    found = attribute_failure(record)
    if found is None:
        return ""
    distances = ", ".join(f"{name} {value:.3f}" for name, value in found._asdict().items() if isinstance(value, float))
    return f"  {record.agent} {record.scenario.id} ({record.kind}): {found.cause}{'; ' if distances else ''}{distances}\n"


def _agreement(found: Agreement, listed: bool) -> str:
    width = max(map(len, CAUSES))
    lines = ["label \\ program".ljust(width) + "".join(f"  {cause:>{width}}" for cause in CAUSES)]
    for hand in CAUSES:
        lines.append(f"{hand:<{width}}" + "".join(f"  {found.counts[hand, program]:>{width}}" for program in CAUSES))
    n = sum(found.counts.values())
    lines.append(f"{n} episodes: they agree on {_percent(found.share)}; Cohen's kappa {_figure(found.kappa)}; 95 % intervals")
    if listed:
        lines += [f"  {label.agent} {label.scenario}: {label.label}, not {program}" for label, program in found.disagreed]
    return "\n".join(lines)


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.mean:.0f} % ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"


def _figure(estimate: Estimate) -> str:
    return f"{estimate.mean:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
