"""What a policy brings with it to be trained; everything else is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hamster_bench.baselines.training.settings import TrainingSettings

# A batch as a learner makes it; the loop only hands it on.
Batch = Any
# What a learner learns from: of a known number, in no form that the loop knows of.
Samples = Any


class Learner(Protocol):
    """A network together with how it learns.

    The loop (`hamster_bench.baselines.training.loop.train`) calls it so, once a step::

        batch = learner.batch(samples, indices, rng)        # in a thread of its own, ahead of time
        losses = learner.losses(batch, generator)           # under autocast where asked for
        losses["loss"].backward()

    A training that is killed goes on bit for bit as if it had not been. The loop can promise that because a learner keeps nothing
    between two calls but the parameters and buffers of its module, and draws from nothing but the generators it is given, which the
    loop derives from the seed and the number of the step. (Dropout may use PyTorch's own generator: it is seeded likewise.)
    """

    @property
    def name(self) -> str:
        """Of the policy, as the command line says it."""
        ...

    @property
    def module(self) -> nn.Module:
        """The network, on the device to train on. Parameters that ask for no gradient are not trained."""
        ...

    def configuration(self) -> Mapping[str, Any]:
        """All choices but those of `TrainingSettings`, as JSON knows it. A checkpoint is resumed only under an equal one."""
        ...

    def optimiser(self, settings: TrainingSettings) -> torch.optim.Optimizer:
        """A new optimiser for the module, with the settings' highest learning rate in every group (or a multiple of it)."""
        ...

    def batch(
        self, samples: Samples, indices: NDArray[np.integer[Any]], rng: np.random.Generator, *, augment: bool = True
    ) -> Batch:
        """Some of the samples, augmented, as tensors. Called from another thread than the rest."""
        ...

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Scalars to report, among them ``loss``, which is descended.

        Args:
            batch: of `batch`; to be moved to the module's device here.
            generator: on the processor, for all noise.
        """
        ...

    def errors(self, batch: Batch, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """How far the policy's own answers are off, one number for each sample of the batch and each measure.

        The loop reports the median of measures whose name ends in a unit (``position_error_m``), and the mean of the others.

        Args:
            batch: made without augmentation.
            rng: for whatever the policy draws.
        """
        ...

    def save(self, file: Path, weights: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Writes weights (entries of the module's state dictionary) as the policy's own kind of checkpoint.

        Args:
            file: replaced in one moment if it exists.
            weights: by the names of the module's state dictionary.
            training: how they came about; to be kept in the file.

        Raises:
            StoreError: it cannot be written.
        """
        ...
