"""What is kept of an episode."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass, field
from importlib import metadata
from typing import Literal

from hamster_bench import __version__
from hamster_bench.scenario import Scenario

Outcome = Literal["success", "failure", "error"]
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "error")

# Key of a record's ``versions`` under which the way its images were drawn is kept.
RENDERER = "renderer"


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Where the time of an episode went [s], wall clock and CPU time of the process. Recorded, never deciding anything.

    Attributes:
        reset_wall: resetting the environment, path planning included.
        reset_cpu: the same, CPU time.
        act_wall: resetting the agent and all its decisions.
        act_cpu: the same, CPU time.
        step_wall: all steps of the environment.
        step_cpu: the same, CPU time.
    """

    reset_wall: float = 0.0
    reset_cpu: float = 0.0
    act_wall: float = 0.0
    act_cpu: float = 0.0
    step_wall: float = 0.0
    step_cpu: float = 0.0


@dataclass(frozen=True, kw_only=True)
class EpisodeRecord:
    """One planned episode and how it ended.

    Attributes:
        agent: name the agent was asked for by.
        agent_fingerprint: short hash of what the agent is.
        protocol: fingerprint of the protocol.
        scenario: the episode.
        outcome: ``"success"``, ``"failure"`` (the agent did not do it) or ``"error"`` (something broke; the agent may have been able).
        kind: None for a success. Failures: ``step_limit``, ``motion_failure:<reason>``, ``invalid_action:<reason>``,
            ``agent_stopped:<reason>``, ``truncated`` (the environment gave up). Errors: ``agent_error``, ``planner_error``,
            ``environment_error``.
        message: text of the error or refusal behind ``kind``, or None.
        instruction: the task in words, or None when the reset failed.
        steps: decisions of the agent that were carried out. A keypose the protocol tries again counts once, however many tries it took.
        control_steps: control steps of 0.05 s simulated, those of every try included.
        episode_return: sum of rewards, those of every try included.
        motion_failures: steps whose motion could not be planned, by the last of their tries.
        path: the 2D path that was proposed, as JSON, or None when there was none.
        path_error: why the path planner had no path although it was asked, or None.
        draws: what each variation factor did, as JSON by the factor's name (`draws_from_json` reads it), or None where none did anything.
        proposals: everything the path planner was asked for in the episode, as a JSON list of objects with ``step`` (decisions before it),
            ``path``, ``error`` and ``record`` (what the planner says of it: raw answer, verdict, cost); None without a planner.
        timings: where the time went.
        versions: versions of the programs that made the record, by name; under ``renderer`` what drew the images, if any were drawn.
    """

    agent: str
    agent_fingerprint: str
    protocol: str
    scenario: Scenario
    outcome: Outcome
    kind: str | None = None
    message: str | None = None
    instruction: str | None = None
    steps: int = 0
    control_steps: int = 0
    episode_return: float = 0.0
    motion_failures: int = 0
    path: str | None = None
    path_error: str | None = None
    draws: str | None = None
    proposals: str | None = None
    timings: Timings = field(default_factory=Timings)
    versions: dict[str, str] = field(default_factory=dict)


def versions() -> dict[str, str]:
    """Versions of Python, this package and the packages that outcomes depend on; those not installed are left out."""
    found = {"hamster_bench": __version__, "python": platform.python_version()}
    for package in ("mujoco", "gymnasium", "numpy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return dict(sorted(found.items()))
