"""``hamster-bench leaderboard``: the site of a leaderboard, and what gets onto it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hamster_bench.agent import AGENTS, Agent, make_agent
from hamster_bench.cli.options import whole_number
from hamster_bench.errors import HamsterBenchError
from hamster_bench.evaluation.fingerprint import agent_fingerprint
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.replay import replay
from hamster_bench.leaderboards.bundle import DeclaredPlan
from hamster_bench.leaderboards.submission import Checks, add_to_board

_REPLAYS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="build|serve|add")
    _add_arguments_of_add(parts.add_parser("add", help="check a bundle and take it onto a board, or refuse it with reasons"))


def execute(arguments: argparse.Namespace) -> int:
    """Builds, serves or adds."""
    return int(arguments.execute(arguments))


def plan_episodes(plan: DeclaredPlan, protocol: Protocol) -> Iterable[tuple[str, str]]:
    """The episodes of a declared plan, as pairs of agent and scenario id."""
    planned = make_plan(
        agents=plan.agents,
        tasks=plan.tasks,
        episodes=plan.episodes,
        seed=plan.seed,
        factors=plan.factors,
        variations=protocol.variations,
        skip_undefined=True,
    )
    return ((episode.agent, episode.scenario.id) for episode in planned)


def registered_agents() -> dict[str, Agent]:
    """The agents that have a name here and can be made; what a bundle names as ``module:Class`` is never imported."""
    agents = {}
    for name in AGENTS.names():
        # An agent that lacks its packages or its checkpoint is not there.
        with contextlib.suppress(HamsterBenchError):
            agents[name] = make_agent(name)
    return agents


def _add_arguments_of_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.zip", help="made by 'hamster-bench submit'")
    parser.add_argument("--board", type=Path, required=True, metavar="DIR", help="the board; made if it does not exist")
    parser.add_argument(
        "--replay",
        type=whole_number("--replay", 0),
        default=_REPLAYS,
        metavar="K",
        help=f"run K randomly drawn episodes of agents that exist here again (default {_REPLAYS})",
    )
    parser.add_argument(
        "--digest", metavar="HEX", help="refuse a bundle whose digest does not begin with this (16 digits or more)"
    )
    parser.add_argument(
        "--accept-protocol",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="take records made under these rules, too; may be given several times",
    )
    parser.set_defaults(execute=_add)


def _add(arguments: argparse.Namespace) -> int:
    agents = registered_agents()

    def replay_episode(record: EpisodeRecord, protocol: Protocol) -> Mapping[str, tuple[Any, Any]]:
        return replay(record, protocol, agents[record.agent]).differences

    acceptance = add_to_board(
        arguments.bundle,
        arguments.board,
        Checks(
            plan_episodes=plan_episodes,
            fingerprints={name: agent_fingerprint(agent) for name, agent in agents.items()},
            accepted=arguments.accept_protocol,
            replay=replay_episode,
            replays=arguments.replay,
            digest=arguments.digest,
        ),
    )
    bundle = acceptance.bundle
    print(f"taken: {len(bundle.records)} records of {', '.join(bundle.agents)}, signed off by {bundle.submitter}")
    print(f"digest: {bundle.digest}")
    print(f"run again: {len(acceptance.replayed)} episodes, all as recorded" if acceptance.replayed else "run again: none")
    if acceptance.not_replayable:
        print(f"not run again, since they do not exist here: {', '.join(acceptance.not_replayable)}")
    return 0
