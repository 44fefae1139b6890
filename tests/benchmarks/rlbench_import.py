"""Reading recorded episodes of RLBench's form, five cameras each: seconds an episode, and peak memory after 10 of them and after 100.

python tests/benchmarks/rlbench_import.py DATASET [--episodes 100] [--images all]

DATASET is a recorded data set with at least one camera; its episodes are laid out again under new numbers, with the images of its first
camera as those of all five. What is timed is the public command, ``hamster-bench demos import``, in a process of its own; beside it Pillow
alone decodes the same images. Nothing here passes or fails by a clock.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from hamster_bench.demos.opcodes import Instance, pickled
from hamster_bench.demos.restricted_pickle import Record, load_restricted
from hamster_bench.demos.rlbench_reading import CAMERAS, RecordedEpisode, find_episodes, read_episode, recorded_cameras

FEW = 10


def observation(seen: Record, source: str) -> Instance:
    """An observation with the camera ``source`` in the place of all five."""
    fields: dict[str, Any] = {name: seen.get(name) for name in seen.fields}
    misc = {name: float(value) if isinstance(value, float) else value for name, value in fields["misc"].items()}
    for camera in CAMERAS:
        for part in ("extrinsics", "intrinsics", "near", "far"):
            misc[f"{camera}_camera_{part}"] = misc[f"{source}_camera_{part}"]
    kept = ("joint_positions", "joint_velocities", "gripper_pose", "gripper_open")
    return Instance(
        "rlbench.backend.observation",
        "Observation",
        {name: fields[name] for name in kept} | {"misc": {name: misc[name] for name in misc if name != "variation_index"}},
    )


def lay_out(recorded: tuple[RecordedEpisode, ...], folder: Path, episodes: int) -> int:
    """Writes the episodes below a folder; gives the number of their frames. Images are the same files by other names."""
    pickles = []
    for episode in recorded:
        source = recorded_cameras(episode.folder)[0]
        demo = load_restricted(episode.folder / "low_dim_obs.pkl")
        seen = [observation(frame, source) for frame in demo.get("_observations")]
        pickles.append((pickled(Instance("rlbench.demo", "Demo", {"_observations": seen})), source, len(seen)))
    originals = folder.parent / "originals"
    frames = 0
    for number in range(episodes):
        chosen = number % len(recorded)
        data, source, length = pickles[chosen]
        place = folder / "slide_block_to_target" / "variation0" / "episodes" / f"episode{number}"
        for camera in CAMERAS:
            for kind in ("rgb", "depth"):
                first = originals / f"{chosen}_{camera}_{kind}"
                if not first.exists():
                    shutil.copytree(recorded[chosen].folder / f"{source}_{kind}", first)
                shutil.copytree(first, place / f"{camera}_{kind}", copy_function=os.link)
        (place / "low_dim_obs.pkl").write_bytes(data)
        frames += length
    return frames


def run(arguments: list[str]) -> tuple[float, float, float]:
    """Wall time [s], processor time [s] and peak memory [MB] of the public command."""
    begun = time.perf_counter()
    process = os.posix_spawn(sys.executable, [sys.executable, "-m", "hamster_bench", *arguments], dict(os.environ))
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"hamster-bench {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--images", default="all", choices=("all", "keyframes"))
    arguments = parser.parse_args()
    recorded = find_episodes(arguments.dataset)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        frames = lay_out(recorded, folder / "many", arguments.episodes)
        lay_out(recorded, folder / "few", min(FEW, arguments.episodes))
        print(f"{arguments.episodes} episodes of {len(CAMERAS)} cameras, {frames / arguments.episodes:.0f} frames each")
        some = find_episodes(folder / "few")
        begun = time.perf_counter(), time.process_time()
        for episode in some:
            for file in episode.folder.glob("*_*/*.png"):
                with Image.open(file) as image:
                    image.load()
        raw = (time.perf_counter() - begun[0]) / len(some), (time.process_time() - begun[1]) / len(some)
        print(f"{'Pillow alone':<22}{raw[0]:6.2f} s an episode, {raw[1]:5.2f} s of a processor")
        begun = time.perf_counter(), time.process_time()
        for episode in some:
            read_episode(episode, every_image=arguments.images == "all")
        read = (time.perf_counter() - begun[0]) / len(some), (time.process_time() - begun[1]) / len(some)
        print(
            f"{'read':<22}{read[0]:6.2f} s an episode, {read[1]:5.2f} s of a processor, {read[0] / raw[0]:4.1f} times Pillow alone"
        )
        for name in ("few", "many"):
            count = min(FEW, arguments.episodes) if name == "few" else arguments.episodes
            wall, cpu, peak = run(
                ["demos", "import", str(folder / name), "--out", str(folder / f"{name}.out"), "--images", arguments.images]
            )
            print(
                f"{f'{count} imported':<22}{wall / count:6.2f} s an episode, {cpu / count:5.2f} s of a processor, "
                f"{wall / count / raw[0]:4.1f} times Pillow alone; peak memory {peak:.0f} MB"
            )


if __name__ == "__main__":
    main()
