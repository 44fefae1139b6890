"""Actions as tokens: 255 intervals between 256 points from -1 to 1, one token for each, from the end of the vocabulary backwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError, StoreError, UnknownNameError

FloatArray = NDArray[np.float64]

# Keeps the division sound where a dimension never changes, as in the original.
_SPREAD_GUARD = 1e-8


@dataclass(frozen=True)
class ActionTokens:
    """The code between normalised actions and token numbers.

    Attributes:
        vocabulary: tokens of the language, without those added to fill up the embedding.
        bins: number of points from -1 to 1.
    """

    vocabulary: int = 32000
    bins: int = 256

    def encode(self, normalised: FloatArray) -> NDArray[np.int64]:
        """Token numbers of actions in [-1, 1]; what lies outside is clipped. The extreme values share a token with the next interval."""
        points = np.linspace(-1.0, 1.0, self.bins)
        number = np.digitize(np.clip(normalised, -1.0, 1.0), points)
        return (self.vocabulary - number).astype(np.int64)

    def decode(self, tokens: NDArray[np.integer[Any]]) -> FloatArray:
        """Centres of the intervals that tokens stand for; any other token counts as the nearest end."""
        points = np.linspace(-1.0, 1.0, self.bins)
        centres = (points[:-1] + points[1:]) / 2.0
        decoded: FloatArray = centres[np.clip(self.vocabulary - np.asarray(tokens) - 1, 0, self.bins - 2)]
        return decoded


@dataclass(frozen=True)
class ActionStatistics:
    """How the actions of one data set are normalised.

    Attributes:
        low: (d,) 1st percentile.
        high: (d,) 99th percentile.
        mask: (d,) where actions are normalised at all; the usual one leaves the gripper as it is.
    """

    low: FloatArray
    high: FloatArray
    mask: NDArray[np.bool_]

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> ActionStatistics:
        """The statistics in ``norm_stats[key]["action"]``.

        Raises:
            InvalidOptionError: it lacks something, or the lengths differ.
        """
        try:
            low, high = (np.asarray(held[name], dtype=np.float64) for name in ("q01", "q99"))
            mask = np.asarray(held.get("mask", np.ones(len(low), bool)), dtype=bool)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidOptionError(f"statistics of actions hold lists 'q01' and 'q99' and perhaps 'mask': {error}") from error
        if low.ndim != 1 or not low.shape == high.shape == mask.shape:
            raise InvalidOptionError(f"q01, q99 and mask have one length, got {low.shape}, {high.shape} and {mask.shape}")
        return cls(low, high, mask)

    def normalise(self, actions: FloatArray) -> FloatArray:
        """Actions (..., d) to [-1, 1]; dimensions that never change become 0."""
        scaled = 2.0 * (actions - self.low) / (self.high - self.low + _SPREAD_GUARD) - 1.0
        scaled = np.clip(np.where(self.mask, scaled, actions), -1.0, 1.0)
        return np.where(self.mask & (self.low == self.high), 0.0, scaled)

    def restore(self, normalised: FloatArray) -> FloatArray:
        """The way back."""
        return np.where(self.mask, 0.5 * (normalised + 1.0) * (self.high - self.low) + self.low, normalised)


def chosen_statistics(held: Mapping[str, Any], key: str | None) -> ActionStatistics:
    """Statistics by the name of their data set.

    Args:
        held: ``norm_stats`` of a model.
        key: name; None where there is only one.

    Raises:
        UnknownNameError: there is none of this name.
        InvalidOptionError: no name is given and there are several, or the statistics are malformed.
    """
    if key is None:
        if len(held) != 1:
            raise InvalidOptionError(
                f"the model knows the actions of several data sets; choose one with key=...: {', '.join(sorted(held)) or 'none'}"
            )
        key = next(iter(held))
    if key not in held:
        raise UnknownNameError("data set of the model", key, sorted(held))
    try:
        return ActionStatistics.from_json(held[key]["action"])
    except (KeyError, TypeError) as error:
        raise InvalidOptionError(f"the statistics of {key!r} hold no 'action'") from error


def read_statistics(directory: Path, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """``norm_stats`` of a model's folder; ``dataset_statistics.json`` of a fine-tuned one replaces those in ``config.json``.

    Raises:
        StoreError: the file cannot be read.
    """
    file = directory / "dataset_statistics.json"
    if not file.exists():
        return dict(configuration.get("norm_stats") or {})
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{file} cannot be read: {error}") from error
