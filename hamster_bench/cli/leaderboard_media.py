"""Pictures and videos for the site of a leaderboard, made by the environments and kept for the next time."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hamster_bench import __version__
from hamster_bench.agent import Agent
from hamster_bench.cache import cache_directory, write_cached
from hamster_bench.errors import HamsterBenchError
from hamster_bench.evaluation.environment import Requirements, make_environment, path_camera
from hamster_bench.evaluation.fingerprint import agent_fingerprint
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.replay import replay
from hamster_bench.evaluation.workers.settings import physical_cores
from hamster_bench.leaderboards.site.board import Board, Section
from hamster_bench.scenario import Scenario

PICTURE_SIZE = 256  # [pixel]
VIDEO_SIZE = 384  # [pixel]
_QUALITY = 85
# Pictures that take longer than to start a process.
_WORTH_PROCESSES = 20


def pictures(board: Board, per_cell: int) -> dict[tuple[str, str], Path]:
    """First camera images of the first scenarios of every task and factor, and of their controls.

    What cannot be drawn here is left out with a warning.

    Args:
        board: whose scenarios.
        per_cell: number of scenarios of each task and factor.

    Returns:
        JPEG files, by fingerprint of the protocol and id of the scenario.
    """
    wanted: dict[tuple[str, str], Path] = {}
    missing: list[_Drawing] = []
    for section in board.sections:
        protocol = section.protocol
        if per_cell == 0 or not protocol.cameras:
            continue
        for task, scenarios in _first_scenarios(section, per_cell).items():
            files = {scenario: _folder(protocol) / f"{scenario.id}.jpg" for scenario in scenarios}
            wanted |= {(protocol.fingerprint, scenario.id): file for scenario, file in files.items()}
            if absent := {scenario: file for scenario, file in files.items() if not file.is_file()}:
                missing.append(_Drawing(task, protocol, absent))
    for drawing, complaint in zip(missing, _draw_all(missing), strict=True):
        if complaint is not None:
            warnings.warn(f"there are no pictures of some scenarios of {drawing.task}: {complaint}", stacklevel=2)
    return {key: file for key, file in wanted.items() if file.is_file()}


def videos(board: Board, agents: Mapping[str, Agent], per_outcome: int) -> dict[tuple[str, str, str, str], Path]:
    """Videos of some successes and failures of every agent that exists here, on every task.

    An episode that comes out otherwise than recorded is left out with a warning.

    Args:
        board: whose episodes.
        agents: agents by name; those whose fingerprint is another than on the board are left out.
        per_outcome: number of successes, and of failures, of each agent and task.

    Returns:
        MP4 files, by fingerprint of the protocol, name and fingerprint of the agent, and id of the scenario.
    """
    found: dict[tuple[str, str, str, str], Path] = {}
    for section in board.sections:
        for entry in board.agents:
            agent = agents.get(entry.name)
            if agent is None or agent_fingerprint(agent) != entry.fingerprint:
                continue
            for task in section.table.tasks:
                records = section.records.get((entry.label, task), [])
                for record in _some_of_each_outcome(records, per_outcome):
                    file = _folder(section.protocol) / f"{entry.name}-{entry.fingerprint}-{record.scenario.id}.mp4"
                    if file.is_file() or _film(record, section.protocol, agent, file):
                        found[section.protocol.fingerprint, entry.name, entry.fingerprint, record.scenario.id] = file
    return found


def _first_scenarios(section: Section, per_cell: int) -> dict[str, list[Scenario]]:
    cells: defaultdict[tuple[str, str], dict[Scenario, None]] = defaultdict(dict)
    for records in section.records.values():
        for record in records:
            scenario = record.scenario
            if len(cells[scenario.task, scenario.factor]) < per_cell:
                cells[scenario.task, scenario.factor].setdefault(scenario)
    tasks: defaultdict[str, dict[Scenario, None]] = defaultdict(dict)
    for (task, _), scenarios in cells.items():
        for scenario in scenarios:
            tasks[task].setdefault(scenario.control())
            tasks[task].setdefault(scenario)
    return {task: list(scenarios) for task, scenarios in tasks.items()}


class _Drawing(NamedTuple):
    task: str
    protocol: Protocol
    files: dict[Scenario, Path]


def _draw_all(drawings: Sequence[_Drawing]) -> list[str | None]:
    """Draws task by task, on as many cores as there are; gives what went wrong with each."""
    processes = min(physical_cores(), len(drawings))
    if processes < 2 or sum(len(drawing.files) for drawing in drawings) < _WORTH_PROCESSES:
        return list(map(_draw, drawings))
    try:
        # Started anew: a copy of a process that has drawn already cannot draw.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            return list(pool.map(_draw, drawings))
    except BrokenExecutor:
        # What was drawn until then is kept; whatever ended a process is told by the drawing that ends this one.
        left = (drawing.files.items() for drawing in drawings)
        remaining = [{scenario: file for scenario, file in files if not file.is_file()} for files in left]
        return [_draw(drawing._replace(files=files)) for drawing, files in zip(drawings, remaining, strict=True)]


def _draw(drawing: _Drawing) -> str | None:
    if not drawing.files:
        return None
    from PIL import Image

    camera = path_camera(drawing.protocol)
    required = Requirements(drawing.task, "keypose", (camera,), "none")
    complaint: str | None = None
    try:
        env = make_environment(required, drawing.protocol, image_size=(PICTURE_SIZE, PICTURE_SIZE))
    except HamsterBenchError as error:
        return str(error)
    with contextlib.closing(env):
        for scenario, file in drawing.files.items():
            try:
                observation, _ = env.reset(options={"scenario": scenario})
            except HamsterBenchError as error:
                complaint = complaint or str(error)
                continue
            data = io.BytesIO()
            Image.fromarray(np.asarray(observation[f"{camera}_rgb"])).save(data, format="JPEG", quality=_QUALITY)
            write_cached(file, data.getvalue())
    return complaint


def _some_of_each_outcome(records: Iterable[EpisodeRecord], count: int) -> Iterator[EpisodeRecord]:
    listed = list(records)
    for outcome in ("success", "failure"):
        yield from islice((record for record in listed if record.outcome == outcome), count)


def _film(record: EpisodeRecord, protocol: Protocol, agent: Agent, file: Path) -> bool:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        result = replay(record, protocol, agent, video=file, size=VIDEO_SIZE)
    except HamsterBenchError as error:
        warnings.warn(f"there is no video of {record.agent} on {record.scenario.id}: {error}", stacklevel=3)
        return False
    if result.differences:
        file.unlink(missing_ok=True)
        warnings.warn(f"{record.agent} on {record.scenario.id} comes out otherwise than recorded; it has no video", stacklevel=3)
        return False
    return result.video is not None


def _folder(protocol: Protocol) -> Path:
    return cache_directory() / "leaderboard" / __version__ / protocol.fingerprint
