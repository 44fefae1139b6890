"""``hamster-bench train diffuser_actor``: trains 3D Diffuser Actor on demonstrations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hamster_bench.cli.options import whole_number
from hamster_bench.cli.train_policy import (
    add_policy_arguments,
    needed_torch,
    path_overlay,
    run_training,
    training_settings,
    used_demonstrations,
)

if TYPE_CHECKING:
    from hamster_bench.baselines.training.processes import Place
    from hamster_bench.baselines.training.samples import KeyposeSamples

_CONFIGURATIONS = ("small", "paper")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    add_policy_arguments(parser, _CONFIGURATIONS)
    parser.add_argument(
        "--noise-levels",
        type=whole_number("--noise-levels", 1),
        metavar="N",
        help="noise levels at which every sample is learned from at once (default: the configuration's)",
    )
    parser.add_argument(
        "--clip-weights",
        type=Path,
        metavar="FILE",
        help="CLIP's ResNet-50 for configurations that use it (default: the hub's cache)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Trains, or goes on training, and writes the weights."""
    needed_torch()
    from hamster_bench.baselines.diffuser_actor.learner import RECIPES, DiffuserActorLearner, PathOverlaySettings, fitted_settings

    recipe = RECIPES.get(arguments.config)
    settings = training_settings(recipe.training, arguments)
    noise = path_overlay(arguments)
    learning = replace(
        recipe.learning,
        path=None if noise is None else PathOverlaySettings(source=arguments.path, noise=noise),
        noise_levels=arguments.noise_levels or recipe.learning.noise_levels,
    )
    demonstrations = used_demonstrations(arguments, settings, _cameras(recipe.network.cameras, arguments.cameras))

    def make(samples: KeyposeSamples, place: Place) -> DiffuserActorLearner:
        return DiffuserActorLearner(
            fitted_settings(recipe.network, samples),
            learning,
            seed=settings.seed,
            device=place.device,
            clip_trunk=arguments.clip_weights,
        )

    return run_training(arguments, settings, demonstrations, make)


def _cameras(default: tuple[str, ...], asked: Sequence[str] | None) -> tuple[str, ...]:
    return default if asked is None else tuple(asked)
