"""The training loop: the same for every policy, on one process or several, and bit for bit the same when it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from hamster_bench.baselines.training.learner import Batch, Learner, Samples
from hamster_bench.baselines.training.metrics import Sink
from hamster_bench.baselines.training.processes import Place, averaged
from hamster_bench.baselines.training.settings import TrainingSettings
from hamster_bench.baselines.training.state import restore_state, save_state
from hamster_bench.errors import InvalidOptionError

STATE_FILE = "state.safetensors"
WEIGHTS_FILE = "weights.safetensors"

# Random streams, by what they are for; each is drawn anew from the seed and the number of the step.
_ORDER, _AUGMENTATION, _NOISE, _VALIDATION = range(4)
_LARGEST_SEED = 2**63
# Measured at once; small, so that a measurement needs no more memory than a step.
_VALIDATION_BATCH = 32


@dataclass(frozen=True)
class Progress:
    """How a training goes.

    Attributes:
        step: steps done.
        steps: steps to do.
        losses: of the last step.
        seconds: the last step took.
        waited: of these, for data.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    seconds: float
    waited: float


@dataclass(frozen=True)
class Outcome:
    """What a training was.

    Attributes:
        first_step: steps that were done before.
        steps: steps that are done now.
        seconds: taken by the steps of this run.
        waited: of these, for data.
        validation: the last measurement on held-out demonstrations; empty without any.
    """

    first_step: int
    steps: int
    seconds: float
    waited: float
    validation: Mapping[str, float]


def train(
    learner: Learner,
    data: Samples,
    held_out: Samples | None,
    settings: TrainingSettings,
    directory: Path,
    *,
    record: Mapping[str, Any],
    place: Place | None = None,
    sinks: Callable[[int], Sequence[Sink]] = lambda done: (),
    checkpoint_every: int = 500,
    keep_every: int | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Trains a policy, or goes on training it, and writes its weights.

    All that is random derives from the seed, the number of the step and the number of the process. Hence a training that was killed
    and is started again ends with the same bits as one that was not, on one machine with the same number of threads and processes.

    Args:
        learner: the policy.
        data: what to learn from.
        held_out: what to measure on, or None.
        settings: how.
        directory: exists; gets ``state.safetensors``, from which the same call goes on, and ``weights.safetensors``.
        record: what is to be kept with the weights besides configuration and settings: data, versions.
        place: which of several processes this is.
        sinks: makes the receivers of figures, given the number of steps done before; called in the first process alone.
        checkpoint_every: steps between two writings of the state.
        keep_every: steps between weights that are kept beside the last ones, as ``weights_000500.safetensors``; None keeps none.
        report: called after every step in the first process.

    Raises:
        StoreError: files cannot be written, or the directory holds another training.
        InvalidOptionError: the batch cannot be divided among the processes.
    """
    place = place or Place()
    if settings.batch % place.count:
        raise InvalidOptionError(f"a batch of {settings.batch} cannot be divided among {place.count} processes; take a multiple")
    optimiser = learner.optimiser(settings)
    rates = [group["lr"] for group in optimiser.param_groups]
    average = {name: value.detach().clone() for name, value in learner.module.state_dict().items()} if settings.average else {}
    described = asdict(settings) | {"processes": place.count}
    identity = {
        "policy": learner.name,
        "configuration": learner.configuration(),
        "settings": described,
        "data": record.get("data"),
    } | {key: record[key] for key in ("started_from",) if key in record}
    state = directory / STATE_FILE
    done = restore_state(state, learner.module, optimiser, average, identity) if state.exists() else 0
    losses_of = _with_averaged_gradients(learner, place)
    receivers = list(sinks(done)) if place.first else []
    seconds = waited = 0.0
    validation: dict[str, float] = {}

    def weights() -> Mapping[str, Tensor]:
        return average or learner.module.state_dict()

    def save(file: str, step: int) -> None:
        learner.save(directory / file, weights(), {**record, "settings": described, "step": step})

    def keep(step: int) -> None:
        if place.first:
            for sink in receivers:
                sink.flush()
            save(WEIGHTS_FILE, step)
            save_state(state, step, learner.module, optimiser, average, identity)

    try:
        learner.module.train()
        with _prefetched(learner, data, settings, place, done) as batches:
            for step in range(done, settings.steps):
                began = perf_counter()
                batch = next(batches)
                got = perf_counter()
                losses = _step(learner, losses_of, optimiser, rates, batch, settings, place, step)
                _update_average(average, learner.module, settings.average, step)
                figures = averaged(losses, place)
                took = perf_counter() - began
                seconds, waited = seconds + took, waited + got - began
                if place.first:
                    for sink in receivers:
                        sink.write("training", step + 1, figures | {"learning_rate": rates[0] * settings.rate(step)})
                    report(Progress(step + 1, settings.steps, figures, took, got - began))
                last = step + 1 == settings.steps
                if held_out is not None and place.first and (last or (step + 1) % settings.validate_every == 0):
                    validation = _validated(learner, held_out, weights(), settings)
                    for sink in receivers:
                        sink.write("validation", step + 1, validation)
                if place.first and keep_every is not None and (step + 1) % keep_every == 0:
                    save(f"weights_{step + 1:06d}.safetensors", step + 1)
                if last or (step + 1) % checkpoint_every == 0:
                    keep(step + 1)
        if place.first and not (directory / WEIGHTS_FILE).exists():
            keep(max(done, settings.steps))
    finally:
        for sink in receivers:
            sink.close()
    if place.count > 1:
        distributed.barrier()
    return Outcome(done, max(done, settings.steps), seconds, waited, validation)


def indices_of(step: int, count: int, settings: TrainingSettings) -> NDArray[np.int64]:
    """The samples (batch,) of a step; every sample comes once before any comes again.

    Args:
        step: from 0.
        count: of samples.
        settings: seed and size of a batch.
    """
    places = np.arange(step * settings.batch, (step + 1) * settings.batch)
    epochs = places // count
    orders = {epoch: np.random.default_rng((settings.seed, _ORDER, int(epoch))).permutation(count) for epoch in np.unique(epochs)}
    return np.array([orders[epoch][at] for epoch, at in zip(epochs, places % count, strict=True)], dtype=np.int64)


def _step(
    learner: Learner,
    losses_of: Callable[[Batch, torch.Generator], dict[str, Tensor]],
    optimiser: torch.optim.Optimizer,
    rates: Sequence[float],
    batch: Batch,
    settings: TrainingSettings,
    place: Place,
    step: int,
) -> dict[str, Tensor]:
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate * settings.rate(step)
    seed = int(np.random.default_rng((settings.seed, _NOISE, step, place.rank)).integers(_LARGEST_SEED))
    # For dropout, which draws from nothing else.
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.autocast(place.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
        losses = losses_of(batch, generator)
    optimiser.zero_grad(set_to_none=True)
    losses["loss"].backward()
    if settings.clip is not None:
        torch.nn.utils.clip_grad_norm_((p for p in learner.module.parameters() if p.requires_grad), settings.clip)
    optimiser.step()
    return losses


class _Losses(nn.Module):
    """The losses as a module's forward pass, which is where data-parallel training hooks in."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.trained = learner.module
        self._losses = learner.losses

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return self._losses(batch, generator)


def _with_averaged_gradients(learner: Learner, place: Place) -> Callable[[Batch, torch.Generator], dict[str, Tensor]]:
    if place.count == 1:
        return learner.losses
    devices = [place.device] if place.device.type == "cuda" else None
    return torch.nn.parallel.DistributedDataParallel(_Losses(learner), device_ids=devices)


@contextmanager
def _prefetched(
    learner: Learner, data: Samples, settings: TrainingSettings, place: Place, first: int
) -> Iterator[Iterator[Batch]]:
    """The batches from a step on, each made in another thread while the one before it is learned from."""
    share = settings.batch // place.count

    def made(step: int) -> Batch:
        indices = indices_of(step, len(data), settings)[place.rank * share : (place.rank + 1) * share]
        return learner.batch(data, indices, np.random.default_rng((settings.seed, _AUGMENTATION, step, place.rank)))

    def batches(pool: ThreadPoolExecutor) -> Iterator[Batch]:
        waiting: Future[Batch] | None = None
        for step in range(first, settings.steps):
            current = waiting or pool.submit(made, step)
            waiting = pool.submit(made, step + 1) if step + 1 < settings.steps else None
            yield current.result()

    with ThreadPoolExecutor(1, "batches") as pool:
        yield batches(pool)


@torch.no_grad()
def _update_average(average: Mapping[str, Tensor], module: nn.Module, kept: float, step: int) -> None:
    # Early on the weights of the start are worth nothing.
    kept = min(kept, (1.0 + step) / (10.0 + step))
    current = module.state_dict()
    for name, value in average.items():
        if value.is_floating_point():
            value.lerp_(current[name], 1.0 - kept)
        else:
            value.copy_(current[name])


def _validated(
    learner: Learner, held_out: Samples, weights: Mapping[str, Tensor], settings: TrainingSettings
) -> dict[str, float]:
    module = learner.module
    own = {name: value.detach().clone() for name, value in module.state_dict().items()}
    module.load_state_dict(weights)
    module.eval()
    parts: dict[str, list[NDArray[np.float64]]] = {}
    try:
        with torch.no_grad():
            for start in range(0, len(held_out), _VALIDATION_BATCH):
                indices = np.arange(start, min(start + _VALIDATION_BATCH, len(held_out)))
                # The same noise at every measurement, so that they can be compared.
                rng = np.random.default_rng((settings.seed, _VALIDATION, start))
                errors = learner.errors(learner.batch(held_out, indices, rng, augment=False), rng)
                for name, values in errors.items():
                    parts.setdefault(name, []).append(values)
    finally:
        module.load_state_dict(own)
        module.train()
    return {name: _summary(name, np.concatenate(values)) for name, values in parts.items()}


def _summary(name: str, values: NDArray[np.float64]) -> float:
    return float(np.median(values) if name.endswith(("_m", "_deg")) else np.mean(values))
