"""The files of a LeRobotDataset that grow with it: tables of numbers, and films, each ended where it has become large."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.contract import CONTROL_RATE
from hamster_bench.errors import MissingDependencyError

FPS = int(CONTROL_RATE)
# Where files end and the next begins, and files in a folder: LeRobot's own defaults.
DATA_MEGABYTES, VIDEO_MEGABYTES, CHUNK_FILES = 100, 200, 1000

# Visually lossless; a frame that can be reached directly at every second one, as LeRobot encodes, for quick random access.
_ENCODING = ["-crf", "18", "-g", "2"]


@dataclass
class _Files:
    """Numbered files in numbered folders."""

    folder: Path
    suffix: str
    number: int = -1

    def next(self) -> Path:
        self.number += 1
        file = self.folder / f"chunk-{self.chunk:03d}" / f"file-{self.index:03d}{self.suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @property
    def chunk(self) -> int:
        return self.number // CHUNK_FILES

    @property
    def index(self) -> int:
        return self.number % CHUNK_FILES


class Tables:
    """The numbers of all frames, in Parquet files of limited size.

    Args:
        folder: where the files go.
        features: of the dataset, as ``info.json`` describes them; films are left out.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """

    def __init__(self, folder: Path, features: Mapping[str, dict[str, Any]]) -> None:
        self._files = _Files(folder, ".parquet")
        self._schema = _schema(features)
        self._writer: Any = None
        self._bytes = 0

    def add(self, columns: Mapping[str, Any]) -> dict[str, int]:
        """Adds the frames of an episode, one array a feature; says for the episode's row where they lie."""
        pa, pq = pyarrow_modules()
        arrays = [_arrow(columns[name], self._schema.field(name).type) for name in self._schema.names]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        if self._writer is not None and self._bytes + table.nbytes > DATA_MEGABYTES * 2**20:
            self.close()
        if self._writer is None:
            self._writer, self._bytes = pq.ParquetWriter(self._files.next(), self._schema, compression="zstd"), 0
        self._writer.write_table(table)
        self._bytes += table.nbytes
        return {"data/chunk_index": self._files.chunk, "data/file_index": self._files.index}

    def close(self) -> None:
        """Ends the present file; more frames would begin another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Films:
    """What one camera has seen in all episodes, in films of limited size.

    Args:
        folder: where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self._files = _Files(folder, ".mp4")
        self._file: Path | None = None
        self._encoder: Any = None
        self._frames = 0

    def add(self, rgb: NDArray[np.uint8]) -> dict[str, Any]:
        """Adds an episode's pictures (n, height, width, 3); says for its row in which film they are, from when to when [s]."""
        if self._file is not None and self._file.stat().st_size > VIDEO_MEGABYTES * 2**20:
            self.close()
        if self._encoder is None:
            self._open(rgb.shape[2], rgb.shape[1])
        first = self._frames
        for frame in rgb:
            self._encoder.send(np.ascontiguousarray(frame).tobytes())
        self._frames += len(rgb)
        return {
            "chunk_index": self._files.chunk,
            "file_index": self._files.index,
            "from_timestamp": first / FPS,
            "to_timestamp": self._frames / FPS,
        }

    def close(self) -> None:
        """Ends the present film; more pictures would begin another."""
        if self._encoder is not None:
            self._encoder.close()
            self._file, self._encoder = None, None

    def _open(self, width: int, height: int) -> None:
        import imageio_ffmpeg

        self._file, self._frames = self._files.next(), 0
        self._encoder = imageio_ffmpeg.write_frames(
            str(self._file),
            (width, height),
            fps=FPS,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            output_params=_ENCODING,
        )
        self._encoder.send(None)


def _schema(features: Mapping[str, dict[str, Any]]) -> Any:
    pa, _ = pyarrow_modules()

    def kind(feature: Mapping[str, Any]) -> Any:
        if feature["dtype"] == "image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        scalar = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}[feature["dtype"]]
        shape = feature["shape"]
        if shape == [1]:
            return scalar
        return pa.list_(scalar, shape[0]) if len(shape) == 1 else pa.list_(pa.list_(scalar))

    return pa.schema([(key, kind(feature)) for key, feature in features.items() if feature["dtype"] != "video"])


def _arrow(column: NDArray[Any], kind: Any) -> Any:
    pa, _ = pyarrow_modules()
    if pa.types.is_struct(kind):
        return pa.array([{"bytes": _png(picture), "path": None} for picture in column], kind)
    if column.ndim == 1:
        return pa.array(column, kind)
    if column.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel(), kind.value_type), column.shape[1])
    rows, height, width = column.shape
    lines = pa.ListArray.from_arrays(np.arange(0, column.size + 1, width, dtype=np.int32), pa.array(column.ravel()))
    return pa.ListArray.from_arrays(np.arange(0, rows * height + 1, height, dtype=np.int32), lines)


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, format="PNG", compress_level=1)
    return data.getvalue()


def pyarrow_modules() -> tuple[Any, Any]:
    """``pyarrow`` and ``pyarrow.parquet``.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependencyError("LeRobot's tables need pyarrow; install it with: pip install 'pyarrow>=18'") from error
    return pa, pq
