"""Pictures of failed episodes, from which a person tells why each failed without seeing what the program says.

python scripts/attribution_sheets.py RUNS OUT --count 60 --draw-seed 0

Draws episodes, the same number under each agent and path planner, and replays them. A sheet shows four episodes, one a row: the first
frame with the way of the scripted solution (magenta), and the episode after a third and two thirds of its actions and at its end, with
the path that was proposed (blue to red) and the gripper's way (white). Filled squares close the gripper, hollow ones open it.
`labels.csv` has a line
for each, with an empty label; neither it nor a sheet names the planner or the program's answer.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hamster_bench.agent import make_agent
from hamster_bench.evaluation.environment import make_environment, path_camera, requirements, with_path
from hamster_bench.evaluation.episode import contestant, run_episode
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D, draw_path

SIZE = 448
ROWS = 4
_FONT = ImageFont.load_default(size=17)


def drawn_episodes(store: ResultStore, count: int, seed: int) -> list[tuple[EpisodeRecord, Protocol]]:
    """Failures with a proposed path and a way, ``count`` in all, as many of each agent and protocol as possible, over many tasks."""
    rng = np.random.default_rng(seed)
    protocols = store.protocols()
    arms: defaultdict[tuple[str, str], list[EpisodeRecord]] = defaultdict(list)
    for record in store.records():
        if record.outcome == "failure" and record.path is not None and record.track is not None:
            arms[record.agent, record.protocol].append(record)
    turns = []
    for records in arms.values():
        shuffled = [records[i] for i in rng.permutation(len(records))]
        seen: defaultdict[str, int] = defaultdict(int)
        of_arm = []
        for record in shuffled:
            of_arm.append((seen[record.scenario.task], record))
            seen[record.scenario.task] += 1
        # One of every task first, then a second one.
        turns.append([record for _, record in sorted(of_arm, key=lambda item: item[0])])
    chosen = [turn[i] for i in range(max(map(len, turns))) for turn in turns if i < len(turn)][:count]
    return [(chosen[i], protocols[chosen[i].protocol]) for i in rng.permutation(len(chosen))]


class Snapshots(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Keeps a picture of the first frame and of the end of every action, with the path in force and the gripper's way.

    Args:
        env: has the render mode ``rgb_array``.
        camera_name: the camera that is shown.
    """

    def __init__(self, env: Any, camera_name: str) -> None:
        super().__init__(env)
        self.pictures: list[Image.Image] = []
        self._camera_name = camera_name
        self._path: Path2D | None = None

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Keeps the first frame."""
        observation, info = self.env.reset(**arguments)
        self._path = info.get("path")
        self._keep()
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Keeps the frame after the action."""
        result = self.env.step(action)
        self._keep()
        self._path = result[4].get("path", self._path)
        return result

    def _keep(self) -> None:
        frame = np.asarray(self.env.render())
        image = Image.fromarray(frame if self._path is None else draw_path(frame, self._path, "hamster"))
        base: Any = self.env.unwrapped
        positions_world, states = base.gripper_track()
        camera = base.camera(self._camera_name)
        uv, depth = camera.project(positions_world)
        shown = depth > 0
        uv, states = uv[shown] / (camera.width, camera.height), np.asarray(states)[shown]
        if len(uv) > 1:
            _draw_way(image, uv, states, "white")
        self.pictures.append(image)


def panels(record: EpisodeRecord, protocol: Protocol) -> list[Image.Image]:
    """The four pictures of an episode, which is played again."""
    agent = make_agent(record.agent)
    required = requirements(agent, record.scenario.task, protocol)
    camera_name = path_camera(protocol)
    options = {"render_mode": "rgb_array", "render_size": SIZE, "render_camera": camera_name}
    with closing(with_path(make_environment(required, protocol, **options), required, protocol)) as env:
        snapshots = Snapshots(env, camera_name)
        again = run_episode(snapshots, contestant(record.agent, agent), record.scenario, protocol)
    if (again.outcome, again.kind, again.track) != (record.outcome, record.kind, record.track):
        raise SystemExit(f"{record.agent} on {record.scenario.id} comes out otherwise than recorded")
    last = len(snapshots.pictures) - 1
    shown = [snapshots.pictures[i].copy() for i in (0, round(last / 3), round(2 * last / 3), last)]
    if record.oracle_path is not None:
        way = Track.from_text(record.oracle_path).path
        _draw_way(shown[0], way.points, way.gripper_open, "magenta")
    return shown


def _draw_way(image: Image.Image, points: NDArray[np.float64], states: NDArray[np.bool_], color: str) -> None:
    draw = ImageDraw.Draw(image)
    line = [(float(x) * image.width, float(y) * image.height) for x, y in points]
    draw.line(line, fill="black", width=4)
    draw.line(line, fill=color, width=2)
    for number in (np.flatnonzero(states[1:] != states[:-1]) + 1).tolist():
        x, y = line[number]
        draw.rectangle((x - 5, y - 5, x + 5, y + 5), fill=None if states[number] else color, outline=color, width=2)


def main() -> None:
    """Writes the sheets and the empty table of labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--draw-seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ResultStore.for_reading(arguments.runs) as store:
        episodes = drawn_episodes(store, arguments.count, arguments.draw_seed)
    with (arguments.out / "labels.csv").open("x", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("number", "scenario", "agent", "protocol", "label", "reason"))
        for number, (record, _) in enumerate(episodes, 1):
            table.writerow((number, record.scenario.id, record.agent, record.protocol, "", ""))
    band = 24
    for first in range(0, len(episodes), ROWS):
        rows = episodes[first : first + ROWS]
        sheet = Image.new("RGB", (4 * SIZE, len(rows) * (SIZE + band)), "white")
        draw = ImageDraw.Draw(sheet)
        for row, (record, protocol) in enumerate(rows):
            top = row * (SIZE + band)
            text = f"{first + row + 1}: {record.scenario.task}: {record.instruction}; {record.kind}; stages {record.stages}"
            draw.text((4, top + 2), text, fill="black", font=_FONT)
            for column, image in enumerate(panels(record, protocol)):
                sheet.paste(image, (column * SIZE, top + band))
        sheet.save(arguments.out / f"sheet-{first // ROWS + 1:02d}.png")


if __name__ == "__main__":
    main()
