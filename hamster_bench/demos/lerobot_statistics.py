"""Statistics of features as LeRobot writes them beside episodes and beside a whole dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
# Every n-th pixel in each direction is enough to know the mean colour.
_PIXEL_STRIDE = 4


def stats_of(column: NDArray[Any], kind: str) -> dict[str, NDArray[Any]]:
    """Statistics of a feature over the frames of an episode; of pictures by channel, (3, 1, 1), with 1 for full brightness."""
    if kind in ("video", "image"):
        sampled = column[:, ::_PIXEL_STRIDE, ::_PIXEL_STRIDE].reshape(-1, 3) / 255.0
        return {
            name: value if name == "count" else value.reshape(3, 1, 1) for name, value in _summary(sampled, len(column)).items()
        }
    return _summary(column.reshape(len(column), -1) if column.ndim == 1 else column, len(column))


def _summary(rows: NDArray[Any], count: int) -> dict[str, NDArray[Any]]:
    values = rows.astype(np.float64)
    summary: dict[str, NDArray[Any]] = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([count]),
    }
    return summary | dict(zip(_QUANTILES, np.quantile(values, list(_QUANTILES.values()), axis=0), strict=True))


def aggregated(stats: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Statistics of all episodes; quantiles are means of the episodes' quantiles, as LeRobot aggregates them."""
    count = np.array([episode["count"][0] for episode in stats])

    def weighted(values: Iterable[NDArray[Any]]) -> NDArray[Any]:
        mean: NDArray[Any] = np.average(np.stack(list(values)), axis=0, weights=count)
        return mean

    mean = weighted(episode["mean"] for episode in stats)
    whole = {
        "min": np.min([episode["min"] for episode in stats], axis=0),
        "max": np.max([episode["max"] for episode in stats], axis=0),
        "mean": mean,
        "std": np.sqrt(weighted(episode["std"] ** 2 + (episode["mean"] - mean) ** 2 for episode in stats)),
        "count": np.array([count.sum()]),
    }
    return whole | {name: weighted(episode[name] for episode in stats) for name in _QUANTILES}
