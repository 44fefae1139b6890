"""What the commands that train policies from demonstrations have in common."""

from __future__ import annotations

import argparse
import importlib.util
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hamster_bench import __version__
from hamster_bench.cli.options import choice, names, whole_number
from hamster_bench.demos.keyframes import KEYFRAME_RULES
from hamster_bench.errors import InvalidOptionError, MissingDependencyError, StoreError

if TYPE_CHECKING:
    from hamster_bench.baselines.training.learner import Learner
    from hamster_bench.baselines.training.loop import Outcome, Progress
    from hamster_bench.baselines.training.metrics import Sink
    from hamster_bench.baselines.training.processes import Place
    from hamster_bench.baselines.training.samples import KeyposeSamples
    from hamster_bench.baselines.training.settings import TrainingSettings
    from hamster_bench.demos.store import DemoStore
    from hamster_bench.scenario import Scenario

_INSTALL = "pip install 'hamster-bench[torch]'"
_PATHS = ("none", "oracle")
_PATH_NOISE = 0.01
# The state is large; a training that is killed loses at most so many steps.
_CHECKPOINT_EVERY = 500


def add_policy_arguments(parser: argparse.ArgumentParser, configurations: Sequence[str]) -> None:
    """Declares the arguments that all policies share; what is not given is as the configuration says."""
    parser.add_argument(
        "--demos", type=Path, required=True, metavar="DIR", help="directory written by 'hamster-bench demos collect'"
    )
    parser.add_argument(
        "--config",
        type=choice("configuration", configurations),
        default=configurations[0],
        metavar="|".join(configurations),
        help=f"sizes of network and training (default {configurations[0]})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="directory for weights, figures and the state of the training; given again, the same command goes on from there",
    )
    parser.add_argument(
        "--tasks", type=names, metavar="A,B", help="learn from demonstrations of these tasks alone (default: all)"
    )
    parser.add_argument(
        "--demos-per-task",
        type=whole_number("--demos-per-task", 1),
        metavar="N",
        help="learn from the first N demonstrations of every task (default: all)",
    )
    parser.add_argument("--cameras", type=names, metavar="A,B", help="cameras to learn from (default: the configuration's)")
    parser.add_argument(
        "--rule",
        type=choice("keyframe rule", tuple(KEYFRAME_RULES)),
        default="peract",
        metavar="|".join(KEYFRAME_RULES),
        help="which frames are keyposes (default peract)",
    )
    parser.add_argument(
        "--path",
        type=choice("source of paths", _PATHS),
        default="none",
        metavar="|".join(_PATHS),
        help="draw the expert's 2D path over all images of an episode (default none)",
    )
    parser.add_argument(
        "--path-noise",
        type=float,
        metavar="X",
        help=f"standard deviation of the noise on the path's points, as a fraction of the image (default {_PATH_NOISE})",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="FILE",
        help="begin with the weights of this checkpoint of the same policy, instead of random ones",
    )
    for name, lowest, text in (
        ("steps", 1, "batches"),
        ("batch", 1, "samples in a batch, over all processes"),
        ("seed", 0, "seed"),
    ):
        parser.add_argument(f"--{name}", type=whole_number(f"--{name}", lowest), metavar="N", help=text)
    parser.add_argument("--learning-rate", type=float, metavar="X", help="highest learning rate")
    parser.add_argument("--held-out", type=float, metavar="X", help="share of every task's demonstrations to measure on")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        metavar="float32|bfloat16",
        help="bfloat16 computes in mixed precision",
    )
    parser.add_argument("--device", metavar="cpu|cuda", help="where to train (default: the graphics card if there is one)")
    parser.add_argument("--threads", type=whole_number("--threads", 1), metavar="N", help="threads (default: PyTorch's choice)")
    parser.add_argument("--no-tensorboard", action="store_true", help="write figures to CSV files alone")
    parser.add_argument("--wandb", metavar="PROJECT", help="send figures to this project of Weights & Biases, too")
    parser.add_argument(
        "--checkpoint-every",
        type=whole_number("--checkpoint-every", 1),
        default=_CHECKPOINT_EVERY,
        metavar="N",
        help=f"steps between two writings of the state (default {_CHECKPOINT_EVERY})",
    )
    parser.add_argument(
        "--keep-every",
        type=whole_number("--keep-every", 1),
        metavar="N",
        help="keep weights of every N steps beside the last ones (default: only the last)",
    )


def needed_torch() -> None:
    """Refuses to go on without PyTorch.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(f"training needs PyTorch; install it with: {_INSTALL}")


def training_settings(defaults: TrainingSettings, arguments: argparse.Namespace) -> TrainingSettings:
    """A configuration's settings with what was given in their place."""
    given = {name: getattr(arguments, name) for name in ("steps", "batch", "seed", "learning_rate", "held_out", "precision")}
    return replace(defaults, **{name: value for name, value in given.items() if value is not None})


def path_overlay(arguments: argparse.Namespace) -> float | None:
    """The noise on the path that is drawn over the images, or None for no path.

    Raises:
        InvalidOptionError: noise is asked for without a path, or is no number from 0.
    """
    noise: float | None = arguments.path_noise
    if arguments.path == "none":
        if noise is not None:
            raise InvalidOptionError("--path-noise needs a path to put it on: add --path oracle")
        return None
    noise = _PATH_NOISE if noise is None else noise
    if not 0.0 <= noise < 1.0:
        raise InvalidOptionError(f"--path-noise is a fraction of the image from 0, got {noise!r}")
    return noise


@dataclass(frozen=True)
class Demonstrations:
    """What a training uses.

    Attributes:
        store: where the demonstrations are.
        learned: scenarios to learn from.
        held_out: scenarios to measure on.
        cameras: whose images.
        rule: keyframe rule.
        paths: whether the episodes' paths are needed.
    """

    store: DemoStore
    learned: tuple[Scenario, ...]
    held_out: tuple[Scenario, ...]
    cameras: tuple[str, ...]
    rule: str
    paths: bool


def used_demonstrations(arguments: argparse.Namespace, settings: TrainingSettings, cameras: tuple[str, ...]) -> Demonstrations:
    """Chooses the demonstrations.

    Raises:
        StoreError: the directory holds none, or none of a task that was asked for.
    """
    from hamster_bench.baselines.training.samples import split
    from hamster_bench.demos.store import DemoStore

    store = DemoStore(arguments.demos)
    scenarios = store.scenarios()
    if arguments.tasks is not None:
        missing = sorted(set(arguments.tasks) - {scenario.task for scenario in scenarios})
        if missing:
            raise StoreError(f"{arguments.demos} holds no demonstrations of {', '.join(missing)}")
        scenarios = tuple(scenario for scenario in scenarios if scenario.task in arguments.tasks)
    if arguments.demos_per_task is not None:
        scenarios = _first_of_each_task(scenarios, arguments.demos_per_task)
    if not scenarios:
        raise StoreError(f"{arguments.demos} holds no demonstrations; collect some with 'hamster-bench demos collect'")
    learned, held_out = split(scenarios, settings.held_out)
    return Demonstrations(store, learned, held_out, cameras, arguments.rule, arguments.path != "none")


def run_training(
    arguments: argparse.Namespace,
    settings: TrainingSettings,
    demonstrations: Demonstrations,
    make: Callable[[Any, Place], Learner],
    *,
    read: Callable[[DemoStore, Sequence[Scenario]], Any] | None = None,
    finish: Callable[[Learner], None] = lambda learner: None,
) -> int:
    """Trains, or goes on training, and says on stdout what came of it.

    Args:
        arguments: of the command.
        settings: of the training.
        demonstrations: to use.
        make: makes the learner, given the samples and where it is to train.
        read: makes the samples of demonstrations; keypose samples by default.
        finish: called with the trained learner in the first process.

    Raises:
        HamsterBenchError: see `hamster_bench.baselines.training.loop.train`.
    """
    import torch

    from hamster_bench.baselines.training.loop import WEIGHTS_FILE, train
    from hamster_bench.baselines.training.metrics import Tables, TensorBoard, WeightsAndBiases
    from hamster_bench.baselines.training.processes import joined
    from hamster_bench.baselines.training.provenance import data_record, git_commit
    from hamster_bench.baselines.training.samples import read_samples
    from hamster_bench.baselines.training.start import start_from

    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    directory: Path = arguments.out
    used = demonstrations
    with joined(arguments.device) as place:

        def keyposes(store: DemoStore, scenarios: Sequence[Scenario]) -> KeyposeSamples:
            read_now = read_samples(store, scenarios, used.cameras, rule=used.rule)
            without = sum(camera not in paths for paths in read_now.paths for camera in used.cameras)
            if used.paths and without:
                print(f"{without} demonstrations have no path in the image; they are learned from without one", file=sys.stderr)
            return read_now

        reading = read or keyposes
        samples = reading(used.store, used.learned)
        held_out = reading(used.store, used.held_out) if used.held_out else None
        learner = make(samples, place)
        record: dict[str, Any] = {
            "policy": learner.name,
            "command": f"hamster-bench train {learner.name}",
            "config": arguments.config,
            "data": data_record(used.store, used.learned, used.held_out, used.rule),
            "git_commit": git_commit(),
            "versions": {"hamster_bench": __version__, "torch": torch.__version__, "python": platform.python_version()},
        }
        if arguments.start_from is not None:
            record["started_from"] = start_from(learner, arguments.start_from)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory} cannot be made: {error.strerror or error}") from error

        def sinks(done: int) -> list[Sink]:
            made: list[Sink] = [Tables(directory, done)]
            if not arguments.no_tensorboard:
                made.append(TensorBoard(directory, done))
            if arguments.wandb is not None:
                made.append(WeightsAndBiases(arguments.wandb, directory, record | {"configuration": learner.configuration()}))
            return made

        with _bar(settings.steps, shown=place.first) as report:
            outcome = train(
                learner,
                samples,
                held_out,
                settings,
                directory,
                record=record,
                place=place,
                sinks=sinks,
                checkpoint_every=arguments.checkpoint_every,
                keep_every=arguments.keep_every,
                report=report,
            )
        if place.first:
            finish(learner)
            _tell(directory / WEIGHTS_FILE, len(samples), len(used.learned), outcome)
    return 0


@contextmanager
def _bar(steps: int, *, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """A progress bar, if somebody looks."""
    from tqdm import tqdm

    with tqdm(total=steps, unit="step", dynamic_ncols=True, disable=not (shown and sys.stderr.isatty())) as bar:

        def report(progress: Progress) -> None:
            bar.set_postfix(loss=f"{progress.losses['loss']:.3f}", refresh=False)
            bar.update(progress.step - bar.n)

        yield report


def _tell(weights: Path, samples: int, demonstrations: int, outcome: Outcome) -> None:
    done = outcome.steps - outcome.first_step
    if done == 0:
        print(f"{weights}: nothing left to do after {outcome.steps} steps")
        return
    print(f"{weights}: {outcome.steps} steps on {samples} samples of {demonstrations} demonstrations")
    share = outcome.waited / outcome.seconds
    print(f"{outcome.seconds / done:.3f} s a step, {share:.1%} of it waiting for data")
    if outcome.validation:
        print("held-out demonstrations: " + ", ".join(f"{name} {value:.4g}" for name, value in outcome.validation.items()))


def _first_of_each_task(scenarios: Sequence[Scenario], count: int) -> tuple[Scenario, ...]:
    kept: list[Scenario] = []
    for task in sorted({scenario.task for scenario in scenarios}):
        of_task = [scenario for scenario in scenarios if scenario.task == task]
        kept += sorted(of_task, key=lambda scenario: (scenario.episode, scenario.seed, scenario.variation))[:count]
    return tuple(kept)
