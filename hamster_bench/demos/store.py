"""A directory of demonstrations: one HDF5 file for each, and a small JSON header beside it once it is complete.

    DIR/dataset.json                             what all demonstrations have in common
    DIR/demos/<task>/<scenario id>.h5            a demonstration
    DIR/demos/<task>/<scenario id>.json          its header; without one the file does not count
    DIR/failed/<task>/<scenario id>.json         a scenario in which the expert failed, and why

Every file appears in one moment and every header after its demonstration, so a process that is killed leaves nothing half done, and
several may collect into one directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.demos import hdf5
from hamster_bench.demos.demo import Demo
from hamster_bench.demos.hdf5 import FORMAT
from hamster_bench.demos.records import DemoHeader, DemoSettings, FailedDemo
from hamster_bench.envs.registration import VERSION
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.files import remove_leftovers, write_whole
from hamster_bench.scenario import Scenario

_SETTINGS_FILE = "dataset.json"
_DEMOS, _FAILED = "demos", "failed"


class DemoStore:
    """A directory of demonstrations, opened for reading.

    It holds no open files, so it can be handed to other processes.

    Args:
        directory: where `hamster-bench demos collect` has written.

    Attributes:
        directory: the same.
        settings: what all demonstrations have in common.

    Raises:
        StoreError: the directory holds no demonstrations, or such of another format.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self.settings = _read_settings(self.directory)

    @classmethod
    def create(cls, directory: str | os.PathLike[str], settings: DemoSettings) -> DemoStore:
        """A store to add to: a new one, or the one that is there if it has these settings.

        Raises:
            StoreError: the directory holds demonstrations with other settings, something else, or cannot be written.
        """
        folder = Path(directory)
        with _writing(folder):
            if (folder / _SETTINGS_FILE).exists():
                _check_same(folder, settings)
            elif folder.exists() and any(folder.iterdir()):
                raise StoreError(f"{folder} is not empty and holds no demonstrations; choose another directory")
            for name in (_DEMOS, _FAILED):
                (folder / name).mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder, depth=2)
            write_whole(folder / _SETTINGS_FILE, json.dumps(_described(settings), indent=2) + "\n")
        return cls(folder)

    @staticmethod
    def exists(directory: str | os.PathLike[str]) -> bool:
        """Whether there is a store, of whatever format."""
        return (Path(directory) / _SETTINGS_FILE).exists()

    def scenarios(self) -> tuple[Scenario, ...]:
        """Scenarios of all demonstrations, by task, then by the other fields."""
        return tuple(sorted(_scenarios_in(self.directory / _DEMOS)))

    def __len__(self) -> int:
        return len(self.scenarios())

    def __contains__(self, scenario: Scenario) -> bool:
        return self._header_file(scenario).exists()

    def header(self, scenario: Scenario) -> DemoHeader:
        """The header of one demonstration.

        Raises:
            StoreError: there is none of this scenario, or its header is damaged.
        """
        file = self._header_file(scenario)
        if not file.exists():
            raise StoreError(f"{self.directory} holds no demonstration of {scenario.id}")
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
            held |= {"scenario": Scenario.from_id(held["scenario"]), "instructions": tuple(held["instructions"])}
            header = DemoHeader(**held)
        except (OSError, ValueError, KeyError, TypeError, HamsterBenchError) as error:
            raise StoreError(f"{file} is damaged ({error}); remove it and collect again") from error
        if header.scenario != scenario:
            raise StoreError(f"{file} is the header of {header.scenario.id}; remove it and collect again")
        return header

    def headers(self) -> Iterator[DemoHeader]:
        """The headers of all demonstrations in the order of `scenarios`; no demonstration is opened.

        Raises:
            StoreError: one is damaged.
        """
        return map(self.header, self.scenarios())

    def failures(self) -> Iterator[FailedDemo]:
        """The scenarios in which the expert failed, in the order of `scenarios`.

        Raises:
            StoreError: a note is damaged.
        """
        for scenario in sorted(_scenarios_in(self.directory / _FAILED)):
            file = self._failure_file(scenario)
            try:
                held = json.loads(file.read_text(encoding="utf-8"))
                yield FailedDemo(**(held | {"scenario": Scenario.from_id(held["scenario"])}))
            except (OSError, ValueError, KeyError, TypeError, HamsterBenchError) as error:
                raise StoreError(f"{file} is damaged ({error}); remove it and collect again") from error

    def has_failed(self, scenario: Scenario) -> bool:
        """Whether the expert is known to have failed in this scenario."""
        return self._failure_file(scenario).exists()

    def read(self, scenario: Scenario, *, cameras: Sequence[str] | None = None, frames: Sequence[int] | None = None) -> Demo:
        """A demonstration, or a part of it; nothing else is loaded.

        Args:
            scenario: which.
            cameras: whose images to load; all by default, with ``()`` none.
            frames: frames whose images to load, in any order; all that have images by default.

        Raises:
            StoreError: there is none of this scenario, or its file is damaged.
            UnknownNameError: it was not recorded with this camera.
            InvalidOptionError: a frame has no image.
        """
        file = self.file(scenario)
        if scenario not in self:
            raise StoreError(f"{self.directory} holds no demonstration of {scenario.id}")
        for camera in cameras or ():
            if camera not in self.settings.cameras:
                raise UnknownNameError("camera of these demonstrations", camera, self.settings.cameras)
        chosen = None if frames is None else np.unique(np.asarray(frames, dtype=np.int64))
        try:
            demo = hdf5.read(file, self.settings.cameras if cameras is None else tuple(cameras), chosen)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{file} is damaged ({error}); remove it with its header and collect again") from error
        if demo.scenario != scenario:
            raise StoreError(f"{file} holds {demo.scenario.id}; remove it with its header and collect again")
        return demo

    def fingerprint(self) -> str:
        """SHA-256 [hexadecimal] over scenarios and contents of all demonstrations, whatever order and files they came in."""
        digest = hashlib.sha256(FORMAT.encode())
        for header in self.headers():
            digest.update(f"\n{header.scenario.id} {header.digest}".encode())
        return digest.hexdigest()

    def check(self, scenario: Scenario) -> None:
        """Compares a demonstration with its checksums: of the file, of every block in it and of its content.

        Raises:
            StoreError: it differs; the message names the file.
        """
        header, file = self.header(scenario), self.file(scenario)
        try:
            with file.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise StoreError(f"{file} cannot be read: {error.strerror or error}") from error
        if found != header.sha256:
            raise StoreError(f"{file} is not what was written (SHA-256 {found[:12]} instead of {header.sha256[:12]})")
        if (content := self.read(scenario).digest()) != header.digest:
            raise StoreError(f"{file} has another content (digest {content[:12]} instead of {header.digest[:12]})")

    def file(self, scenario: Scenario) -> Path:
        """Where the demonstration of a scenario lies, or would lie."""
        return self.directory / _DEMOS / scenario.task / f"{scenario.id}.h5"

    def add(self, demo: Demo) -> DemoHeader:
        """Writes a demonstration; another process sees all of it or nothing. One that is there is left as it is.

        Raises:
            StoreError: it cannot be written.
            InvalidOptionError: its cameras are not those of this store.
        """
        if set(demo.images) != set(self.settings.cameras):
            raise InvalidOptionError(
                f"the demonstration has images of {sorted(demo.images)}, this store is for {sorted(self.settings.cameras)}"
            )
        if demo.scenario in self:
            return self.header(demo.scenario)
        file = self.file(demo.scenario)
        with _writing(self.directory):
            file.parent.mkdir(parents=True, exist_ok=True)
            data = hdf5.encoded(demo)
            write_whole(file, data)
            header = DemoHeader(
                scenario=demo.scenario,
                instruction=demo.instruction,
                instructions=demo.instructions,
                frames=len(demo),
                keyframes={rule: len(indices) for rule, indices in demo.keyframes.items()},
                digest=demo.digest(),
                sha256=hashlib.sha256(data).hexdigest(),
                bytes=len(data),
                versions=dict(demo.versions),
            )
            write_whole(self._header_file(demo.scenario), _json(header))
        return header

    def add_failure(self, failure: FailedDemo) -> None:
        """Notes that there is no demonstration of a scenario.

        Raises:
            StoreError: it cannot be written.
        """
        file = self._failure_file(failure.scenario)
        with _writing(self.directory):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, _json(failure))

    def _header_file(self, scenario: Scenario) -> Path:
        return self.file(scenario).with_suffix(".json")

    def _failure_file(self, scenario: Scenario) -> Path:
        return self.directory / _FAILED / scenario.task / f"{scenario.id}.json"


def _described(settings: DemoSettings) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return {"format": FORMAT, "environment_version": VERSION} | described


def _held(directory: Path) -> dict[str, Any]:
    file = directory / _SETTINGS_FILE
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{directory} holds no demonstrations of 'hamster-bench demos collect': {error}") from error
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise StoreError(f"{file} does not describe demonstrations of 'hamster-bench demos collect' ({FORMAT})")
    return held


def _read_settings(directory: Path) -> DemoSettings:
    held = _held(directory)
    try:
        height, width = held["image_size"]
        return DemoSettings(
            cameras=tuple(held["cameras"]), image_size=(height, width), images=held["images"], engine=held["engine"]
        )
    except (KeyError, TypeError, ValueError, HamsterBenchError) as error:
        raise StoreError(f"{directory / _SETTINGS_FILE} is damaged ({error})") from error


def _check_same(directory: Path, settings: DemoSettings) -> None:
    held = _held(directory)
    differing = [
        f"{key} {held.get(key)!r} instead of {value!r}" for key, value in _described(settings).items() if held.get(key) != value
    ]
    if differing:
        raise StoreError(f"{directory} holds demonstrations with {', '.join(differing)}; choose another directory")


def _scenarios_in(folder: Path) -> Iterator[Scenario]:
    for file in folder.glob("*/*.json"):
        with contextlib.suppress(HamsterBenchError):
            yield Scenario.from_id(file.stem)


@contextlib.contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{directory} cannot be written: {error.strerror or error}") from error


def _json(record: DemoHeader | FailedDemo) -> str:
    return json.dumps(asdict(record) | {"scenario": record.scenario.id}, indent=1, sort_keys=True) + "\n"
