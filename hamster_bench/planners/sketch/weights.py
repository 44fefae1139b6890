"""Weights of the model as a file: safetensors, with the sizes and the words it knows in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import StoreError
from hamster_bench.files import write_whole
from hamster_bench.planners.sketch.settings import Architecture
from hamster_bench.planners.sketch.tokens import Vocabulary

_FORMAT = "hamster_bench.sketch/1"
# All of the header under one key: several come in any order, and the same model would not be the same bytes.
_KEY = "hamster_bench"
_SHIPPED = "weights.safetensors"
_DIGEST_LENGTH = 12


@dataclass(frozen=True, eq=False)
class Weights:
    """A trained model.

    Attributes:
        architecture: its sizes.
        vocabulary: the words it knows.
        arrays: by the names of `hamster_bench.planners.sketch.network.SketchNetwork`.
        training: how it was trained.
        digest: first 12 digits of the SHA-256 of the file it was read from; empty if it was not.
    """

    architecture: Architecture
    vocabulary: Vocabulary
    arrays: Mapping[str, NDArray[Any]]
    training: Mapping[str, Any]
    digest: str = ""

    @property
    def parameter_count(self) -> int:
        """Number of stored numbers, the running statistics of batch normalisation included."""
        return sum(array.size for array in self.arrays.values())


def write_weights(file: Path, weights: Weights) -> None:
    """Writes a model; a file of this name is replaced in one moment.

    Raises:
        StoreError: it cannot be written.
    """
    from safetensors.numpy import save

    header = {
        "format": _FORMAT,
        "architecture": asdict(weights.architecture),
        "vocabulary": weights.vocabulary.words,
        "training": dict(weights.training),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in weights.arrays.items()}
    write_whole(file, save(arrays, {_KEY: json.dumps(header)}))


def read_weights(file: Path | None = None) -> Weights:
    """A stored model.

    Args:
        file: written by `write_weights`; None for the one that is shipped.

    Raises:
        StoreError: there is no such file, or it holds something else.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(str(resources.files(__package__).joinpath(_SHIPPED))) if file is None else file
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST_LENGTH]
        with safe_open(path, framework="numpy") as opened:
            texts = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path} cannot be read as weights of the sketch planner: {error}") from error
    try:
        header = json.loads(texts.get(_KEY, "null"))
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            raise StoreError(f"{path} holds no weights of the sketch planner ({_FORMAT}); name a file written by 'train sketch'")
        sizes = header["architecture"]
        architecture = Architecture(**(sizes | {"channels": tuple(sizes["channels"])}))
        vocabulary = Vocabulary(header["vocabulary"])
        training = dict(header["training"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} has a damaged header: {error}") from error
    return Weights(architecture, vocabulary, arrays, training, digest)
