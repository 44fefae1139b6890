"""A tiny environment and agents made of functions, so that each test states only its oddity.

The task: a number drawn from the scenario has to be walked to 0 by steps of at most 1. Run as a program, this module plays a plan over it
and prints a line for every record.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext
from hamster_bench.errors import ActionShapeError
from hamster_bench.evaluation.environment import Requirements
from hamster_bench.evaluation.plan import PlannedEpisode, make_plan
from hamster_bench.evaluation.protocol import Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.runner import run
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.scenario import Scenario

TASKS = ("walk_left", "walk_right")


class ScriptedEnvironment(gymnasium.Env[Any, Any]):
    """The walk, by one number or the first of nine.

    ``on_reset(env, scenario)`` and ``on_step(env, action)`` are called first and may raise or change ``info``.
    """

    observation_space = spaces.Dict(
        {
            "front_rgb": spaces.Box(0, 255, (8, 8, 3), np.uint8),
            "front_intrinsics": spaces.Box(-np.inf, np.inf, (3, 3)),
            "front_extrinsics": spaces.Box(-np.inf, np.inf, (4, 4)),
            "gripper_pose": spaces.Box(-np.inf, np.inf, (7,)),
            "gripper_open": spaces.Box(0, 1, (1,)),
            "position": spaces.Box(-np.inf, np.inf, (1,)),
        }
    )
    action_space = spaces.Box(-1, 1, (1,))

    def __init__(
        self,
        on_reset: Callable[[ScriptedEnvironment, Scenario], None] = lambda env, scenario: None,
        on_step: Callable[[ScriptedEnvironment, Any], None] = lambda env, action: None,
    ) -> None:
        self._on_reset, self._on_step = on_reset, on_step
        self.oracle = "the oracle"
        self.closed = False
        self.info: dict[str, Any] = {}
        self.reward = 0.0
        self.ended = (False, False)
        self.position = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        assert options is not None
        scenario: Scenario = options["scenario"]
        self.position = float(scenario.rng("layout").uniform(1.0, 12.0)) + scenario.variation
        self.reward, self.ended = 0.0, (False, False)
        self.info = {
            "is_success": False,
            "instruction": f"walk to 0 in {scenario.task}",
            "scenario": scenario.id,
            "control_steps": 0,
            "failure": None,
        }
        self._on_reset(self, scenario)
        return self._observation(), dict(self.info)

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        move = np.asarray(action, dtype=np.float64)
        if move.shape not in ((1,), (9,)):
            raise ActionShapeError(f"shape {move.shape}")
        self.info |= {"failure": None, "control_steps": 3}
        self._on_step(self, action)
        if self.info["failure"] is None:
            self.position -= float(np.clip(move[0], -1.0, 1.0))
            solved = abs(self.position) < 0.5
            self.info["is_success"] = solved
            self.reward, self.ended = float(solved), (solved, False)
        return self._observation(), self.reward, *self.ended, dict(self.info)

    def close(self) -> None:
        self.closed = True

    def _observation(self) -> dict[str, Any]:
        return {
            "front_rgb": np.zeros((8, 8, 3), np.uint8),
            "front_intrinsics": np.array([[8.0, 0, 4], [0, 8, 4], [0, 0, 1]]),
            "front_extrinsics": np.eye(4),
            "gripper_pose": np.array([0.0, 0, 1, 0, 0, 0, 1]),
            "gripper_open": np.ones(1),
            "position": np.array([self.position]),
        }


@dataclass
class ScriptedAgent:
    """Acts by a function of observation and random stream; the default walks in the right direction with uneven steps."""

    decide: Callable[[Mapping[str, Any], np.random.Generator], Any] = lambda observation, rng: rng.uniform(0.2, 1.0, size=1)
    on_reset: Callable[[EpisodeContext], None] = lambda context: None
    action_mode: ActionMode = "keypose"
    needs: AgentNeeds = field(default_factory=AgentNeeds)
    _rng: Any = None

    def reset(self, context: EpisodeContext) -> None:
        self._rng = context.rng
        self.on_reset(context)

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        action: NDArray[np.float64] = self.decide(observation, self._rng)
        return action


def wander(observation: Mapping[str, Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Steps in random directions."""
    return rng.uniform(-0.6, 1.0, size=1)


def fail_sometimes(observation: Mapping[str, Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Walks on until, now and then, it breaks."""
    if rng.random() < 0.05:
        raise ValueError("a scripted fault")
    return rng.uniform(0.2, 1.0, size=1)


def agents() -> dict[str, ScriptedAgent]:
    """Three agents whose outcomes differ."""
    return {"walker": ScriptedAgent(), "wanderer": ScriptedAgent(wander), "breaker": ScriptedAgent(fail_sometimes)}


def scripted_plan(episodes: int = 10, names: tuple[str, ...] = ("walker", "wanderer", "breaker")) -> tuple[PlannedEpisode, ...]:
    return make_plan(agents=names, tasks=TASKS, episodes=episodes, variation_count=lambda task: 4)


def make_scripted(required: Requirements, protocol: Protocol) -> ScriptedEnvironment:
    return ScriptedEnvironment()


class AnnouncingStore(ResultStore):
    """Prints a line as soon as a record is stored; after ``most`` of them it waits to be killed."""

    most = -1

    def add(self, run: int, record: EpisodeRecord) -> None:
        super().add(run, record)
        print("recorded", flush=True)
        self.most -= 1
        if self.most == 0:
            signal.pause()


if __name__ == "__main__":
    with AnnouncingStore.for_writing(sys.argv[1]) as store:
        assert isinstance(store, AnnouncingStore)
        store.most = int(sys.argv[3])
        print("writing", os.getpid(), flush=True)
        run(scripted_plan(int(sys.argv[2])), store, make_protocol("hamster"), agents(), make_environment=make_scripted)
