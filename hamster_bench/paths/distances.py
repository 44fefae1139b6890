"""How far a path is from a reference path, in fractions of the image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hamster_bench.paths.path import Path2D
from hamster_bench.paths.resample import resampled

# Both paths are compared at this many points at equal distances, so that the number of points they were given in does not matter.
_SAMPLES = 64


class ChangeError(NamedTuple):
    """How well a path meets the gripper changes of a reference.

    Attributes:
        distance: mean distance [fraction of the image] over the reference's gripper changes, or that of the ends where it has none.
        missing: changes of the reference that the path lacks; their distance is measured to the path's end.
        superfluous: changes of the path that the reference lacks.
    """

    distance: float
    missing: int
    superfluous: int


def dtw_distance(path: Path2D, reference: Path2D) -> float:
    """Distance by dynamic time warping (Sakoe and Chiba 1978), gripper states aside.

    Both paths are resampled to 64 points. The sum of distances along the best monotone alignment is divided by 64, so that it is at
    most the mean distance of points at equal fractions of the length.
    """
    previous = [0.0] + [np.inf] * _SAMPLES
    for row in _between(path, reference).tolist():
        current = [np.inf]
        for j, cost in enumerate(row):
            current.append(cost + min(previous[j], previous[j + 1], current[j]))
        previous = current
    return float(previous[-1]) / _SAMPLES


def frechet_distance(path: Path2D, reference: Path2D) -> float:
    """Discrete Frechet distance (Eiter and Mannila 1994) of both paths resampled to 64 points, gripper states aside."""
    previous = [-np.inf] + [np.inf] * _SAMPLES
    for row in _between(path, reference).tolist():
        current = [np.inf]
        for j, cost in enumerate(row):
            current.append(max(cost, min(previous[j], previous[j + 1], current[j])))
        previous = current
    return float(previous[-1])


def gripper_change_error(path: Path2D, reference: Path2D) -> ChangeError:
    """Error at the reference's gripper changes, or at its end where it has none.

    The first opening belongs to the first opening, the second closing to the second closing, and so on.
    """
    distances: list[float] = []
    missing = superfluous = 0
    for opening in (False, True):
        wanted, found = _changes(reference, opening), _changes(path, opening)
        missing += max(0, len(wanted) - len(found))
        superfluous += max(0, len(found) - len(wanted))
        for i, place in enumerate(wanted):
            nearest = found[i] if i < len(found) else path.points[-1]
            distances.append(float(np.linalg.norm(nearest - place)))
    if not distances:
        distances.append(float(np.linalg.norm(path.points[-1] - reference.points[-1])))
    return ChangeError(sum(distances) / len(distances), missing, superfluous)


def _changes(path: Path2D, opening: bool) -> NDArray[np.float64]:
    """Points (k, 2) at which the gripper opens, or closes."""
    changes = path.gripper_changes
    points: NDArray[np.float64] = path.points[changes[path.gripper_open[changes] == opening]]
    return points


def _between(path: Path2D, reference: Path2D) -> NDArray[np.float64]:
    """Distances (64, 64) between points of the two resampled paths."""
    first, second = resampled(path, _SAMPLES).points, resampled(reference, _SAMPLES).points
    distances: NDArray[np.float64] = np.linalg.norm(first[:, None] - second[None], axis=2)
    return distances
