"""The plan of an evaluation on a robot: policies, scenes and rules, fixed before the first trial."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamster_bench.errors import HamsterBenchError, UnknownNameError
from hamster_bench.evaluation.protocol import Protocol, StepCaps
from hamster_bench.scenario import Scenario
from hamster_bench.trials.rubric import Rubric, axes, make_rubric, rubrics

VERSION = 1
_KEYS = (
    "version",
    "name",
    "seed",
    "agents",
    "camera",
    "image_size",
    "max_steps",
    "time_limit",
    "path_planner",
    "rubrics",
    "scenes",
)
_SCENE_KEYS = ("id", "task", "axis", "instruction", "objects", "reference", "object_mass")
_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)


class TrialError(HamsterBenchError):
    """A plan, a label or a folder of trials is not as it must be; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One set-up of objects with its instruction; every policy meets it once.

    Attributes:
        id: what it is called.
        task: family of tasks; its rubric scores the trial.
        axis: what it tests: one of the axes of the rubrics' file.
        instruction: the task in words.
        objects: what belongs where, a line each.
        reference: picture of the scene set up, or None.
        object_mass: of what is grasped [kg], where it is heavy; or None.
        number: of the scene among those of its task and axis, from 0.
    """

    id: str
    task: str
    axis: str
    instruction: str
    objects: tuple[str, ...]
    reference: Path | None
    object_mass: float | None
    number: int


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """A plan.

    Attributes:
        name: of the evaluation.
        seed: of the order and the codes.
        agents: names of the policies.
        camera: camera that paths live in.
        image_size: (height, width) [pixel].
        max_steps: largest number of keyposes in a trial.
        time_limit: of a trial [s].
        path_planner: proposes paths for the policies that take one.
        rubrics: by family.
        scenes: in the order of the file.
        text: canonical JSON of the file, which the digest is of.
    """

    name: str
    seed: int
    agents: tuple[str, ...]
    camera: str
    image_size: tuple[int, int]
    max_steps: int
    time_limit: float
    path_planner: str
    rubrics: dict[str, Rubric]
    scenes: tuple[Scene, ...]
    text: str

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the plan."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def protocol(self) -> Protocol:
        """The rules as they stand with every record."""
        return Protocol(
            name=f"trials:{self.name}",
            engine="franka",
            grasp="friction",
            cameras=(self.camera,),
            image_size=self.image_size,
            max_steps=StepCaps(keypose=self.max_steps),
            on_motion_failure="continue",
            on_invalid_action="end",
            success="last_step",
            path_planner=self.path_planner,
            on_planner_error="continue",
        )

    def scene(self, name: str) -> Scene:
        """The scene of this id.

        Raises:
            UnknownNameError: there is none.
        """
        for scene in self.scenes:
            if scene.id == name:
                return scene
        raise UnknownNameError("scene", name, tuple(scene.id for scene in self.scenes))

    def scenario(self, scene: Scene) -> Scenario:
        """What the scene is called in the result store: the axis in the place of the factor, its number in that of the episode."""
        return Scenario(task=scene.task, factor=scene.axis, episode=scene.number, seed=self.seed)

    @classmethod
    def load(cls, path: str | Path) -> TrialPlan:
        """The plan of a file; paths of pictures are relative to it.

        Raises:
            TrialError: the file cannot be read, or lacks a value or has a wrong one.
            UnknownNameError: an axis or a rubric does not exist.
        """
        file = Path(path)
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrialError(f"the trial plan {file} cannot be read: {error}") from error
        return cls.parse(values, file.parent)

    @classmethod
    def parse(cls, values: object, folder: Path) -> TrialPlan:
        """The plan of parsed JSON; see `load`."""
        checked = _keys("the plan", values, _KEYS)
        if checked["version"] != VERSION:
            raise TrialError(f"the plan has version {checked['version']!r}; this program reads version {VERSION}")
        known = rubrics() | {name: make_rubric(name, entry) for name, entry in dict(checked["rubrics"]).items()}
        agents = tuple(checked["agents"])
        if len(agents) < 1 or len(set(agents)) != len(agents) or not all(isinstance(name, str) and name for name in agents):
            raise TrialError(f"the plan names its policies once each, got {checked['agents']!r}")
        try:
            height, width = (int(edge) for edge in checked["image_size"])
            limits = int(checked["max_steps"]), float(checked["time_limit"]), int(checked["seed"])
        except (TypeError, ValueError) as error:
            raise TrialError(f"image_size is [height, width]; max_steps, time_limit and seed are numbers ({error})") from error
        if min(limits[0], limits[1]) <= 0 or limits[2] < 0:
            raise TrialError("max_steps and time_limit must be above 0 and the seed from 0")
        return cls(
            name=str(checked["name"]),
            seed=limits[2],
            agents=agents,
            camera=str(checked["camera"]),
            image_size=(height, width),
            max_steps=limits[0],
            time_limit=limits[1],
            path_planner=str(checked["path_planner"]),
            rubrics=known,
            scenes=_scenes(checked["scenes"], known, folder),
            text=json.dumps(values, sort_keys=True),
        )


def _scenes(values: object, known: Mapping[str, Rubric], folder: Path) -> tuple[Scene, ...]:
    if not isinstance(values, list) or not values:
        raise TrialError("a plan has at least one scene")
    scenes: list[Scene] = []
    counts: dict[tuple[str, str], int] = {}
    for entry in values:
        scene = _keys("a scene", entry, _SCENE_KEYS)
        task, axis = str(scene["task"]), str(scene["axis"])
        if task not in known:
            raise UnknownNameError("rubric for the task", task, known)
        if axis not in axes():
            raise UnknownNameError("axis", axis, axes())
        if not _NAME.fullmatch(str(scene["id"])) or any(scene["id"] == other.id for other in scenes):
            raise TrialError(f"scenes have ids of lower-case letters, digits and underscores, each once; got {scene['id']!r}")
        if not isinstance(scene["instruction"], str) or not scene["instruction"]:
            raise TrialError(f"scene {scene['id']} has no instruction")
        number = counts[task, axis] = counts.get((task, axis), -1) + 1
        scenes.append(
            Scene(
                id=scene["id"],
                task=task,
                axis=axis,
                instruction=scene["instruction"],
                objects=tuple(str(line) for line in scene["objects"]),
                reference=None if scene["reference"] is None else folder / str(scene["reference"]),
                object_mass=None if scene["object_mass"] is None else float(scene["object_mass"]),
                number=number,
            )
        )
    return tuple(scenes)


def _keys(what: str, values: object, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise TrialError(f"{what} must be an object, got {type(values).__name__}")
    for key in values:
        if key not in known:
            raise UnknownNameError(f"value of {what}", key, known)
    if missing := [key for key in known if key not in values]:
        raise TrialError(f"{what} lacks {', '.join(missing)}; nothing is guessed")
    return dict(values)
