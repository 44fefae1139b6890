"""``hamster-bench replay``: one recorded episode, run again, compared and filmed."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.agent import make_agent
from hamster_bench.cli.options import whole_number
from hamster_bench.evaluation.replay import Replay, find_record, replay
from hamster_bench.evaluation.store import ResultStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="results directory")
    parser.add_argument("scenario", metavar="SCENARIO_ID", help="for instance close_box-v0-no_var-e3-s0")
    parser.add_argument("--agent", metavar="NAME", help="whose episode; needed when several agents have played the scenario")
    parser.add_argument("--protocol", metavar="FINGERPRINT", help="under which rules; needed when it was played under several")
    parser.add_argument("--video", type=Path, metavar="FILE.mp4", help="film it")
    parser.add_argument(
        "--size", type=whole_number("--size", 16), default=512, metavar="PIXELS", help="edge of the video (default 512)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Runs the episode; 0 if it ended as recorded, else 1."""
    with ResultStore.for_reading(arguments.directory) as store:
        record, protocol = find_record(store, arguments.scenario, agent=arguments.agent, protocol=arguments.protocol)
    result = replay(record, protocol, make_agent(record.agent), video=arguments.video, size=arguments.size)
    print(_verdict(result))
    if arguments.video is not None:
        print(f"video: {result.video or 'none, the episode broke before its first frame'}")
    return 1 if result.differences else 0


def _verdict(result: Replay) -> str:
    recorded, replayed = result.recorded, result.replayed
    ending = recorded.outcome if recorded.kind is None else f"{recorded.outcome} ({recorded.kind})"
    name = f"{recorded.agent} on {recorded.scenario.id}"
    if not result.differences:
        return f"{name}: {ending} after {recorded.steps} steps, as recorded"
    lines = [f"{name}: NOT as recorded"]
    lines += [f"  {field}: recorded {old!r}, now {new!r}" for field, (old, new) in result.differences.items()]
    if recorded.versions != replayed.versions:
        changed = sorted(
            k for k in recorded.versions.keys() | replayed.versions if recorded.versions.get(k) != replayed.versions.get(k)
        )
        lines.append(
            f"  versions differ: {', '.join(f'{k} {recorded.versions.get(k)} -> {replayed.versions.get(k)}' for k in changed)}"
        )
    if recorded.agent_fingerprint != replayed.agent_fingerprint:
        lines.append(f"  the agent has changed: fingerprint {recorded.agent_fingerprint} -> {replayed.agent_fingerprint}")
    return "\n".join(lines)
