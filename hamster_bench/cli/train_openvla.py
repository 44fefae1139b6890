"""``hamster-bench train openvla``: trains OpenVLA's architecture from nothing, or fine-tunes a published model, on demonstrations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hamster_bench.cli.options import whole_number
from hamster_bench.cli.train_policy import (
    add_policy_arguments,
    needed_torch,
    run_training,
    training_settings,
    used_demonstrations,
)
from hamster_bench.errors import InvalidOptionError

if TYPE_CHECKING:
    from hamster_bench.baselines.openvla.samples import DeltaSamples
    from hamster_bench.baselines.training.learner import Learner
    from hamster_bench.baselines.training.processes import Place
    from hamster_bench.demos.store import DemoStore
    from hamster_bench.scenario import Scenario

_CONFIGURATIONS = ("tiny", "lora")
_RANK, _ALPHA = 32, 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    add_policy_arguments(parser, _CONFIGURATIONS)
    parser.add_argument("--model", type=Path, metavar="DIR", help="with lora: folder of the published model")
    parser.add_argument("--merge", type=Path, metavar="DIR", help="with lora: write the fine-tuned model here when all is done")
    parser.add_argument(
        "--lora-rank",
        type=whole_number("--lora-rank", 1),
        default=_RANK,
        metavar="N",
        help=f"rank of the changes (default {_RANK})",
    )
    parser.add_argument(
        "--lora-alpha",
        type=whole_number("--lora-alpha", 1),
        default=_ALPHA,
        metavar="N",
        help=f"their factor is alpha / rank (default {_ALPHA})",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Trains, or goes on training, and writes the weights.

    Raises:
        InvalidOptionError: options do not fit together.
    """
    needed_torch()
    if arguments.path != "none":
        raise InvalidOptionError("openvla learns without paths; leave --path out")
    if (arguments.config == "lora") != (arguments.model is not None):
        raise InvalidOptionError("--model is the published model that --config lora changes; give both or neither")
    if arguments.merge is not None and arguments.model is None:
        raise InvalidOptionError("--merge writes a fine-tuned model; it needs --config lora")
    import torch

    from hamster_bench.baselines.openvla.checkpoint import load
    from hamster_bench.baselines.openvla.learner import DATA_SET, RECIPES, LoraLearner, LoraSettings, OpenVLALearner
    from hamster_bench.baselines.openvla.samples import read_delta_samples
    from hamster_bench.baselines.openvla.settings import read_configuration

    recipe = RECIPES.get(arguments.config)
    settings = training_settings(recipe.training, arguments)
    network = recipe.network or read_configuration(arguments.model)[0]
    cameras = arguments.cameras or ("front",)
    if len(cameras) != 1:
        raise InvalidOptionError(f"openvla sees one camera, got {', '.join(cameras)}")

    def read(store: DemoStore, scenarios: Sequence[Scenario]) -> DeltaSamples:
        return read_delta_samples(store, scenarios, cameras[0], network.image_size, network.control_steps)

    def make(samples: DeltaSamples, place: Place) -> OpenVLALearner:
        statistics = samples.statistics(DATA_SET)
        if recipe.network is not None:
            return OpenVLALearner.from_nothing(
                recipe.network, statistics, recipe.augmentation, seed=settings.seed, device=place.device
            )
        dtype = torch.bfloat16 if place.device.type == "cuda" else torch.float32
        lora = LoraSettings(rank=arguments.lora_rank, alpha=arguments.lora_alpha)
        model = load(arguments.model, dtype, str(place.device))
        return LoraLearner(model, statistics, lora, recipe.augmentation, seed=settings.seed, device=place.device)

    def finish(learner: Learner) -> None:
        if arguments.merge is not None and isinstance(learner, LoraLearner):
            learner.merge(arguments.merge, arguments.model)
            print(f"{arguments.merge}: the fine-tuned model; run it as openvla:{arguments.merge},crop=yes")

    demonstrations = used_demonstrations(arguments, settings, cameras)
    return run_training(arguments, settings, demonstrations, make, read=read, finish=finish)
