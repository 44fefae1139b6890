"""Pictures of demonstrations: what the camera saw, the oracle's path, and where the keyframes are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import CameraImages, Demo
from hamster_bench.paths import draw_path

# Nearest depth [m] that is drawn white, and farthest, drawn black.
_NEAR, _FAR = 0.5, 2.5
_MARGIN = 4
_INK, _PAPER, _KEYFRAME = (20, 20, 20), (255, 255, 255), (200, 30, 30)


def contact_sheet(demo: Demo, camera: str, rule: str, *, tile: int = 256, columns: int = 5) -> NDArray[np.uint8]:
    """The first frame with the oracle's path, its depth, and every keyframe of a rule: (H, W, 3) uint8.

    Raises:
        UnknownNameError: there are no keyframes by this rule.
    """
    from PIL import Image, ImageDraw, ImageFont

    images = demo.images[camera]
    keyframes = demo.keyframes_of(rule).tolist()
    pictures = [
        ("start and path", _with_path(demo, camera, _scaled(images.rgb[0], tile))),
        (f"depth {_NEAR:g} to {_FAR:g} m", _scaled(_grey(images.depth[0]), tile)),
    ]
    for number, frame in enumerate(keyframes, start=1):
        state = "open" if demo.steps.gripper_open[frame] else "closed"
        pictures.append((f"{number}. frame {frame}, {state}", _scaled(images.rgb[images.row(frame)], tile)))
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0][1].shape[:2]
    font = ImageFont.load_default(size=max(10, tile // 16))
    line = max(14, tile // 11)
    cell = (width + _MARGIN, height + line + _MARGIN)
    sheet = Image.new("RGB", (columns * cell[0] + _MARGIN, rows * cell[1] + 2 * line + 2 * _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), f"{demo.scenario.id}   {len(demo)} frames, {len(keyframes)} keyframes ({rule})", _INK, font)
    draw.text((_MARGIN, _MARGIN + line), demo.instruction, _INK, font)
    for number, (title, picture) in enumerate(pictures):
        left, top = _MARGIN + number % columns * cell[0], 2 * _MARGIN + 2 * line + number // columns * cell[1]
        draw.text((left, top), title, _INK, font)
        sheet.paste(Image.fromarray(picture), (left, top + line))
    return np.array(sheet)


def film(demo: Demo, camera: str, rule: str, *, size: int = 384) -> Iterator[NDArray[np.uint8]]:
    """Every frame that has an image, (size, size, 3) uint8, the path drawn over it; keyframes have a red border.

    Raises:
        UnknownNameError: there are no keyframes by this rule.
    """
    keyframes = set(demo.keyframes_of(rule).tolist())
    images: CameraImages = demo.images[camera]
    for row, frame in enumerate(images.frames.tolist()):
        picture = _with_path(demo, camera, _scaled(images.rgb[row], size))
        if frame in keyframes:
            for edge in (picture[:_MARGIN], picture[-_MARGIN:], picture[:, :_MARGIN], picture[:, -_MARGIN:]):
                edge[...] = _KEYFRAME
        yield picture


def _with_path(demo: Demo, camera: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    path = demo.paths.get(camera)
    return picture if path is None else draw_path(picture, path)


def _scaled(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    from PIL import Image

    height = round(picture.shape[0] * width / picture.shape[1])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def _grey(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    nearness = np.clip((_FAR - depth) / (_FAR - _NEAR), 0.0, 1.0)
    return np.repeat((255.0 * nearness).astype(np.uint8)[..., None], 3, axis=2)
