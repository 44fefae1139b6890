"""The environment an agent meets under a protocol: base environment, and the path in the form the agent takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, Agent, PathForm
from hamster_bench.envs.registration import NAMESPACE
from hamster_bench.envs.stopwatch import Stopwatch
from hamster_bench.envs.wrappers import PathChannels, PathOverlay, PathPoints
from hamster_bench.errors import AgentUnavailableError, HamsterBenchError, MissingDependencyError
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.paths import Path2D
from hamster_bench.planners import PathPlanner, PlannerContext, Proposal, make_planner

Environment = gymnasium.Env[Any, Any]

# Errors that are no property of an episode: the run stops, and the message says what to install, to start, or that memory ran out.
PASS_THROUGH: tuple[type[Exception], ...] = (MemoryError, MissingDependencyError, AgentUnavailableError)


class Requirements(NamedTuple):
    """What distinguishes one environment of a run from another; agents with equal requirements share one.

    Attributes:
        task: name of the task.
        action_mode: of the agent.
        cameras: that are rendered.
        path: form in which the path comes.
    """

    task: str
    action_mode: ActionMode
    cameras: tuple[str, ...]
    path: PathForm


MakeEnvironment = Callable[[Requirements, Protocol], Environment]


class PlannerFaultError(HamsterBenchError):
    """A path planner broke, or gave something that is no path."""


def requirements(agent: Agent, task: str, protocol: Protocol) -> Requirements:
    """What the environment of a task must be like for an agent."""
    needs = agent.needs
    wanted = set(needs.cameras)
    if needs.path != "none":
        wanted.add(path_camera(protocol))
    cameras = tuple(camera for camera in protocol.cameras if camera in wanted)
    return Requirements(task, agent.action_mode, cameras, needs.path)


def path_camera(protocol: Protocol) -> str:
    """Name of the camera in whose image 2D paths live."""
    return protocol.cameras[0]


def make_environment(required: Requirements, protocol: Protocol, **options: Any) -> Environment:
    """The base environment, without path: the default way in which a run makes its environments.

    Args:
        required: what it must be like.
        protocol: the rules.
        options: further options of the engine, or replacements.

    Raises:
        HamsterBenchError: unknown task, engine, camera or option.
        RenderingUnavailableError: images are wanted and cannot be drawn on this machine.
    """
    settings: dict[str, Any] = {
        "engine": protocol.engine,
        "cameras": required.cameras,
        "image_size": protocol.image_size,
        "action_mode": required.action_mode,
        "grasp": protocol.grasp,
    }
    # Only where asked for, since an engine need not know what factors are.
    if protocol.compat:
        settings["compat"] = protocol.compat
    for name, folder in (("textures", protocol.textures), ("distractors", protocol.distractors)):
        if folder is not None:
            settings[name] = folder.path
    # Gymnasium's passive checker compares every observation with the space; tests do that, a run need not.
    return gymnasium.make(
        f"{NAMESPACE}/{required.task}-v{protocol.environment_version}", disable_env_checker=True, **(settings | options)
    )


_PATH_WRAPPERS: dict[PathForm, Callable[..., Environment]] = {
    "points": PathPoints,
    "overlay": PathOverlay,
    "channels": PathChannels,
}


def with_path(env: Environment, required: Requirements, protocol: Protocol) -> Environment:
    """The environment with the path in the required form, proposed by the protocol's planner."""
    if required.path == "none":
        return env
    planner = _Guarded(make_planner(protocol.path_planner))
    wrapper = _PATH_WRAPPERS[required.path]
    return Planned(wrapper(env, planner=planner, camera=path_camera(protocol), refresh=protocol.path_refresh), planner.asking)


class Planned(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment with a path.

    Attributes:
        planning: how long its path planner has taken.
    """

    def __init__(self, env: Environment, planning: Stopwatch) -> None:
        super().__init__(env)
        self.planning = planning


class _Guarded:
    """A planner whose faults, of whatever class, are marked as its own and not the environment's."""

    def __init__(self, planner: PathPlanner) -> None:
        self._planner = planner
        self.privileged = planner.privileged
        self.asking = Stopwatch()

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D | Proposal | None:
        try:
            with self.asking.running():
                answer = self._planner.propose(image_rgb, instruction, context)
        except (HamsterBenchError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise PlannerFaultError(f"{type(error).__name__}: {error}") from error
        path = answer.path if isinstance(answer, Proposal) else answer
        if path is not None and not isinstance(path, Path2D):
            raise PlannerFaultError(f"a planner proposes a Path2D, a Proposal or None, got {type(path).__name__}")
        return answer
