"""Pictures of tasks for pages and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.registration import environment_id
from hamster_bench.envs.wrappers import PathOverlay
from hamster_bench.errors import InvalidOptionError
from hamster_bench.scenario import Scenario

_CAMERA = "front"
_MARGIN = 8  # [pixel]
_CAPTION = 26  # height of the line under a picture [pixel]
_FONT_SIZE = 16  # [pixel]


def task_picture(scenario: Scenario, *, size: int = 384, engine: str = "mujoco") -> NDArray[np.uint8]:
    """Front view (size, size, 3) of a scenario after reset, the oracle path drawn in.

    Args:
        scenario: the scene.
        size: edge [pixel].
        engine: name of the engine.

    Raises:
        UnknownNameError: there is no such task or engine.
        RenderingUnavailableError: images cannot be drawn on this machine.
    """
    options: dict[str, Any] = {"engine": engine, "cameras": (_CAMERA,), "image_size": size}
    env = PathOverlay(gymnasium.make(environment_id(scenario.task), **options), planner="oracle", camera=_CAMERA)
    try:
        observation, _ = env.reset(options={"scenario": scenario})
        return np.array(observation[f"{_CAMERA}_rgb"])
    finally:
        env.close()


def contact_sheet(
    pictures: Sequence[NDArray[np.uint8]], captions: Sequence[str], file: Path, *, columns: int | None = None
) -> None:
    """Writes pictures of one size side by side, each with a line of text under it, as PNG.

    Args:
        pictures: (height, width, 3) each.
        captions: a line for each picture.
        file: where to; replaced if it exists.
        columns: pictures in a row; by default as close to a square as it gets.

    Raises:
        InvalidOptionError: no pictures, different sizes, or not as many captions.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not pictures or len(pictures) != len(captions) or len({picture.shape for picture in pictures}) != 1:
        raise InvalidOptionError(
            f"a contact sheet needs pictures of one size with a caption each, got {len(pictures)} pictures of shapes "
            f"{sorted({picture.shape for picture in pictures})} and {len(captions)} captions"
        )
    height, width = pictures[0].shape[:2]
    across = columns or math.ceil(math.sqrt(len(pictures)))
    down = math.ceil(len(pictures) / across)
    cell_width, cell_height = width + _MARGIN, height + _CAPTION + _MARGIN
    sheet = Image.new("RGB", (across * cell_width + _MARGIN, down * cell_height + _MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = _MARGIN + i % across * cell_width, _MARGIN + i // across * cell_height
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.text((left + width / 2, top + height + _CAPTION / 2), caption, fill="black", font=font, anchor="mm")
    sheet.save(file, format="PNG")
