"""``hamster-bench leaderboard``: the site of a leaderboard, and what gets onto it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from hamster_bench.agent import AGENTS, Agent, make_agent
from hamster_bench.cli import leaderboard_media
from hamster_bench.cli.options import whole_number, write_text
from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import HamsterBenchError
from hamster_bench.evaluation.fingerprint import agent_fingerprint
from hamster_bench.evaluation.plan import make_plan
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.replay import replay
from hamster_bench.leaderboards.bundle import DeclaredPlan
from hamster_bench.leaderboards.site.board import make_board
from hamster_bench.leaderboards.site.build import Media, Words, build_site
from hamster_bench.leaderboards.site.digests import site_digests
from hamster_bench.leaderboards.site.server import make_server
from hamster_bench.leaderboards.sources import read_sources
from hamster_bench.leaderboards.submission import Checks, add_to_board

_REPLAYS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="build|serve|add")
    _add_arguments_of_build(parts.add_parser("build", help="write the site of results directories and boards"))
    _add_arguments_of_serve(parts.add_parser("serve", help="show a site in a browser on this machine"))
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


def registered_agents(names: Collection[str] | None = None) -> dict[str, Agent]:
    """The agents that have a name here and can be made; what a bundle names as ``module:Class`` is never imported.

    Args:
        names: make those of these alone: the learned ones take seconds.
    """
    agents = {}
    for name in AGENTS.names() if names is None else set(names).intersection(AGENTS.names()):
        # An agent that lacks its packages or its checkpoint is not there.
        with contextlib.suppress(HamsterBenchError):
            agents[name] = make_agent(name)
    return agents


def _add_arguments_of_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stores", type=Path, nargs="+", metavar="DIR", help="results directory, or board of submissions")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to; a site that is there is replaced")
    parser.add_argument("--title", default="HAMSTER-Bench leaderboard", metavar="TEXT", help="what the board is called")
    parser.add_argument(
        "--pictures",
        type=whole_number("--pictures", 0),
        default=1,
        metavar="N",
        help="draw the first N scenarios of each task and factor and their controls (default 1); drawn once and kept",
    )
    parser.add_argument(
        "--videos",
        type=whole_number("--videos", 0),
        default=0,
        metavar="N",
        help="film N successes and N failures of each agent and task, where the agent exists here (default 0); filmed once and kept",
    )
    parser.add_argument(
        "--digests",
        type=Path,
        metavar="FILE",
        help="write the SHA-256 of every file of the site, as sha256sum does: what to keep of a site that can be built again",
    )
    parser.set_defaults(execute=_build)


def _build(arguments: argparse.Namespace) -> int:
    sources = read_sources(arguments.stores)
    agents = registered_agents({record.agent for source in sources for record in source.records})
    privileged = {name for name, agent in agents.items() if agent.needs.privileged}
    board = make_board(sources, privileged)
    media = Media(
        pictures=leaderboard_media.pictures(board, arguments.pictures),
        videos=leaderboard_media.videos(board, agents, arguments.videos) if arguments.videos else {},
    )
    words = Words(
        tasks={name: TASKS.get(name).goal for name in TASKS.names()},
        factors={name: (FACTORS.get(name).summary, FACTORS.get(name).distribution) for name in FACTORS},
    )
    count = build_site(board, arguments.out, title=arguments.title, words=words, media=media)
    if arguments.digests is not None:
        write_text(arguments.digests, site_digests(arguments.out))
    records = sum(len(records) for section in board.sections for records in section.records.values())
    print(f"{arguments.out}: {records} records of {len(board.agents)} agents in {count} files")
    print(f"open {arguments.out / 'index.html'}, or: hamster-bench leaderboard serve {arguments.out}")
    return 0


def _add_arguments_of_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("site", type=Path, metavar="DIR", help="written by 'hamster-bench leaderboard build'")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=whole_number("--port", 0), default=8000, metavar="N", help="port to listen on (default 8000; 0: any)"
    )
    parser.set_defaults(execute=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    server = make_server(
        arguments.site, arguments.host, arguments.port, log=lambda line: print(line, file=sys.stderr, flush=True)
    )
    with server:
        print(f"http://{arguments.host}:{server.server_address[1]}/ (Ctrl-C ends it)", flush=True)
        # That is how it is meant to end.
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


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
