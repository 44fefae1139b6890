"""Videos of episodes: what was planned, what was done, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import CONTROL_RATE
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.evaluation.environment import Environment
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.paths import Path2D, PathDrawing, rasterise_path

# Colours that the colour-blind tell apart (Okabe and Ito 2008): bluish green, vermillion, grey.
_OUTCOME_COLORS = {"success": (0, 158, 115), "failure": (213, 94, 0), "error": (110, 110, 110)}
# The gripper's way is white on black, which no path is drawn in.
_WAY, _EDGE = (255, 255, 255), (0, 0, 0)
# How long the outcome is shown [s].
_OUTCOME_SECONDS = 1.0


class Filmed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Hands every frame to a video writer as soon as it is there, so that long episodes take no memory.

    Args:
        env: makes frames with the render mode ``rgb_array_list``, square ones.
        write: takes each as bytes.
        camera_name: the camera that films.

    Attributes:
        frames: number of frames that were written.
    """

    def __init__(self, env: Environment, write: Callable[[bytes], None], camera_name: str) -> None:
        super().__init__(env)
        self.frames = 0
        self._send = write
        self._camera_name = camera_name
        self._shown: Path2D | None = None
        self._path: PathDrawing | None = None
        self._last: NDArray[np.uint8] | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts the film with the first frame of the episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._show(info.get("path"))
        self._write()
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Films the action with the path that was followed, then takes up a new one."""
        result = self.env.step(action)
        self._write()
        self._show(result[4].get("path"))
        return result

    def show_outcome(self, record: EpisodeRecord) -> None:
        """Ends the film with a second of the last frame, framed and named as the episode ended."""
        if self._last is None:
            return
        shown = np.ascontiguousarray(_with_outcome(self._last, record)).tobytes()
        for _ in range(round(_OUTCOME_SECONDS * CONTROL_RATE)):
            self._send(shown)
            self.frames += 1

    def _show(self, path: Path2D | None) -> None:
        self._shown = path
        self._path = None

    def _write(self) -> None:
        frames: Any = self.env.render() or ()
        way = self._way(frames[0].shape[:2]) if len(frames) else None
        for number, frame in enumerate(frames):
            shown = self._with_path(frame)
            if way is not None:
                # A frame for every position, and the last ones belong to the last positions.
                points, states = way
                until = len(points) - len(frames) + number + 1
                shown = _with_way(shown, points[:until], states[:until])
            self._last = shown
            self._send(np.ascontiguousarray(shown).tobytes())
            self.frames += 1

    def _way(self, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        """Way of the gripper so far: image coordinates (n, 2) [pixel] in frames of a size, NaN behind the camera, and states (n,)."""
        base: Any = self.env.unwrapped
        if not hasattr(base, "gripper_track"):
            return None
        positions_world, states = base.gripper_track()
        camera = base.camera(self._camera_name)
        uv, _ = camera.project(positions_world)
        # Like the path, by fractions of the image: observations may have another size.
        return uv / (camera.width, camera.height) * size[::-1], states

    def _with_path(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._shown is None:
            return frame
        if self._path is None:
            self._path = rasterise_path(self._shown, *frame.shape[:2])
        return self._path.over(frame)


def check_video(file: Path, size: int) -> None:
    """Refuses what cannot be filmed.

    Raises:
        InvalidOptionError: the size is odd or too small, or the file is no MP4 file by its name.
    """
    if size < 16 or size % 2:
        raise InvalidOptionError(f"videos have an even edge of at least 16 pixels, got {size}")
    if file.suffix.lower() != ".mp4":
        raise InvalidOptionError(f"videos are written as MP4; give a file name that ends in .mp4, got {str(file)!r}")


@contextmanager
def video_writer(file: Path, size: int) -> Generator[Callable[[bytes], None], None, None]:
    """A sink for frames of ``size`` x ``size``; the file appears when it is complete, and not at all without a frame.

    Raises:
        StoreError: the file cannot be written.
    """
    import imageio_ffmpeg

    unfinished = file.with_name(f".{file.stem}.unfinished.mp4")
    try:
        unfinished.touch()
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}") from error
    # The encoder starts with the first frame: without any it complains on the terminal.
    encoders: list[Generator[None, bytes | None, None]] = []

    def write(frame: bytes) -> None:
        if not encoders:
            encoders.append(
                imageio_ffmpeg.write_frames(
                    str(unfinished),
                    (size, size),
                    fps=CONTROL_RATE,
                    quality=7,
                    macro_block_size=2,
                    codec="libx264",
                    # The index first: a browser can play while it loads.
                    output_params=["-movflags", "+faststart"],
                )
            )
            encoders[0].send(None)
        encoders[0].send(frame)

    try:
        yield write
        for encoder in encoders:
            encoder.close()
            unfinished.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error}") from error
    finally:
        for encoder in encoders:
            encoder.close()
        unfinished.unlink(missing_ok=True)


def _with_way(frame: NDArray[np.uint8], points: NDArray[np.float64], states: NDArray[np.bool_]) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image)
    seen: NDArray[np.bool_] = np.isfinite(points[:, 0])
    line = [(float(x), float(y)) for x, y in points[seen]]
    width = max(1, round(max(image.size) / 256))
    if len(line) > 1:
        draw.line(line, fill=_EDGE, width=width + 2)
        draw.line(line, fill=_WAY, width=width)
    changes: NDArray[np.intp] = np.flatnonzero(states[1:] != states[:-1]) + 1
    for number in changes[seen[changes]].tolist():
        # Squares: the path's own gripper changes are circles. Filled where it closes.
        x, y = (float(value) for value in points[number])
        box = (x - 2 * width, y - 2 * width, x + 2 * width, y + 2 * width)
        draw.rectangle(box, fill=None if states[number] else _WAY, outline=_WAY, width=width)
    if line:
        x, y = line[-1]
        draw.ellipse((x - 2 * width, y - 2 * width, x + 2 * width, y + 2 * width), fill=_WAY, outline=_EDGE)
    return np.asarray(image)


def _with_outcome(frame: NDArray[np.uint8], record: EpisodeRecord) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image)
    width, height = image.size
    color = _OUTCOME_COLORS[record.outcome]
    text = record.outcome if record.kind is None else f"{record.outcome}: {record.kind}"
    band = max(12, height // 14)
    draw.rectangle((0, 0, width - 1, height - 1), outline=color, width=max(2, height // 64))
    draw.rectangle((0, height - band, width, height), fill=color)
    draw.text((width / 2, height - band / 2), text, fill=_WAY, anchor="mm", font=ImageFont.load_default(size=band * 0.6))
    return np.asarray(image)
