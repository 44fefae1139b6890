"""``hamster-bench plan``: a path for one's own picture."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.cli.options import choice
from hamster_bench.errors import InvalidOptionError, PlannerError, StoreError
from hamster_bench.paths import DRAWING_STYLES, Path2D, draw_path
from hamster_bench.planners import PlannerContext, Proposal, make_planner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="picture, in any common format")
    parser.add_argument("instruction", metavar="INSTRUCTION", help="what the robot is to do, in words")
    parser.add_argument("--planner", required=True, metavar="NAME[:OPTIONS]", help="a planner that looks at the image alone")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the picture with the path drawn over it")
    parser.add_argument(
        "--style",
        type=choice("drawing style", DRAWING_STYLES.names()),
        default="hamster",
        metavar="|".join(DRAWING_STYLES.names()),
        help="how it is drawn (default hamster)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Prints the path, point by point, and draws it; 1 if the planner has none."""
    planner = make_planner(arguments.planner)
    if planner.privileged:
        raise InvalidOptionError(
            f"path planner {arguments.planner!r} reads the running simulation, which a picture does not have; name one that looks at the "
            "image alone"
        )
    instruction = arguments.instruction.strip()
    if not instruction:
        raise InvalidOptionError("the instruction is empty; say in words what the robot is to do")
    image_rgb = _read_picture(arguments.image)
    if arguments.out is not None:
        _check_writable(arguments.out)
    try:
        proposed = planner.propose(image_rgb, instruction, PlannerContext.of_picture(image_rgb, instruction))
    except PlannerError as error:
        if error.record and error.record.get("answer"):
            print(f"answer: {error.record['answer']}")
        raise
    path, record = (proposed.path, proposed.record) if isinstance(proposed, Proposal) else (proposed, {})
    if record.get("answer"):
        print(f"answer: {record['answer']}")
    if record.get("repairs"):
        print(f"forgiven: {', '.join(record['repairs'])}")
    if record.get("cached"):
        print("from the cache of answers")
    if path is None:
        print("the planner has no path for this picture")
        return 1
    print(_listing(path))
    if arguments.out is not None:
        _write_picture(arguments.out, draw_path(image_rgb, path, arguments.style))
        print(f"written to {arguments.out}")
    return 0


def _listing(path: Path2D) -> str:
    changes = set(path.gripper_changes.tolist())
    lines = ["     x      y  gripper"]
    for i, ((x, y), is_open) in enumerate(zip(path.points.tolist(), path.gripper_open.tolist(), strict=True)):
        state = "open" if is_open else "closed"
        lines.append(f"{x:6.3f} {y:6.3f}  {state}{' (changes here)' if i in changes else ''}")
    return "\n".join(lines)


def _read_picture(file: Path) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            # Photographs lie on their side until their orientation mark is followed.
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InvalidOptionError(f"{file} cannot be read as a picture: {reason}") from error


def _check_writable(file: Path) -> None:
    from PIL import Image

    if file.suffix.lower() not in Image.registered_extensions():
        raise InvalidOptionError(f"the ending of {file} names no picture format; use .png or .jpg")
    if not file.parent.is_dir():
        raise StoreError(f"{file} cannot be written: there is no directory {file.parent}")


def _write_picture(file: Path, image_rgb: NDArray[np.uint8]) -> None:
    from PIL import Image

    try:
        Image.fromarray(image_rgb).save(file)
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be written: {error}") from error
