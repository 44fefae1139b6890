"""Parity with HAMSTER's published program: reading the planner's answers, and drawing paths."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.cli.parity import Figure
from hamster_bench.errors import AnswerError, InvalidOptionError, PathError
from hamster_bench.paths import Path2D, draw_path, parse_answer

# Coordinates are read, clipped and nothing else.
_LARGEST_COORDINATE_ERROR = 1e-12
# Of the coloured pixels, those whose colour may differ: another line rasteriser. The coloured region has to be equal.
_MOST_DIFFERENT_PIXELS = 1.0

_Rows = list[list[float]]


def compare(file: Path) -> Sequence[Figure]:
    """Compares with a file of answers (JSON with ``cases``) or of drawings (NPZ with ``image_i``, ``points_i``, ``drawn_i``).

    Raises:
        InvalidOptionError: the file cannot be read or is of neither form.
    """
    try:
        with file.open("rb") as stream:
            is_archive = zipfile.is_zipfile(stream)
        return list(_drawings(file) if is_archive else _answers(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, PathError, zipfile.BadZipFile) as error:
        raise InvalidOptionError(
            f"{file} holds neither answers (JSON with 'cases') nor drawings (NPZ with 'image_0', 'points_0', 'drawn_0') of HAMSTER: "
            f"{type(error).__name__}: {error}"
        ) from error


def _answers(file: Path) -> Iterator[Figure]:
    content = json.loads(file.read_text(encoding="utf-8"))
    cases = content["cases"]
    if not cases:
        raise ValueError("there are no cases")
    start_open = bool(content.get("default_gripper_state", 0))
    wrong_verdict: list[str] = []
    wrong_points: list[str] = []
    largest_error = 0.0
    for case in cases:
        usable, rows = _read(case["answer"], start_open)
        expected: Mapping[str, Any] = case["expected"]
        if usable != expected["usable"]:
            wrong_verdict.append(case["name"])
        difference = _difference(rows, expected["points"])
        if difference is None:
            wrong_points.append(case["name"])
        else:
            largest_error = max(largest_error, difference)
    count = f" of {len(cases)}"
    yield Figure("answers taken for a path, or not, against the record", len(wrong_verdict), 0, count, ", ".join(wrong_verdict))
    yield Figure("answers with other points or gripper states", len(wrong_points), 0, count, ", ".join(wrong_points))
    yield Figure("largest error of a coordinate", largest_error, _LARGEST_COORDINATE_ERROR)


def _read(answer: str, start_open: bool) -> tuple[bool, _Rows]:
    """Whether the answer is a path, and its points as x, y and gripper state."""
    try:
        path = parse_answer(answer, start_open=start_open).path
    except AnswerError as error:
        return False, [[x, y, float(state)] for x, y, state in error.points]
    return True, np.column_stack([path.points, path.gripper_open]).tolist()


def _difference(rows: _Rows, expected: _Rows) -> float | None:
    """Largest difference of coordinates, or None when the number of points or a gripper state differs."""
    if len(rows) != len(expected) or any(row[2] != wanted[2] for row, wanted in zip(rows, expected, strict=True)):
        return None
    return max((abs(row[k] - wanted[k]) for row, wanted in zip(rows, expected, strict=True) for k in (0, 1)), default=0.0)


def _drawings(file: Path) -> Iterator[Figure]:
    with np.load(file, allow_pickle=False) as data:
        numbers = sorted(int(name.removeprefix("image_")) for name in data.files if name.startswith("image_"))
        if not numbers:
            raise ValueError("there are no images")
        for i in numbers:
            yield from _drawing(i, data[f"image_{i}"], data[f"points_{i}"], data[f"drawn_{i}"])


def _drawing(number: int, image: NDArray[np.uint8], points: NDArray[np.float64], expected: NDArray[np.uint8]) -> Iterator[Figure]:
    if expected.shape != image.shape:
        raise ValueError(f"drawn_{number} has the shape {expected.shape}, image_{number} {image.shape}")
    drawn = draw_path(image, Path2D(points[:, :2], points[:, 2]), "hamster")
    coloured, ours = (expected != image).any(axis=2), (drawn != image).any(axis=2)
    name = f"drawing {number}, {image.shape[0]} x {image.shape[1]}"
    yield Figure(f"{name}: pixels inside one coloured region alone", int((coloured != ours).sum()), 0)
    different = 100.0 * int((drawn != expected).any(axis=2).sum()) / max(1, int(coloured.sum()))
    yield Figure(f"{name}: coloured pixels of another colour", different, _MOST_DIFFERENT_PIXELS, " %")
