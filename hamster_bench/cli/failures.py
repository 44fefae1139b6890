"""``hamster-bench failures``: why agents that follow 2D paths fail."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.evaluation.attribution import CAUSES, FailureSplit, attribute_failure, failure_splits
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument("--list", action="store_true", help="list every failure with its distances, in fractions of the image")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the split of each agent, for each protocol."""
    with ResultStore.for_reading(arguments.directory) as store:
        for fingerprint, protocol in store.protocols().items():
            records = list(store.records(protocol=fingerprint))
            print(_split(protocol, failure_splits(records)))
            if arguments.list:
                print("".join(_line(record) for record in records), end="")
    return 0


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
