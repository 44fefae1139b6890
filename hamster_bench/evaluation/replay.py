"""Running a recorded episode again, to see it and to check the record."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from hamster_bench.agent import Agent
from hamster_bench.envs.contract import CONTROL_RATE
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.evaluation.environment import Environment, make_environment, path_camera, requirements, with_path
from hamster_bench.evaluation.episode import contestant, run_episode
from hamster_bench.evaluation.protocol import Protocol, check_needs
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.paths import Path2D, rasterise_path

# What an episode that runs again must agree on with its record. Messages may differ between program versions.
COMPARED = ("outcome", "kind", "instruction", "steps", "control_steps", "episode_return", "motion_failures", "path", "draws")


class Replay(NamedTuple):
    """An episode run again.

    Attributes:
        recorded: the stored record.
        replayed: the new one, which is not stored.
        differences: fields in which they disagree, each with the recorded and the new value.
        video: the file that was written, or None when none was asked for or the episode broke before its first frame.
    """

    recorded: EpisodeRecord
    replayed: EpisodeRecord
    differences: dict[str, tuple[Any, Any]]
    video: Path | None = None


def find_record(
    store: ResultStore, scenario: str, *, agent: str | None = None, protocol: str | None = None
) -> tuple[EpisodeRecord, Protocol]:
    """The one record of a scenario, and its protocol.

    Args:
        store: where to look.
        scenario: id of the scenario.
        agent: name of the agent; needed when several have played it.
        protocol: fingerprint of the protocol; needed when it was played under several.

    Raises:
        StoreError: there is no such record, or there are several.
    """
    found = list(store.records(scenario=scenario))
    if not found:
        known = sorted({record.scenario.id for record in store.records()})
        near = difflib.get_close_matches(scenario, known, n=3, cutoff=0.5)
        hint = f" Did you mean: {', '.join(near)}?" if near else ""
        raise StoreError(f"{store.directory} has no record of scenario {scenario!r}.{hint} It has {len(known)} scenarios")
    for field, option, wanted in (("agent", "--agent", agent), ("protocol", "--protocol", protocol)):
        present = sorted({getattr(record, field) for record in found})
        if wanted is None and len(present) > 1:
            raise StoreError(f"{scenario} was recorded with several {field}s; choose one with {option}: {', '.join(present)}")
        if wanted is not None and wanted not in present:
            raise StoreError(f"{scenario} was not recorded with {field} {wanted!r}; recorded: {', '.join(present)}")
        found = [record for record in found if wanted is None or getattr(record, field) == wanted]
    (record,) = found
    return record, store.protocols()[record.protocol]


def replay(record: EpisodeRecord, protocol: Protocol, agent: Agent, *, video: Path | None = None, size: int = 512) -> Replay:
    """Runs a recorded episode again under the same rules.

    Args:
        record: the record.
        protocol: its protocol.
        agent: the agent that made it.
        video: MP4 file to write, one frame for each control step, the path drawn in; replaced if it exists. None is written when the
            episode breaks before its first frame.
        size: edge of the video [pixel], even.

    Raises:
        AgentError: the agent needs what the protocol does not give.
        InvalidOptionError: the size is odd, too small or too large.
        StoreError: the video cannot be written.
    """
    check_needs(record.agent, agent, protocol)
    required = requirements(agent, record.scenario.task, protocol)
    player = contestant(record.agent, agent)
    options: dict[str, Any] = {}
    if video is not None:
        _check_video(video, size)
        options = {"render_mode": "rgb_array_list", "render_size": size, "render_camera": path_camera(protocol)}
    filmed = False
    with closing(with_path(make_environment(required, protocol, **options), required, protocol)) as env:
        if video is None:
            replayed = run_episode(env, player, record.scenario, protocol)
        else:
            with _video_writer(video, size) as write:
                camera = _Filmed(env, write)
                replayed = run_episode(camera, player, record.scenario, protocol)
                filmed = camera.frames > 0
    old, new = asdict(record), asdict(replayed)
    differences = {name: (old[name], new[name]) for name in COMPARED if old[name] != new[name]}
    return Replay(record, replayed, differences, video if filmed else None)


class _Filmed(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Hands every frame to a video writer as soon as it is there, so that long episodes take no memory."""

    def __init__(self, env: Environment, write: Callable[[bytes], None]) -> None:
        super().__init__(env)
        self.frames = 0
        self._send = write
        self._path: Path2D | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._path = info.get("path")
        self._write()
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        self._write()
        return result

    def _write(self) -> None:
        frames: Any = self.env.render()
        for frame in frames or ():
            shown = frame if self._path is None else rasterise_path(self._path, *frame.shape[:2]).over(frame)
            self._send(np.ascontiguousarray(shown).tobytes())
            self.frames += 1


def _check_video(file: Path, size: int) -> None:
    if size < 16 or size % 2:
        raise InvalidOptionError(f"videos have an even edge of at least 16 pixels, got {size}")
    if file.suffix.lower() != ".mp4":
        raise InvalidOptionError(f"videos are written as MP4; give a file name that ends in .mp4, got {str(file)!r}")


@contextmanager
def _video_writer(file: Path, size: int) -> Generator[Callable[[bytes], None], None, None]:
    """A sink for frames of ``size`` x ``size``; the file appears when it is complete, and not at all without a frame."""
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
                    str(unfinished), (size, size), fps=CONTROL_RATE, quality=7, macro_block_size=2, codec="libx264"
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
