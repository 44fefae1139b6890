"""What the model is trained on, and how. Nothing here needs PyTorch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError
from hamster_bench.paths.path import Path2D
from hamster_bench.planners.sketch.settings import IMAGE_SIZE, Architecture


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the model is trained.

    Attributes:
        steps: number of batches.
        batch: pictures in a batch.
        learning_rate: highest; it rises over the first ``warmup`` steps and falls as a cosine to a hundredth.
        warmup: steps.
        weight_decay: of AdamW, on matrices and kernels only.
        dropout: share of activations dropped in the transformer.
        unknown_words: share of words replaced by the unknown word.
        point_noise: deviation of the noise on the points fed back [fraction of the image]; the model learns to go on from points that
            are not quite right.
        target_deviation: of the Gaussian around a point that the model learns to say [cells].
        average: decay, for each step, of the running average of the weights, which is what is kept in the end.
        augment: whether pictures are changed in light, colour, place and size.
        bfloat16: compute in bfloat16 where PyTorch thinks it safe; twice as fast on processors that know it.
        seed: of everything random.
        architecture: sizes of the network.
    """

    steps: int = 1500
    batch: int = 64
    learning_rate: float = 1.5e-3
    warmup: int = 100
    weight_decay: float = 0.05
    dropout: float = 0.0
    unknown_words: float = 0.05
    point_noise: float = 0.02
    target_deviation: float = 0.8
    average: float = 0.995
    augment: bool = True
    bfloat16: bool = False
    seed: int = 0
    architecture: Architecture = field(default_factory=Architecture)

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidOptionError(f"{name} must be a whole number from 1, got {value!r}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0.0):
            raise InvalidOptionError(f"learning_rate must be a positive number, got {self.learning_rate!r}")

    def to_json(self) -> str:
        """All settings as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What the model learns from.

    Attributes:
        images: (n, 128, 128, 3) uint8.
        instructions: phrasings of each picture's task; one of them is drawn whenever the picture is shown.
        paths: the right answer for each picture.

    Raises:
        InvalidOptionError: no picture, or lengths or sizes that do not fit.
    """

    images: NDArray[np.uint8]
    instructions: Sequence[tuple[str, ...]]
    paths: Sequence[Path2D]

    def __post_init__(self) -> None:
        count = len(self.images)
        if count == 0:
            raise InvalidOptionError("there is nothing to learn from: the training data hold no picture")
        if self.images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3) or not count == len(self.instructions) == len(self.paths):
            raise InvalidOptionError(
                f"training data are pictures (n, {IMAGE_SIZE}, {IMAGE_SIZE}, 3) with instructions and a path each, got pictures "
                f"{self.images.shape}, {len(self.instructions)} instructions and {len(self.paths)} paths"
            )

    def __len__(self) -> int:
        return len(self.images)
