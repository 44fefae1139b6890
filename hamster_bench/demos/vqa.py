"""Questions about pictures and their answers, for training path planners: exporting them and reading them back.

Every simulated episode gives one picture, the first of the front camera, and as many questions as its task has phrasings; the answer
to all of them is the scripted expert's path in the planner's grammar. Records have the form that the training scripts of LLaVA and
VILA read: a JSON list of conversations, with the picture's file beside them.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench import __version__
from hamster_bench.envs.factors import FACTORS
from hamster_bench.envs.factors.episode import check_defined
from hamster_bench.envs.registration import VERSION, environment_id
from hamster_bench.envs.tasks import TASKS
from hamster_bench.envs.wrappers import PathPoints
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, PathError, PlacementError, StoreError, UnknownNameError
from hamster_bench.files import write_whole
from hamster_bench.paths import Path2D, parse_answer, write_answer
from hamster_bench.planners.prompts import hamster_prompt
from hamster_bench.scenario import CONTROL_FACTOR, VARIATION_FACTORS, Scenario

VARIATIONS = ("zero", "drawn")
# Evaluations count their base seeds from 0: data from here on do not give away what they ask.
DEFAULT_SEED = 1000

_FORMAT = "hamster_bench.vqa/1"
_CAMERA = "front"
_SETTINGS_FILE = "dataset.json"
_CARD_FILE = "README.md"
_SHARDS, _IMAGES, _SKIPPED = "shards", "images", "skipped"
# What a killed export has to do again at most: some five seconds of work.
_SHARD_SIZE = 100
_IMAGE_TOKEN = "<image>\n"


@dataclass(frozen=True, kw_only=True)
class VqaSettings:
    """What every record of an export has in common; a directory holds one kind.

    Attributes:
        seed: base seed of the scenarios.
        variations: ``"drawn"``: an RLBench variation for every episode; ``"zero"``: variation 0 except under factors that draw it.
        image_size: edge of the pictures [pixel].
        digits: decimals of the answers' coordinates; HAMSTER's examples have 2.
        engine: name of the simulator.
    """

    seed: int = DEFAULT_SEED
    variations: str = "drawn"
    image_size: int = 256
    digits: int = 2
    engine: str = "mujoco"

    def __post_init__(self) -> None:
        if self.variations not in VARIATIONS:
            raise UnknownNameError("choice of variations", self.variations, VARIATIONS)
        if isinstance(self.digits, bool) or not isinstance(self.digits, int) or not 1 <= self.digits <= 6:
            raise InvalidOptionError(f"digits must be a whole number from 1 to 6, got {self.digits!r}")


class ExportSummary(NamedTuple):
    """What a directory holds after an export.

    Attributes:
        episodes: pictures.
        tuples: questions with answers.
        skipped: episodes without a picture or a path.
        new_tuples: how many of the tuples this export has made.
    """

    episodes: int
    tuples: int
    skipped: int
    new_tuples: int


class Shard(NamedTuple):
    """Consecutive episodes of one task under one factor, exported together."""

    task: str
    factor: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """Also the name of its files."""
        return f"{self.task}-{self.factor}-e{self.first}-e{self.last}"

    @classmethod
    def from_name(cls, name: str) -> Shard:
        """The shard that has this name."""
        task, factor, first, last = name.split("-")
        return cls(task, factor, int(first[1:]), int(last[1:]))


class VqaExample(NamedTuple):
    """One picture with its questions.

    Attributes:
        scenario: the episode.
        image: the picture's file.
        instructions: all phrasings.
        path: the answer.
    """

    scenario: Scenario
    image: Path
    instructions: tuple[str, ...]
    path: Path2D


def export_vqa(
    directory: Path,
    *,
    tasks: Sequence[str],
    episodes: int,
    factors: Sequence[str] = (CONTROL_FACTOR,),
    skip_undefined: bool = False,
    settings: VqaSettings | None = None,
    workers: int = 1,
    shard_size: int = _SHARD_SIZE,
    report: Callable[[Shard, int], None] = lambda shard, tuples: None,
) -> ExportSummary:
    """Exports what a directory lacks; given again after an interruption, or with more episodes, tasks or factors, it does the rest.

    A shard's list appears in one moment and after its pictures, so whatever ends the process, no list names a picture that is not
    there. The records depend on scenario and settings alone, not on the number of workers or on what was exported before.

    Args:
        directory: where to; made if need be.
        tasks: names.
        episodes: for each task and factor.
        factors: names.
        skip_undefined: leave cells out in which a factor is not defined for a task, instead of refusing them.
        settings: what all records have in common.
        workers: processes.
        shard_size: episodes in a shard; what a killed export has to do again at most.
        report: called with each shard as it is finished and the number of its tuples.

    Raises:
        UnknownNameError: a task or factor does not exist.
        UndefinedCellError: a factor is not defined for a task.
        InvalidOptionError: a number is out of range.
        StoreError: the directory holds an export with other settings, something else, or cannot be written.
    """
    settings = settings or VqaSettings()
    cells = [(task, factor) for task in tasks for factor in factors if _is_cell(task, factor, skip_undefined)]
    for name, value in (("episodes", episodes), ("workers", workers), ("shard_size", shard_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidOptionError(f"{name} must be a whole number from 1, got {value!r}")
    try:
        _claim(directory, settings)
        missing = _missing(directory, cells, episodes, shard_size)
        new = 0
        for shard, tuples in _exported(directory, missing, settings, workers):
            new += tuples
            report(shard, tuples)
        return _write_card(directory, settings, new)
    except OSError as error:
        raise StoreError(f"{directory} cannot be written: {error.strerror or error}") from error


def read_vqa(directory: Path) -> Iterator[VqaExample]:
    """The exported examples, shard by shard in the order of their names.

    Raises:
        StoreError: the directory holds no export, or a damaged one.
    """
    _settings_of(directory)
    for shard in _finished(directory):
        file = directory / _SHARDS / f"{shard.name}.json"
        try:
            records = json.loads(file.read_text(encoding="utf-8"))
            grouped: dict[str, list[Mapping[str, Any]]] = {}
            for record in records:
                grouped.setdefault(record["scenario"], []).append(record)
            for scenario, group in grouped.items():
                yield VqaExample(
                    Scenario.from_id(scenario),
                    directory / group[0]["image"],
                    tuple(record["instruction"] for record in group),
                    _exact_path(group[0]["conversations"][1]["value"]),
                )
        except (OSError, ValueError, KeyError, TypeError, IndexError, HamsterBenchError) as error:
            raise StoreError(f"{file} is damaged ({error}); remove it and export again") from error


def _exact_path(answer: str) -> Path2D:
    """What an answer says that needs no forgiving: it was written by a program."""
    parsed = parse_answer(answer)
    if parsed.repairs:
        raise PathError(f"an answer has {', '.join(parsed.repairs)}: {answer[:80]!r}")
    return parsed.path


def _is_cell(task: str, factor: str, skip_undefined: bool) -> bool:
    if not skip_undefined:
        check_defined(TASKS.get(task), factor)
    return FACTORS.get(factor).is_defined(TASKS.get(task))


def _claim(directory: Path, settings: VqaSettings) -> None:
    file = directory / _SETTINGS_FILE
    asked = _described(settings)
    if file.exists():
        held = _settings_of(directory)
        differing = [f"{key} {held.get(key)!r} instead of {value!r}" for key, value in asked.items() if held.get(key) != value]
        if differing:
            raise StoreError(f"{directory} holds an export with {', '.join(differing)}; choose another directory")
        return
    if directory.exists() and any(directory.iterdir()):
        raise StoreError(f"{directory} is not empty and holds no export; choose another directory")
    for name in (_SHARDS, _IMAGES, _SKIPPED):
        (directory / name).mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(asked, indent=2) + "\n")


def _described(settings: VqaSettings) -> dict[str, Any]:
    return {"format": _FORMAT, "environment_version": VERSION, "camera": _CAMERA} | asdict(settings)


def _settings_of(directory: Path) -> dict[str, Any]:
    file = directory / _SETTINGS_FILE
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{directory} holds no export of 'hamster-bench export vqa': {error}") from error
    if not isinstance(held, dict) or held.get("format") != _FORMAT:
        raise StoreError(f"{file} does not describe an export of 'hamster-bench export vqa' ({_FORMAT})")
    return held


def _finished(directory: Path) -> list[Shard]:
    """The shards that are complete, by task, factor and episode."""
    found = []
    for file in (directory / _SHARDS).glob("*.json"):
        with contextlib.suppress(ValueError):
            found.append(Shard.from_name(file.stem))
    return sorted(found)


def _missing(directory: Path, cells: Sequence[tuple[str, str]], episodes: int, size: int) -> list[Shard]:
    """Shards for the episodes that no finished one holds."""
    done: dict[tuple[str, str], set[int]] = {}
    for shard in _finished(directory):
        done.setdefault((shard.task, shard.factor), set()).update(range(shard.first, shard.last + 1))
    shards = []
    for task, factor in cells:
        held = done.get((task, factor), set())
        first = 0
        for episode in range(episodes + 1):
            if episode == episodes or episode in held or episode - first == size:
                if episode > first:
                    shards.append(Shard(task, factor, first, episode - 1))
                first = episode + 1 if episode in held else episode
    return shards


def _exported(directory: Path, shards: Sequence[Shard], settings: VqaSettings, workers: int) -> Iterator[tuple[Shard, int]]:
    """Exports shards; gives each with the number of its tuples as it is finished."""
    if workers == 1:
        for shard in shards:
            yield shard, _export_shard(directory, shard, settings)
        return
    # A forked process would share the graphics context of this one.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        running: dict[Future[int], Shard] = {pool.submit(_export_shard, directory, shard, settings): shard for shard in shards}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _export_shard(directory: Path, shard: Shard, settings: VqaSettings) -> int:
    """Writes the pictures of a shard, then its list; gives the number of tuples."""
    from PIL import Image

    records: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    folder = Path(_IMAGES, shard.name)
    (directory / folder).mkdir(parents=True, exist_ok=True)
    with contextlib.closing(_environment(shard.task, settings)) as env:
        for episode in range(shard.first, shard.last + 1):
            scenario = _scenario(shard, episode, settings)
            try:
                observation, info = env.reset(options={"scenario": scenario})
                answer = _answer(info, settings)
            except (PlacementError, PathError) as error:
                skipped.append({"scenario": scenario.id, "reason": f"{type(error).__name__}: {error}"})
                continue
            image = folder / f"{scenario.id}.png"
            rgb: NDArray[np.uint8] = observation[f"{_CAMERA}_rgb"]
            Image.fromarray(rgb).save(directory / image, format="PNG")
            records += (
                _record(scenario, image, instruction, answer, number) for number, instruction in enumerate(info["instructions"])
            )
    if skipped:
        write_whole(directory / _SKIPPED / f"{shard.name}.json", json.dumps(skipped, indent=1))
    write_whole(directory / _SHARDS / f"{shard.name}.json", json.dumps(records, indent=1))
    return len(records)


def _environment(task: str, settings: VqaSettings) -> gymnasium.Env[Any, Any]:
    options: dict[str, Any] = {"engine": settings.engine, "cameras": (_CAMERA,), "image_size": settings.image_size}
    # The checker compares every observation with the space; tests do that, an export need not.
    env = gymnasium.make(environment_id(task), disable_env_checker=True, **options)
    return PathPoints(env, planner="oracle", camera=_CAMERA)


def _scenario(shard: Shard, episode: int, settings: VqaSettings) -> Scenario:
    scenario = Scenario(task=shard.task, factor=shard.factor, episode=episode, seed=settings.seed)
    if shard.factor not in VARIATION_FACTORS and settings.variations == "zero":
        return scenario
    return replace(scenario, variation=int(scenario.rng("variation").integers(TASKS.get(shard.task).variation_count)))


def _answer(info: Mapping[str, Any], settings: VqaSettings) -> str:
    if info["path"] is None:
        raise PathError(str(info["path_error"]))
    return write_answer(info["path"], digits=settings.digits)


def _record(scenario: Scenario, image: Path, instruction: str, answer: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{scenario.id}-i{number}",
        "image": image.as_posix(),
        "conversations": [
            {"from": "human", "value": _IMAGE_TOKEN + hamster_prompt(instruction).lstrip("\n")},
            {"from": "gpt", "value": answer},
        ],
        "scenario": scenario.id,
        "instruction": instruction,
    }


def _write_card(directory: Path, settings: VqaSettings, new: int) -> ExportSummary:
    """Writes the dataset card from what the directory holds."""
    pictures: Counter[tuple[str, str]] = Counter()
    tuples: Counter[tuple[str, str]] = Counter()
    skipped: Counter[tuple[str, str]] = Counter()
    for shard in _finished(directory):
        column = shard.task, shard.factor
        records = json.loads((directory / _SHARDS / f"{shard.name}.json").read_text(encoding="utf-8"))
        tuples[column] += len(records)
        pictures[column] += len({record["scenario"] for record in records})
        notes = directory / _SKIPPED / f"{shard.name}.json"
        skipped[column] += len(json.loads(notes.read_text(encoding="utf-8"))) if notes.exists() else 0
    summary = ExportSummary(pictures.total(), tuples.total(), skipped.total(), new)
    rows = "\n".join(
        f"| {task} | {factor} | {pictures[task, factor]} | {tuples[task, factor]} | {skipped[task, factor]} |"
        for task, factor in sorted(tuples)
    )
    write_whole(directory / _CARD_FILE, _card(settings, summary, rows))
    return summary


def _card(settings: VqaSettings, summary: ExportSummary, rows: str) -> str:
    return f"""---
license: apache-2.0
task_categories: [visual-question-answering, robotics]
language: [en]
---

# Gripper paths in pictures of simulated scenes

{summary.tuples} questions about {summary.episodes} pictures. Each picture is the front camera's first view of one episode of
HAMSTER-Bench; each question asks, in one of the task's phrasings, how the gripper should move; each answer is the path of the scripted
expert, projected into the picture and thinned by Ramer-Douglas-Peucker (tolerance 0.05 of the image, points of gripper changes kept).

| task | factor | pictures | questions | skipped |
|---|---|---|---|---|
{rows}

Skipped episodes had no valid layout or no visible path; `{_SKIPPED}/` says which and why.

## How it was made

HAMSTER-Bench {__version__}, environments v{VERSION}, engine {settings.engine}; base seed {settings.seed}, variations {settings.variations},
pictures {settings.image_size} x {settings.image_size}. Nothing is drawn from anything but the scenario, whose id every record carries:
the same id gives the same scene. Scenarios of other base seeds are other layouts; the benchmark's evaluations use base seeds from 0.

## Form

`{_SHARDS}/*.json` are lists of conversations as the training scripts of LLaVA and VILA read them; `image` is relative to this folder.
`scenario` and `instruction` are extra and not read by them. For scripts that take a single list:

    jq -s add {_SHARDS}/*.json > train.json

Points are fractions of width and height from the upper left corner. An action sets the gripper's state of the point before it and of
all later points; the gripper counts as closed until the first action.

## Limits

One embodiment, one camera, simulated pictures; the expert's path is one of many that would do.
"""
