"""What is kept of an episode."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import hamster_bench
from hamster_bench import __version__
from hamster_bench.scenario import Scenario

Outcome = Literal["success", "failure", "error"]
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "error")

# Errors by who or what is to blame. The first four are found out within the episode, the others by what supervises it.
ErrorKind = Literal["agent_error", "planner_error", "environment_error", "simulator_fault", "time_out", "lost_worker", "poisoned"]
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)

# Failures; those with a colon are followed by their reason.
FAILURE_KINDS = ("step_limit", "truncated", "motion_failure:", "invalid_action:", "agent_stopped:")

# Keys of a record's ``versions`` under which the way its images were drawn, and the digest of scenes and meshes, are kept.
RENDERER = "renderer"
ASSETS = "assets"

_ASSET_KINDS = frozenset({".xml", ".obj", ".stl", ".png", ".jpg"})


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
        plan_wall: the part of resets and steps in which the path planner was asked; None in records older than the field.
        plan_cpu: the same, CPU time.
        simulate_wall: the part of steps that is neither path planning nor drawing: motion planning and physics.
        simulate_cpu: the same, CPU time.
        render_wall: the part of resets and steps in which images were drawn.
        render_cpu: the same, CPU time.
    """

    reset_wall: float = 0.0
    reset_cpu: float = 0.0
    act_wall: float = 0.0
    act_cpu: float = 0.0
    step_wall: float = 0.0
    step_cpu: float = 0.0
    plan_wall: float | None = None
    plan_cpu: float | None = None
    simulate_wall: float | None = None
    simulate_cpu: float | None = None
    render_wall: float | None = None
    render_cpu: float | None = None


class HostLoad(NamedTuple):
    """How busy the machine was when an episode began; tells times that mean something from times that do not.

    Attributes:
        load: processes that ran or waited to run, on average over the last minute; None where the system does not tell.
        cpus: number of logical processors.
    """

    load: float | None = None
    cpus: int | None = None

    @classmethod
    def now(cls) -> HostLoad:
        """The load at this moment."""
        try:
            load: float | None = round(os.getloadavg()[0], 2)
        except OSError:
            load = None
        return cls(load, os.cpu_count())


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
            ``agent_stopped:<reason>``, ``truncated`` (the environment gave up). Errors: those of `ErrorKind`: ``agent_error``,
            ``planner_error``, ``environment_error``, ``simulator_fault`` (the physics broke down), ``time_out``, ``lost_worker`` (its
            process or machine went), ``poisoned`` (it took its worker with it every time it was tried).
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
        stage: share of the task's stages that were reached, 0 to 1, 1 for a success; None where the environment tells none. See
            `hamster_bench.envs.stages`.
        stages: for each stage of the task, in order, the number of decisions after which it was reached first, as a JSON list; 0 for a
            stage that the reset had reached already, null for one that was never reached.
        track: way of the gripper tip in the image that the path camera showed at reset, in the text of
            `hamster_bench.evaluation.track`; None where it could not be seen.
        oracle_path: path of the scripted solution in the same image, in the same text; None where there is none.
        checkpoint: fingerprint of the agent's checkpoint, or None for an agent without one.
        attempts: how often the episode was begun, this time included; more than once where a worker was lost.
        host: how busy the machine was.
        timings: where the time went.
        versions: versions of the programs that made the record, by name; under ``renderer`` what drew the images, if any were drawn, and
            under ``assets`` the digest of the scenes and meshes.
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
    stage: float | None = None
    stages: str | None = None
    track: str | None = None
    oracle_path: str | None = None
    checkpoint: str | None = None
    attempts: int = 1
    host: HostLoad = field(default_factory=HostLoad)
    timings: Timings = field(default_factory=Timings)
    versions: dict[str, str] = field(default_factory=dict)


def versions() -> dict[str, str]:
    """Versions of Python, this package, its scenes, and the packages that outcomes depend on; those not installed are left out."""
    found = {"hamster_bench": __version__, "python": platform.python_version(), ASSETS: assets_digest()}
    for package in ("mujoco", "gymnasium", "gymnasium-robotics", "numpy", "torch"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return dict(sorted(found.items()))


@functools.cache
def assets_digest() -> str:
    """12 hexadecimal digits of the SHA-256 of the names and contents of all scenes, meshes and textures of this package."""
    folder = Path(hamster_bench.__file__).parent / "envs"
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.suffix in _ASSET_KINDS):
        digest.update(f"{file.relative_to(folder).as_posix()}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
