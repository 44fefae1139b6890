"""``hamster-bench train sketch``: trains the built-in path planner."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hamster_bench.cli.options import whole_number
from hamster_bench.demos.vqa import VqaExample, read_vqa
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, StoreError
from hamster_bench.planners.sketch.examples import TrainingSet, TrainingSettings
from hamster_bench.planners.sketch.settings import IMAGE_SIZE
from hamster_bench.planners.sketch.weights import read_weights

if TYPE_CHECKING:
    from hamster_bench.planners.sketch.training import Progress

_SHIPPED = "shipped"
_INSTALL = "pip install 'hamster-bench[torch]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    defaults = TrainingSettings()
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="directories written by 'hamster-bench export vqa'"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights file; replaced if it exists")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="state of the training, from which the same command goes on (default: FILE.checkpoint beside the weights)",
    )
    parser.add_argument(
        "--start", metavar="FILE|shipped", help="go on from these weights, or from those of the package, instead of from nothing"
    )
    for name, lowest, text in (
        ("steps", 1, "batches"),
        ("batch", 1, "pictures in a batch"),
        ("seed", 0, "seed of everything random"),
    ):
        value = getattr(defaults, name)
        parser.add_argument(
            f"--{name}", type=whole_number(f"--{name}", lowest), default=value, metavar="N", help=f"{text} (default {value})"
        )
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=defaults.learning_rate,
        metavar="X",
        help=f"highest learning rate (default {defaults.learning_rate})",
    )
    parser.add_argument("--bfloat16", action="store_true", help="compute in bfloat16: faster on processors that know it")
    parser.add_argument("--threads", type=whole_number("--threads", 1), metavar="N", help="threads (default: PyTorch's choice)")


def execute(arguments: argparse.Namespace) -> int:
    """Trains, or goes on training, and writes the weights."""
    settings = replace(
        TrainingSettings(),
        steps=arguments.steps,
        batch=arguments.batch,
        seed=arguments.seed,
        learning_rate=arguments.learning_rate,
        bfloat16=arguments.bfloat16,
    )
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(f"training needs PyTorch; install it with: {_INSTALL}")
    if not arguments.out.parent.is_dir():
        raise StoreError(f"{arguments.out} cannot be written: there is no directory {arguments.out.parent}")
    start = None
    if arguments.start is not None:
        start = read_weights(None if arguments.start == _SHIPPED else Path(arguments.start))
        settings = replace(settings, architecture=start.architecture)
    data = read_training_set(arguments.data)

    import torch
    from tqdm import tqdm

    from hamster_bench.planners.sketch.training import train

    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    checkpoint = arguments.checkpoint or arguments.out.with_name(f"{arguments.out.name}.checkpoint")
    with tqdm(total=settings.steps, unit="step", dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:

        def report(progress: Progress) -> None:
            bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
            bar.update(progress.step - bar.n)

        train(data, settings, arguments.out, start=start, checkpoint=checkpoint, report=report)
    print(f"{arguments.out}: trained on {len(data)} pictures in {settings.steps} steps")
    return 0


def read_training_set(directories: Sequence[Path]) -> TrainingSet:
    """Exported examples as the model sees them: pictures stretched to its size, all in memory.

    Raises:
        StoreError: a directory holds no export, or a damaged one.
        InvalidOptionError: a directory is named twice.
    """
    from PIL import Image

    if len({directory.resolve() for directory in directories}) < len(directories):
        raise InvalidOptionError("a directory of training data is named more than once")
    examples: list[VqaExample] = [example for directory in directories for example in read_vqa(directory)]
    images = np.empty((len(examples), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    for i, example in enumerate(examples):
        try:
            with Image.open(example.image) as picture:
                stretched = picture.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)
        except (OSError, ValueError) as error:
            raise StoreError(f"{example.image} cannot be read ({error}); remove its shard's list and export again") from error
        images[i] = np.asarray(stretched)
    return TrainingSet(images, [example.instructions for example in examples], [example.path for example in examples])
