"""How a policy is trained, apart from what it is."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from hamster_bench.errors import InvalidOptionError

Schedule = Literal["constant", "cosine"]
Precision = Literal["float32", "bfloat16"]

# Where the cosine ends, as a share of the highest learning rate.
_LAST_RATE = 0.01


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything that decides a training besides data and learner.

    Attributes:
        steps: number of batches.
        batch: samples in one, over all processes.
        learning_rate: highest learning rate.
        schedule: ``"constant"``, or ``"cosine"``: down to a hundredth of it along half a cosine.
        warmup: steps in which the rate grows from nothing.
        weight_decay: as AdamW has it.
        clip: gradients longer than this are shortened to it; None for as they are.
        average: how much of the running average of the weights a step keeps; the average is what is saved. 0 for the weights themselves.
        precision: ``"bfloat16"`` computes what can be so in half precision (autocast); weights and optimiser stay in float32.
        seed: of everything random.
        held_out: share of every task's demonstrations that is measured on and not learned from.
        validate_every: steps between two measurements on those.
    """

    steps: int
    batch: int
    learning_rate: float
    schedule: Schedule = "constant"
    warmup: int = 0
    weight_decay: float = 5e-4
    clip: float | None = None
    average: float = 0.0
    precision: Precision = "float32"
    seed: int = 0
    held_out: float = 0.05
    validate_every: int = 500

    def __post_init__(self) -> None:
        for name, lowest in (("steps", 1), ("batch", 1), ("warmup", 0), ("seed", 0), ("validate_every", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
                raise InvalidOptionError(f"{name} must be a whole number of at least {lowest}, got {value!r}")
        for name in ("average", "held_out"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise InvalidOptionError(f"{name} must be a number from 0 to below 1, got {value!r}")
        for name in ("learning_rate", "weight_decay"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidOptionError(f"{name} must be a number from 0, got {value!r}")
        if self.clip is not None and not self.clip > 0.0:
            raise InvalidOptionError(f"clip must be a number above 0 or None, got {self.clip!r}")
        for name, choices in (("schedule", get_args(Schedule)), ("precision", get_args(Precision))):
            if getattr(self, name) not in choices:
                raise InvalidOptionError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0, as a share of the highest."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.schedule == "constant":
            return 1.0
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return _LAST_RATE + (1.0 - _LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * done))

    def to_json(self) -> str:
        """The settings as text."""
        return json.dumps(asdict(self), sort_keys=True)
