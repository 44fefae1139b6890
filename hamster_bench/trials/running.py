"""One trial, from the scene card to a closed folder."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from hamster_bench.agent import Agent
from hamster_bench.envs.franka.operator import SceneCard
from hamster_bench.evaluation.environment import Environment, requirements, with_path
from hamster_bench.evaluation.episode import contestant, run_episode
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.scenario import Scenario
from hamster_bench.trials.book import TrialBook, seal_folder
from hamster_bench.trials.plan import Scene, TrialError
from hamster_bench.trials.schedule import PlannedTrial

# Makes the base environment of a trial: name of the task, action mode, cameras, folder for its log.
MakeTrialEnvironment = Callable[[str, str, tuple[str, ...], Path], Environment]


class CarriedOut(NamedTuple):
    """A trial that has been carried out: its folder, and what happened apart from what people say of it."""

    folder: Path
    record: EpisodeRecord


def run_trial(
    book: TrialBook, trial: PlannedTrial, agents: Mapping[str, Agent], make: MakeTrialEnvironment, *, rehearsal: bool = False
) -> CarriedOut:
    """Carries a trial out under its code, and closes its folder, whatever happens.

    Args:
        book: of the evaluation.
        trial: which one.
        agents: by name; which of them acts only the program knows.
        make: makes the environment.
        rehearsal: nothing moves; the book does not count the try.

    Raises:
        TrialError: a policy of the plan is missing.
    """
    codes = book.codes_for_running()
    name = codes[trial.code]
    if name not in agents:
        raise TrialError("a policy of the plan has not been loaded")
    plan, scene = book.plan, book.plan.scene(trial.scene)
    folder = book.new_rehearsal() if rehearsal else book.new_try(trial.id)
    if not rehearsal:
        book.note("begun", trial=trial.id, folder=folder.name)
    required = requirements(agents[name], scene.task, plan.protocol)
    cameras = required.cameras or (plan.camera,)
    base = make(scene.task, required.action_mode, cameras, folder)
    env: Environment = _InScene(base, scene, folder, plan.time_limit)
    try:
        env = with_path(env, required, plan.protocol)
        player = contestant(name, agents[name])
        # Until the codes are opened the folder says nothing of the policy but its code and its hashes.
        record = run_episode(env, player._replace(name=trial.code), plan.scenario(scene), plan.protocol)
    finally:
        env.close()
    _write(folder / "record.json", record)
    described = {
        "trial": trial.id,
        "code": trial.code,
        "scene": scene.id,
        "instruction": scene.instruction,
        "rubric": plan.rubrics[scene.task].id,
        "plan": plan.digest,
        "versions": record.versions,
        "ended": time.time(),
    }
    (folder / "meta.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
    seal_folder(folder)
    if not rehearsal:
        book.note("ended", trial=trial.id, folder=folder.name, steps=record.steps, kind_of_end=record.kind)
    return CarriedOut(folder, record)


def read_record(folder: Path) -> EpisodeRecord:
    """The record of a closed trial folder, still under its code."""
    values: dict[str, Any] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    from hamster_bench.evaluation.record import HostLoad, Timings

    values["scenario"] = Scenario.from_id(values["scenario"])
    values["host"] = HostLoad(*values["host"])
    values["timings"] = Timings(**values["timings"])
    return EpisodeRecord(**values)


def _write(file: Path, record: EpisodeRecord) -> None:
    values = dataclasses.asdict(record) | {"scenario": record.scenario.id, "host": list(record.host)}
    file.write_text(json.dumps(values, indent=1), encoding="utf-8")


class _InScene(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives every reset the scene's card and instruction, ends a trial at its time limit, and keeps pictures of every step."""

    def __init__(self, env: Environment, scene: Scene, folder: Path, time_limit: float) -> None:
        super().__init__(env)
        self._scene, self._folder, self._limit = scene, folder, time_limit
        self._ends = np.inf
        self._pictures = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        from PIL import Image

        scene = self._scene
        reference = None if scene.reference is None else np.asarray(Image.open(scene.reference).convert("RGB"))
        card = SceneCard(scene.instruction, scene.id, scene.objects, reference, None, None)
        extra = {"instruction": scene.instruction, "card": card, "object_mass": scene.object_mass}
        observation, info = self.env.reset(seed=seed, options=(options or {}) | extra)
        self._ends = time.monotonic() + self._limit
        self._keep(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._keep(observation)
        return observation, reward, terminated, truncated or time.monotonic() > self._ends, info

    def _keep(self, observation: Mapping[str, Any]) -> None:
        pictures = {
            key: value for key, value in observation.items() if key.endswith(("_rgb", "_depth", "_intrinsics", "_extrinsics"))
        }
        np.savez_compressed(self._folder / f"step_{self._pictures:03d}.npz", **pictures)
        self._pictures += 1
