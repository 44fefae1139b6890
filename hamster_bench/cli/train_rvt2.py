"""``hamster-bench train rvt2``: trains RVT-2 on demonstrations."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from hamster_bench.cli.train_policy import (
    add_policy_arguments,
    needed_torch,
    path_overlay,
    run_training,
    training_settings,
    used_demonstrations,
)
from hamster_bench.errors import InvalidOptionError

if TYPE_CHECKING:
    from hamster_bench.baselines.rvt2.settings import Rvt2Settings
    from hamster_bench.baselines.training.processes import Place
    from hamster_bench.baselines.training.samples import KeyposeSamples

_CONFIGURATIONS = ("small", "paper", "peract")
_PATH_FORMS = ("overlay", "channels")
_TEXTS = ("clip", "learned", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    add_policy_arguments(parser, _CONFIGURATIONS)
    parser.add_argument(
        "--path-form",
        choices=_PATH_FORMS,
        metavar="|".join(_PATH_FORMS),
        help="where the path of --path is drawn: over the images, or in three channels of its own (default overlay)",
    )
    parser.add_argument(
        "--text",
        choices=_TEXTS,
        metavar="|".join(_TEXTS),
        help="how instructions are read (default: the configuration's, and none with a path)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Trains, or goes on training, and writes the weights.

    Raises:
        InvalidOptionError: a form is chosen for a path that there is not.
    """
    needed_torch()
    from hamster_bench.baselines.rvt2.learner import RECIPES, Rvt2Learner, fitted_settings
    from hamster_bench.baselines.training.settings import PathOverlaySettings

    recipe = RECIPES.get(arguments.config)
    settings = training_settings(recipe.training, arguments)
    noise = path_overlay(arguments)
    if noise is None and arguments.path_form is not None:
        raise InvalidOptionError("--path-form needs a path to draw: add --path oracle")
    path = None if noise is None else PathOverlaySettings(source=arguments.path, noise=noise)
    learning = replace(recipe.learning, path=path)
    network = _network(recipe.network, arguments)
    cameras = network.cameras if arguments.cameras is None else tuple(arguments.cameras)
    demonstrations = used_demonstrations(arguments, settings, cameras)

    def make(samples: KeyposeSamples, place: Place) -> Rvt2Learner:
        return Rvt2Learner(fitted_settings(network, samples), learning, seed=settings.seed, device=place.device)

    return run_training(arguments, settings, demonstrations, make)


def _network(settings: Rvt2Settings, arguments: argparse.Namespace) -> Rvt2Settings:
    """A configuration's network with what was asked for: HAMSTER's policies read no instruction, the path tells it."""
    if arguments.path_form == "channels":
        settings = replace(settings, color_channels=6)
    return replace(settings, text=arguments.text or ("none" if arguments.path != "none" else settings.text))
