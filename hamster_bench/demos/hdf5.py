"""One demonstration as an HDF5 file, of which images are read frame by frame."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.demo import STEP_ARRAYS, CameraImages, Demo, Steps
from hamster_bench.errors import InvalidOptionError, MissingDependencyError
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

FORMAT = "hamster_bench.demos/1"

# Level 1 takes half the time of level 4 for a twelfth more bytes.
_COMPRESSION_LEVEL = 1


def encoded(demo: Demo) -> bytes:
    """The demonstration as an HDF5 file.

    It is made in memory: a checksum of it covers what was meant, not what the disk gave back.

    Raises:
        MissingDependencyError: h5py is not installed.
    """
    h5py = _h5py()
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["scenario"] = demo.scenario.id
        file.attrs["instruction"] = demo.instruction
        file.attrs["instructions"] = json.dumps(demo.instructions)
        file.attrs["versions"] = json.dumps(dict(demo.versions), sort_keys=True)
        for name in STEP_ARRAYS:
            _put(file, f"steps/{name}", getattr(demo.steps, name))
        for rule, indices in demo.keyframes.items():
            _put(file, f"keyframes/{rule}", indices)
        for camera, images in demo.images.items():
            for field in fields(images):
                array = getattr(images, field.name)
                # A frame is read without its neighbours.
                _put(file, f"cameras/{camera}/{field.name}", array, by_row=field.name in ("rgb", "depth"))
            if camera in demo.paths:
                file[f"cameras/{camera}"].attrs["path"] = demo.paths[camera].to_json()
    return stream.getvalue()


def _put(file: Any, name: str, array: NDArray[np.generic], *, by_row: bool = False) -> None:
    chunks = (1, *array.shape[1:]) if by_row else array.shape
    options: dict[str, Any] = {}
    if array.size:
        options = {
            "chunks": chunks,
            "compression": "gzip",
            "compression_opts": _COMPRESSION_LEVEL,
            # Bytes of one weight beside each other; nothing to gain where a number is one byte.
            "shuffle": array.dtype.itemsize > 1,
            "fletcher32": True,
        }
    file.create_dataset(name, data=array, **options)


def read(path: Path, cameras: Sequence[str], frames: NDArray[np.int64] | None) -> Demo:
    """A demonstration, or a part of it; nothing else is loaded.

    Args:
        path: a file of `encoded` bytes.
        cameras: whose images to load.
        frames: frames whose images to load, in rising order; all that have images with None.

    Raises:
        InvalidOptionError: a frame has no image.
        OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError: the file is damaged; h5py raises all of these.
        MissingDependencyError: h5py is not installed.
    """
    h5py = _h5py()
    with h5py.File(path, "r") as file:
        steps = Steps(**{name: file[f"steps/{name}"][:] for name in STEP_ARRAYS})
        return Demo(
            scenario=Scenario.from_id(file.attrs["scenario"]),
            instruction=file.attrs["instruction"],
            instructions=tuple(json.loads(file.attrs["instructions"])),
            steps=steps,
            images={camera: _read_images(file[f"cameras/{camera}"], frames) for camera in cameras},
            keyframes={rule: indices[:] for rule, indices in file["keyframes"].items()},
            paths={
                camera: Path2D.from_json(group.attrs["path"])
                for camera, group in file["cameras"].items()
                if "path" in group.attrs
            },
            versions=json.loads(file.attrs["versions"]),
        )


def _read_images(group: Any, frames: NDArray[np.int64] | None) -> CameraImages:
    held = group["frames"][:]
    if frames is None:
        return CameraImages(**{field.name: group[field.name][:] for field in fields(CameraImages)})
    missing = np.setdiff1d(frames, held)
    if len(missing):
        raise InvalidOptionError(f"the frames {missing.tolist()} have no images; there are images of the frames {held.tolist()}")
    rows = np.searchsorted(held, frames)
    return CameraImages(**{field.name: group[field.name][rows] for field in fields(CameraImages)})


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError("demonstrations need h5py; install it with: pip install 'h5py>=3.11,<4'") from error
    return h5py
