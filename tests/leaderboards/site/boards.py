"""Results directories of made-up records, for tests of the site."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.track import Track
from hamster_bench.leaderboards.sources import Source
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

PROTOCOL = make_protocol("hamster")
TASKS = ("close_box", "stack_cups")
FACTORS = ("no_var", "tab_tex", "rlb_var")
# An agent called like an attack must come out as a harmless name.
HOSTILE = "<img src=x onerror=alert(1)>"


def record(agent: str, scenario: Scenario, won: bool, **changes: Any) -> EpisodeRecord:
    values: dict[str, Any] = {
        "agent": agent,
        "agent_fingerprint": "f" * 12,
        "protocol": PROTOCOL.fingerprint,
        "scenario": scenario,
        "outcome": "success" if won else "failure",
        "kind": None if won else "step_limit",
        "instruction": "do </script><b>it</b>",
        "steps": 5,
        "control_steps": 80,
        "episode_return": float(won),
        "path": Path2D([[0.5, 0.1], [0.4, 0.5], [0.7, 0.6]], [True, False, False]).to_json(),
        "draws": json.dumps({scenario.factor: {"texture": "oak"}}) if scenario.factor != "no_var" else None,
        "versions": {"hamster_bench": "0.1.0", "renderer": "egl"},
    }
    return EpisodeRecord(**(values | changes))


def records(agent: str, skill: float, episodes: int, *, tasks: tuple[str, ...] = TASKS, **changes: Any) -> list[EpisodeRecord]:
    """An agent that solves what is easier than its skill; how hard an episode is does not depend on the agent."""
    found = []
    for task in tasks:
        for factor in FACTORS:
            for episode in range(episodes):
                scenario = Scenario(
                    task=task, factor=factor, episode=episode, variation=episode % 2 if factor == "rlb_var" else 0
                )
                hard = np.random.default_rng([TASKS.index(task), episode]).uniform() + (0.2 if factor == "tab_tex" else 0.0)
                found.append(record(agent, scenario, hard < skill, **changes))
    return found


def followed(made: list[EpisodeRecord], *, gone: float = 0.0) -> list[EpisodeRecord]:
    """The records with what the path planner said, the scripted solution's way, and the gripper's, which strays so far from the path."""
    found = []
    for entry in made:
        assert entry.path is not None
        solution = Path2D.from_json(entry.path)
        way = Path2D(np.add(solution.points, (0.0, gone)), solution.gripper_open)
        found.append(
            dataclasses.replace(
                entry,
                proposals=json.dumps([{"step": 0, "path": json.loads(entry.path), "error": None, "record": None}]),
                track=Track(way).to_text(),
                oracle_path=Track(solution).to_text(),
            )
        )
    return found


def source(*groups: list[EpisodeRecord], title: str = "made_up", protocol: Protocol = PROTOCOL) -> Source:
    return Source(title=title, protocols={protocol.fingerprint: protocol}, records=tuple(r for group in groups for r in group))


def store(folder: Path, *groups: list[EpisodeRecord]) -> Path:
    with ResultStore.for_writing(folder) as opened:
        run = opened.start_run(PROTOCOL, {})
        for group in groups:
            for entry in group:
                opened.add(run, entry)
    return folder
