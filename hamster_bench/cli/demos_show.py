"""``hamster-bench demos show``: lists demonstrations, or draws one."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from hamster_bench.cli.options import choice
from hamster_bench.demos.keyframes import KEYFRAME_RULES
from hamster_bench.demos.showing import contact_sheet, film
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.filming import video_writer
from hamster_bench.scenario import Scenario

_FILM_SIZE = 384


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of demonstrations")
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help="id of the one to draw; without it all are listed")
    parser.add_argument("--camera", metavar="NAME", help="whose images (default: the first that was recorded)")
    parser.add_argument(
        "--rule",
        type=choice("keyframe rule", KEYFRAME_RULES.names()),
        default="peract",
        metavar="NAME",
        help=f"keyframe rule: {', '.join(KEYFRAME_RULES.names())} (default peract)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="PNG: a sheet of the keyframes; MP4: a film (default SCENARIO.png here)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Lists on stdout, or writes the picture."""
    store = DemoStore(arguments.directory)
    if arguments.scenario is None:
        _list(store)
        return 0
    scenario = Scenario.from_id(arguments.scenario)
    if scenario not in store:
        raise UnknownNameError("demonstration", scenario.id, [held.id for held in store.scenarios()])
    out: Path = arguments.out or Path(f"{scenario.id}.png")
    if out.suffix.lower() not in (".png", ".mp4"):
        raise InvalidOptionError(f"--out names a .png or .mp4 file, got {str(out)!r}")
    camera = arguments.camera or store.settings.cameras[0]
    demo = store.read(scenario, cameras=(camera,))
    try:
        if out.suffix.lower() == ".png":
            from PIL import Image

            Image.fromarray(contact_sheet(demo, camera, arguments.rule)).save(out)
        else:
            with video_writer(out, _FILM_SIZE) as write:
                for picture in film(demo, camera, arguments.rule, size=_FILM_SIZE):
                    write(picture.tobytes())
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from error
    rules = ", ".join(f"{len(frames)} keyframes by {rule}" for rule, frames in demo.keyframes.items())
    print(f"{scenario.id}: {demo.instruction!r}, {len(demo)} frames, {rules}")
    print(f"Written: {out}")
    return 0


def _list(store: DemoStore) -> None:
    headers = list(store.headers())
    width = max((len(header.scenario.id) for header in headers), default=0)
    for header in headers:
        keyframes = " ".join(f"{rule} {count}" for rule, count in sorted(header.keyframes.items()))
        print(
            f"{header.scenario.id:<{width}}  {header.frames:>4} frames  {keyframes}  {header.bytes / 1e6:.1f} MB  {header.instruction}"
        )
    failures = list(store.failures())
    for failure in failures:
        print(f"{failure.scenario.id}: failed, {failure.reason}: {failure.message}")
    settings = store.settings
    size = "x".join(map(str, reversed(settings.image_size)))
    tasks = len(Counter(header.scenario.task for header in headers))
    print(
        f"{len(headers)} demonstrations of {tasks} tasks, {len(failures)} failed; {sum(h.bytes for h in headers) / 1e9:.2f} GB; "
        f"cameras {', '.join(settings.cameras)} {size}, images of {settings.images}; fingerprint {store.fingerprint()[:12]}"
    )
