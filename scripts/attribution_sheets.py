"""Pictures of failed episodes, from which a person tells why each failed without seeing what the program says.

python scripts/attribution_sheets.py RUNS OUT --count 60 --draw-seed 0

Draws episodes, the same number under each agent and path planner, and replays them. A sheet shows four episodes, one a row: the first
frame with the way of the scripted solution (magenta: a filled square closes the gripper, a hollow one opens it), and the episode at a
third, at two thirds and at its end, with the path that was proposed (blue to red) and the gripper's way (white). `labels.csv` has a line
for each, with an empty label; neither it nor a sheet names the planner or the program's answer.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import defaultdict
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hamster_bench.agent import make_agent
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.replay import replay
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.evaluation.track import Track
from hamster_bench.paths import Path2D

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


def panels(record: EpisodeRecord, protocol: Protocol) -> list[Image.Image]:
    """The four pictures of an episode."""
    with tempfile.TemporaryDirectory() as folder:
        result = replay(record, protocol, make_agent(record.agent), video=Path(folder) / "episode.mp4", size=SIZE)
        if result.differences:
            raise SystemExit(f"{record.agent} on {record.scenario.id} comes out otherwise than recorded: {result.differences}")
        frames = list(iio.imiter(Path(folder) / "episode.mp4"))
    # The last second shows the outcome over the last frame.
    last = max(0, len(frames) - 21)
    shown = [Image.fromarray(np.asarray(frames[i])) for i in (0, last // 3, 2 * last // 3, last)]
    if record.oracle_path is not None:
        _draw_way(shown[0], Track.from_text(record.oracle_path).path)
    return shown


def _draw_way(image: Image.Image, way: Path2D) -> None:
    draw = ImageDraw.Draw(image)
    points = [(float(x) * image.width, float(y) * image.height) for x, y in way.points]
    draw.line(points, fill=(255, 0, 255), width=2)
    for number in way.gripper_changes.tolist():
        x, y = points[number]
        fill = None if way.gripper_open[number] else (255, 0, 255)
        draw.rectangle((x - 5, y - 5, x + 5, y + 5), fill=fill, outline=(255, 0, 255), width=2)


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
