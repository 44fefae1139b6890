"""Training of the model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.files import write_whole
from hamster_bench.paths.path import Path2D
from hamster_bench.planners.sketch.augment import augmented, seen_in
from hamster_bench.planners.sketch.examples import TrainingSet, TrainingSettings
from hamster_bench.planners.sketch.network import SketchNetwork
from hamster_bench.planners.sketch.settings import GRID, IMAGE_SIZE
from hamster_bench.planners.sketch.tokens import MAX_TOKENS, AnswerTokens, Kind, Vocabulary, tokens_of
from hamster_bench.planners.sketch.weights import Weights, write_weights

_CHECKPOINT_FORMAT = "hamster_bench.sketch-training/1"


class Progress(NamedTuple):
    """How training goes.

    Attributes:
        step: batches done.
        loss: of the last batch.
    """

    step: int
    loss: float


def train(
    data: TrainingSet,
    settings: TrainingSettings,
    out: Path,
    *,
    start: Weights | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 500,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Trains a model and writes its weights.

    Everything random derives from the seed and the number of the step, so training that is interrupted and resumed gives the same
    weights as training that is not, on one machine with one number of threads.

    Args:
        data: what to learn from.
        settings: how.
        out: weights file; replaced if it exists.
        start: a model to go on from, of the same architecture; words of the data that it does not know are added.
        checkpoint: file in which the state of training is kept; if it exists, training goes on from there.
        checkpoint_every: steps between two writings of it.
        report: called after every step.

    Raises:
        StoreError: a file cannot be written, or the checkpoint is of a training with other words, settings or another start.
        InvalidOptionError: the start is of another architecture.
    """
    if start is not None and start.architecture != settings.architecture:
        raise InvalidOptionError(f"training goes on from a model of the same architecture, got {start.architecture}")
    vocabulary = Vocabulary.of((text for texts in data.instructions for text in texts), start.vocabulary.words if start else ())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = SketchNetwork(settings.architecture, len(vocabulary)).to(memory_format=torch.channels_last)
    if start is not None:
        _begin_from(network, start)
    optimiser = _optimiser(network, settings)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    run = _Run(network, optimiser, average, vocabulary, settings, start.digest if start else None)
    step = 0
    if checkpoint is not None and checkpoint.exists():
        step = _restore(checkpoint, run)
    network.train()
    for indices in _batches(len(data), settings, step):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng((settings.seed, step)).integers(2**62)))
            loss = _step(run, data, indices, step)
        step += 1
        report(Progress(step, loss))
        if checkpoint is not None and (step % checkpoint_every == 0 or step == settings.steps):
            _save(checkpoint, run, step)
            write_weights(out, _weights(run, step))
    write_weights(out, _weights(run, step))


class _Run(NamedTuple):
    network: SketchNetwork
    optimiser: torch.optim.AdamW
    average: dict[str, Tensor]
    vocabulary: Vocabulary
    settings: TrainingSettings
    start: str | None


class _Batch(NamedTuple):
    images: Tensor
    words: Tensor
    kinds: Tensor
    points: Tensor
    lengths: Tensor


def _begin_from(network: SketchNetwork, start: Weights) -> None:
    """Gives a network the parameters of a model that knows no more words than it."""
    state = network.state_dict()
    with torch.no_grad():
        for name, array in start.arrays.items():
            if name not in state:
                raise StoreError(f"the weights are not those of the sketch planner: {name!r} is no part of it")
            # Only the embeddings of words can be longer here than there.
            state[name][: len(array)].copy_(torch.from_numpy(array.astype(np.float32)))


def _optimiser(network: SketchNetwork, settings: TrainingSettings) -> torch.optim.AdamW:
    kernels = [p for name, p in network.named_parameters() if p.ndim >= 2 and "position" not in name]
    others = [p for name, p in network.named_parameters() if p.ndim < 2 or "position" in name]
    groups = [{"params": kernels, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))


def _batches(count: int, settings: TrainingSettings, start: int) -> Iterator[NDArray[np.intp]]:
    """The pictures of each step from ``start`` on; every picture comes once before any comes again."""
    epoch, order = -1, np.zeros(0, dtype=np.intp)
    for step in range(start, settings.steps):
        places = np.arange(step * settings.batch, (step + 1) * settings.batch)
        chosen = np.empty(settings.batch, dtype=np.intp)
        for i, place in enumerate(places):
            if place // count != epoch:
                epoch = int(place // count)
                order = np.random.default_rng((settings.seed, 1, epoch)).permutation(count)
            chosen[i] = order[place % count]
        yield chosen


def _learning_rate(settings: TrainingSettings, step: int) -> float:
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    share = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * share)))


def _step(run: _Run, data: TrainingSet, indices: NDArray[np.intp], step: int) -> float:
    settings = run.settings
    batch = _batch(run, data, indices, np.random.default_rng((settings.seed, 2, step)))
    for group in run.optimiser.param_groups:
        group["lr"] = _learning_rate(settings, step)
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
        noisy = batch.points + settings.point_noise * torch.randn_like(batch.points)
        logits = run.network(batch.images, batch.words, batch.kinds, noisy, settings.dropout).float()
    loss = _loss(logits, batch, settings.target_deviation)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimiser.step()
    with torch.no_grad():
        # Early on the weights of the start are worth nothing.
        decay = min(settings.average, (1.0 + step) / (10.0 + step))
        for name, value in run.network.state_dict().items():
            if value.is_floating_point():
                run.average[name].lerp_(value, 1.0 - decay)
            else:
                run.average[name].copy_(value)
    return float(loss.detach())


def _batch(run: _Run, data: TrainingSet, indices: NDArray[np.intp], rng: np.random.Generator) -> _Batch:
    settings = run.settings
    images = np.empty((len(indices), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.float32)
    words: list[NDArray[np.int64]] = []
    answers: list[AnswerTokens] = []
    for i, index in enumerate(indices):
        path = data.paths[index]
        if settings.augment:
            images[i], view = augmented(data.images[index], rng)
            path = Path2D(seen_in(view, path.points), path.gripper_open)
        else:
            images[i] = data.images[index] / np.float32(255.0)
        texts = data.instructions[index]
        ids = run.vocabulary.encode(texts[int(rng.integers(len(texts)))])
        ids[(ids > 1) & (rng.random(len(ids)) < settings.unknown_words)] = 1
        words.append(ids)
        answers.append(tokens_of(path))
    longest = max(len(answer.kinds) for answer in answers)
    if longest > MAX_TOKENS:
        raise InvalidOptionError(f"an answer of the training data has {longest} tokens, the model writes at most {MAX_TOKENS}")
    kinds = np.full((len(indices), longest), int(Kind.END), dtype=np.int64)
    points = np.zeros((len(indices), longest, 2), dtype=np.float32)
    for i, answer in enumerate(answers):
        kinds[i, : len(answer.kinds)] = answer.kinds
        points[i, : len(answer.kinds)] = answer.points
    pictures = torch.from_numpy(images * 2.0 - 1.0).permute(0, 3, 1, 2)
    return _Batch(
        pictures,
        torch.from_numpy(np.stack(words)),
        torch.from_numpy(kinds),
        torch.from_numpy(points),
        torch.tensor([len(answer.kinds) for answer in answers]),
    )


def _loss(logits: Tensor, batch: _Batch, deviation: float) -> Tensor:
    """Mean cross-entropy of the answers' tokens; a point's target is spread over the cells around it."""
    real = torch.arange(logits.shape[1]) < batch.lengths[:, None]
    is_point = batch.kinds == Kind.POINT
    logarithms = functional.log_softmax(logits, dim=-1)
    centres = (torch.arange(GRID, dtype=logits.dtype) + 0.5) / GRID
    targets = [
        functional.softmax(-0.5 * ((centres - batch.points[..., axis, None]) * GRID / deviation) ** 2, dim=-1) for axis in (0, 1)
    ]
    maps = logarithms[..., : GRID * GRID].unflatten(-1, (GRID, GRID))
    of_points = -torch.einsum("bnyx,bny,bnx->bn", maps, targets[1], targets[0])
    places = (GRID * GRID + batch.kinds - 1).clamp(min=0)
    of_others = -logarithms.gather(-1, places[..., None])[..., 0]
    losses = torch.where(is_point, of_points, of_others)
    return losses[real].mean()


def _weights(run: _Run, step: int) -> Weights:
    arrays = {name: value.numpy().astype(np.float16) for name, value in run.average.items() if value.is_floating_point()}
    training = json.loads(run.settings.to_json()) | {"step": step, "start": run.start}
    return Weights(run.settings.architecture, run.vocabulary, arrays, training)


def _identity(run: _Run) -> dict[str, str]:
    """What a checkpoint must agree in with the training that goes on from it."""
    return {
        "format": _CHECKPOINT_FORMAT,
        "settings": run.settings.to_json(),
        "vocabulary": json.dumps(run.vocabulary.words),
        "start": str(run.start),
    }


def _save(file: Path, run: _Run, step: int) -> None:
    tensors: dict[str, Tensor] = {}
    for prefix, part in (("network.", run.network.state_dict()), ("average.", run.average)):
        tensors |= {f"{prefix}{name}": value.contiguous().clone() for name, value in part.items()}
    for name, parameter in run.network.named_parameters():
        for key, value in run.optimiser.state[parameter].items():
            tensors[f"optimiser.{name}.{key}"] = torch.as_tensor(value).contiguous().clone()
    metadata = _identity(run) | {"step": str(step)}
    write_whole(file, save(tensors, metadata))


def _restore(file: Path, run: _Run) -> int:
    try:
        with safe_open(file, framework="pt") as opened:
            metadata: dict[str, Any] = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{file} is no checkpoint of the sketch planner ({error}); choose another file") from error
    differing = [key for key, value in _identity(run).items() if metadata.get(key) != value]
    if differing:
        raise StoreError(
            f"{file} is of another training ({', '.join(differing)} differ); choose another file, or remove this one"
        )
    run.network.load_state_dict({name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")})
    for name in run.average:
        run.average[name].copy_(tensors[f"average.{name}"])
    for name, parameter in run.network.named_parameters():
        start = f"optimiser.{name}."
        # Names may begin alike; a state's keys hold no dot.
        state = {
            key.removeprefix(start): t for key, t in tensors.items() if key.startswith(start) and "." not in key[len(start) :]
        }
        if state:
            run.optimiser.state[parameter] = state
    return int(metadata["step"])
