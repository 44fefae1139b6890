"""Plays recorded keyposes on an engine that stands in the recorded layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.layout import SceneLayout
from hamster_bench.errors import InvalidActionError, PlacementError
from hamster_bench.evaluation.crosscheck.recordings import Recording
from hamster_bench.evaluation.environment import Environment
from hamster_bench.scenario import Scenario

# Waypoints belong to the scripted solution, which is not replayed, and engines keep them in their own ways.
_WAYPOINT = "waypoint"


@dataclass(frozen=True)
class FirstFrame:
    """What the front camera shows after the reset.

    Attributes:
        rgb: (h, w, 3) uint8.
        depth: (h, w) float64 [m], planar.
        is_robot: (h, w) bool, pixels of the robot.
        is_room: (h, w) bool, pixels of the room, the table included.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float64]
    is_robot: NDArray[np.bool_]
    is_room: NDArray[np.bool_]


@dataclass(frozen=True)
class Replay:
    """One variant of a recording, played here.

    Attributes:
        variant: its name.
        success: whether the task was solved after any action.
        actions: keyposes sent, up to success.
        refusals: those that were not carried out, with the reason: ``2:outside_workspace``.
    """

    variant: str
    success: bool
    actions: int
    refusals: tuple[str, ...] = ()


class LayoutRefusedError(PlacementError):
    """The engine cannot start an episode from a recorded layout."""


def recorded_layout(env: Environment, recording: Recording) -> tuple[Scenario, SceneLayout]:
    """The scenario of a recording's variation, and the recorded places of everything that engine and recording both know.

    Objects that moved neither here nor there are left where they are stored.
    """
    scenario = Scenario(task=recording.task, variation=recording.variation, episode=recording.episode)
    _, info = env.reset(options={"scenario": scenario})
    known = info["layout"]["object_poses"]
    names = [name for name in known if name in recording.object_poses and not name.startswith(_WAYPOINT)]
    poses = {name: tuple(recording.object_poses[name].tolist()) for name in names}
    return scenario, SceneLayout(tuple(recording.base_pose.tolist()), poses)


def start(env: Environment, recording: Recording) -> FirstFrame:
    """Puts the engine into the recorded layout and takes the first picture; the environment observes with the front camera alone.

    Raises:
        LayoutRefusedError: no episode can start there.
    """
    scenario, layout = recorded_layout(env, recording)
    try:
        observation, _ = env.reset(options={"scenario": scenario, "layout": layout})
    except PlacementError as error:
        raise LayoutRefusedError(str(error)) from error
    base: Any = env.unwrapped
    robot = [number for number, name in base.segment_names().items() if name.startswith("panda_")]
    segmentation = observation["front_segmentation"]
    return FirstFrame(
        rgb=observation["front_rgb"],
        depth=observation["front_depth"].astype(np.float64),
        is_robot=np.isin(segmentation, robot),
        is_room=segmentation == 0,
    )


def replay(env: Environment, recording: Recording, variant: str) -> Replay:
    """Sends the keyposes of a variant; as in the original's replays, a refused one is left out and the rest is sent all the same.

    Raises:
        LayoutRefusedError: no episode can start from the recorded layout.
    """
    scenario, layout = recorded_layout(env, recording)
    try:
        env.reset(options={"scenario": scenario, "layout": layout})
    except PlacementError as error:
        raise LayoutRefusedError(str(error)) from error
    refusals = []
    keyposes = recording.keyposes(variant)
    for number, keypose in enumerate(keyposes):
        try:
            _, _, terminated, _, info = env.step(keypose)
        except InvalidActionError as refusal:
            refusals.append(f"{number}:{refusal.reason}")
            continue
        if info["failure"] is not None:
            refusals.append(f"{number}:{info['failure']}")
        if terminated:
            return Replay(variant, bool(info["is_success"]), number + 1, tuple(refusals))
    return Replay(variant, False, len(keyposes), tuple(refusals))
