"""``hamster-bench demos import``: takes over demonstrations that RLBench and THE COLOSSEUM have recorded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hamster_bench.cli.options import names, whole_number
from hamster_bench.demos.records import IMAGES, DemoSettings, FailedDemo
from hamster_bench.demos.restricted_pickle import BrokenPickleError
from hamster_bench.demos.rlbench_reading import RecordedDemoError, find_episodes, image_size, read_episode, recorded_cameras
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError, UnknownNameError

ENGINE = "coppeliasim"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder of a data set of RLBench or THE COLOSSEUM")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="directory of demonstrations; continued if it is one"
    )
    parser.add_argument(
        "--cameras", type=names, metavar="A,B", help="whose images to take; all that the first episode has by default"
    )
    parser.add_argument("--images", choices=IMAGES, default="all", help="take those of all frames (default) or of keyframes")
    parser.add_argument(
        "--seed", type=whole_number("--seed", 0), default=0, metavar="S", help="base seed in the ids of the scenarios (default 0)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Takes over what is missing; 0 if all could be read, else 1.

    A pickle that names anything but a demonstration ends the command.
    """
    episodes = find_episodes(arguments.dataset, arguments.seed)
    there = recorded_cameras(episodes[0].folder)
    if not there:
        raise InvalidOptionError(f"{episodes[0].folder} has no camera with colour and depth")
    cameras = arguments.cameras or there
    for camera in cameras:
        if camera not in there:
            raise UnknownNameError(f"camera of {episodes[0].folder}", camera, there)
    settings = DemoSettings(
        cameras=tuple(cameras), image_size=image_size(episodes[0].folder, cameras[0]), images=arguments.images, engine=ENGINE
    )
    store = DemoStore.create(arguments.out, settings)
    new = before = 0
    failed = []
    for episode in episodes:
        if episode.scenario in store:
            before += 1
            continue
        try:
            # Under no name of its own: the one before is gone when the next is read.
            store.add(read_episode(episode, cameras, every_image=arguments.images == "all"))
        except (RecordedDemoError, BrokenPickleError) as error:
            store.add_failure(FailedDemo(scenario=episode.scenario, reason="unreadable", message=str(error), versions={}))
            failed.append(str(error))
            continue
        new += 1
    for message in failed:
        print(f"left out: {message}", file=sys.stderr)
    print(f"{arguments.out}: {len(episodes)} episodes found, {before} there before, {new} new, {len(failed)} left out")
    return 1 if failed else 0
