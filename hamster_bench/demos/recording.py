"""Watching an expert: which frames of an episode become a demonstration, and what is kept of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import EpisodeContext
from hamster_bench.demos.demo import STEP_ARRAYS, CameraImages, Demo, Steps
from hamster_bench.demos.keyframes import KEYFRAME_RULES, Motion
from hamster_bench.errors import PathError
from hamster_bench.geometry import Camera
from hamster_bench.paths import Path2D
from hamster_bench.planners.contract import PlannerContext
from hamster_bench.planners.oracle import OraclePlanner
from hamster_bench.scenario import Scenario


class Expert(Protocol):
    """An agent of the action mode ``joint_position`` that tells what it is doing; see `ExpertAgent` of the scripted baselines.

    Attributes:
        on_path: whether the action given last follows a Cartesian path waypoint.
        ignoring_collisions: whether the action given last belongs to a motion planned without collision checks.
        waiting: whether the action given last holds the arm still.
        finished: whether all waypoints are behind it and it only holds still.
    """

    on_path: bool
    ignoring_collisions: bool
    waiting: bool
    finished: bool

    def reset(self, context: EpisodeContext) -> None:
        """Prepares for a new episode."""
        ...

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next ``joint_position`` action (8,).

        Raises:
            AgentStopped: it has nothing left to do.
        """
        ...


class Frame(NamedTuple):
    """One frame of a demonstration.

    Attributes:
        control_step: number of control steps since the start.
        observation: what is seen.
        action: (8,) taken here; at the last frame the one that led there.
        on_path: whether the motion that led here follows a Cartesian path waypoint.
        ignore_collisions: whether it was planned without collision checks.
    """

    control_step: int
    observation: Mapping[str, Any]
    action: NDArray[np.float64]
    on_path: bool
    ignore_collisions: bool


def follow(
    expert: Expert, observation: Mapping[str, Any], step: Callable[[NDArray[np.float64]], tuple[Mapping[str, Any], bool]]
) -> list[Frame]:
    """The frames of a demonstration.

    As in RLBench, every waypoint is executed, also when the task is solved on the way, and frames in which the arm only waits, above all
    for the fingers, are left out.

    Args:
        expert: reset for this episode.
        observation: of the start.
        step: takes an action and gives what is seen then, and whether the task is solved.

    Raises:
        AgentStopped: the expert finds no motion to a waypoint (``planning:<reason>``), or the task is not solved after all of them
            (``waypoints_done``).
    """
    frames: list[Frame] = []
    solved = False
    control_step = 0
    action = np.zeros(8)
    while not (solved and expert.finished):
        # The action that led here decides which motion the frame belongs to.
        waited, on_path, ignoring = expert.waiting, expert.on_path, expert.ignoring_collisions
        action = expert.act(observation)
        if not (waited and expert.waiting):
            frames.append(Frame(control_step, observation, action, on_path, ignoring))
        observation, solved_now = step(action)
        solved = solved_now or solved
        control_step += 1
    frames.append(Frame(control_step, observation, action, expert.on_path, expert.ignoring_collisions))
    return frames


def steps_of(frames: Sequence[Frame]) -> Steps:
    """What frames hold besides images."""
    columns: dict[str, list[Any]] = {
        "control_step": [frame.control_step for frame in frames],
        "gripper_open": [frame.observation["gripper_open"][0] > 0.5 for frame in frames],
        "actions": [frame.action for frame in frames],
        "on_path": [frame.on_path for frame in frames],
        "ignore_collisions": [frame.ignore_collisions for frame in frames],
    }
    for name in ("joint_positions", "joint_velocities", "gripper_pose"):
        columns[name] = [frame.observation[name] for frame in frames]
    return Steps(**{name: np.array(columns[name], dtype=kind) for name, (kind, _) in STEP_ARRAYS.items()})


def motion_of(steps: Steps) -> Motion:
    """What the keyframe rules look at."""
    return Motion(steps.gripper_open, steps.joint_velocities, steps.gripper_pose[:, :3], steps.on_path)


def record(
    env: gymnasium.Env[Any, Any],
    expert: Expert,
    scenario: Scenario,
    *,
    cameras: Sequence[str],
    every_image: bool = True,
    versions: Mapping[str, str],
) -> Demo:
    """Plays a scenario with the expert.

    Args:
        env: of the scenario's task, observing these cameras, action mode ``joint_position``.
        expert: the one to watch.
        scenario: the episode.
        cameras: whose images are kept.
        every_image: keep those of all frames; otherwise of the first one and of all keyframes.
        versions: of what makes the demonstration.

    Raises:
        AgentStopped: the expert does not solve it; see `follow`.
        PlacementError: the scenario has no valid layout.
        SimulatorFaultError: the physics broke down.
    """
    observation, info = env.reset(options={"scenario": scenario})
    oracle = env.unwrapped.oracle  # type: ignore[attr-defined]
    paths = {}
    for camera in cameras:
        if (path := _oracle_path(oracle, scenario, observation, info["instruction"], camera)) is not None:
            paths[camera] = path
    expert.reset(EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=oracle))

    def step(action: NDArray[np.float64]) -> tuple[Mapping[str, Any], bool]:
        seen, _, _, _, told = env.step(action)
        return seen, bool(told["is_success"])

    frames = follow(expert, observation, step)
    steps = steps_of(frames)
    keyframes = {rule: KEYFRAME_RULES.get(rule)(motion_of(steps)).astype(np.int64) for rule in KEYFRAME_RULES.names()}
    chosen = range(len(frames)) if every_image else np.unique(np.concatenate([[0], *keyframes.values()])).tolist()
    return Demo(
        scenario=scenario,
        instruction=info["instruction"],
        instructions=tuple(info["instructions"]),
        steps=steps,
        images={camera: _images(frames, list(chosen), camera) for camera in cameras},
        keyframes=keyframes,
        paths=paths,
        versions=versions,
    )


def _images(frames: Sequence[Frame], chosen: Sequence[int], camera: str) -> CameraImages:
    def column(name: str, kind: type[np.generic]) -> NDArray[Any]:
        return np.array([frames[index].observation[f"{camera}_{name}"] for index in chosen], dtype=kind)

    return CameraImages(
        frames=np.array(chosen, dtype=np.int64),
        rgb=column("rgb", np.uint8),
        depth=column("depth", np.float32),
        intrinsics=column("intrinsics", np.float64),
        extrinsics=column("extrinsics", np.float64),
    )


def _oracle_path(oracle: Any, scenario: Scenario, observation: Mapping[str, Any], instruction: str, camera: str) -> Path2D | None:
    """The expert's motion in the first image of a camera, or None where the camera sees nothing of it."""
    rgb = observation[f"{camera}_rgb"]
    context = PlannerContext(
        scenario=scenario,
        rng=scenario.rng("planner"),
        camera=Camera(
            width=rgb.shape[1],
            height=rgb.shape[0],
            intrinsics=np.array(observation[f"{camera}_intrinsics"]),
            T_world_camera=np.array(observation[f"{camera}_extrinsics"]),
        ),
        gripper_pose=np.array(observation["gripper_pose"]),
        gripper_open=bool(observation["gripper_open"][0] > 0.5),
        oracle=oracle,
    )
    try:
        return OraclePlanner().propose(rgb, instruction, context)
    except PathError:
        return None
