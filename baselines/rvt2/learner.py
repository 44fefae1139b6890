"""How RVT-2 is trained: what a batch is, the losses, and what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hamster_bench.baselines.parts.cameras import world_points
from hamster_bench.baselines.parts.text import ClipResNetText, word_numbers
from hamster_bench.baselines.rvt2.agent import state
from hamster_bench.baselines.rvt2.augmentation import SHIFT, TURN, augment
from hamster_bench.baselines.rvt2.checkpoint import save_own
from hamster_bench.baselines.rvt2.network import Rvt2, Situation, Target, TrainingNoise
from hamster_bench.baselines.rvt2.rotations import rotation_bins
from hamster_bench.baselines.rvt2.settings import SETTINGS, Corner, Rvt2Settings
from hamster_bench.baselines.training.samples import KeyposeSamples, beside, overlaid
from hamster_bench.baselines.training.settings import PathOverlaySettings, TrainingSettings
from hamster_bench.errors import InvalidOptionError, MissingDependencyError
from hamster_bench.registry import Registry

# As far beyond the keyposes of the training data the workspace reaches at least [m].
_WORKSPACE_MARGIN = 0.04

Batch = tuple[Situation, Target]


@dataclass(frozen=True, kw_only=True)
class LearningSettings:
    """What is particular to the training of this policy.

    Attributes:
        shift: how far scenes are shifted along every axis at most, as a share of the workspace.
        turn: how far they are turned about the vertical at most [degrees].
        path: what is drawn over the images, or beside them for a network with six colour channels; or None.
    """

    shift: float = SHIFT
    turn: float = TURN
    path: PathOverlaySettings | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network and how it is trained."""

    network: Rvt2Settings
    training: TrainingSettings
    learning: LearningSettings


# The original's: 15 epochs of 833 steps are in its file, about 100 made the published weights.
_PAPER_TRAINING = TrainingSettings(
    steps=83_300,
    batch=192,
    learning_rate=2.4e-3,
    schedule="cosine",
    warmup=2_000,
    weight_decay=1e-4,
    precision="bfloat16",
    validate_every=2_000,
)

RECIPES: Registry[Recipe] = Registry("rvt2 configuration")
RECIPES.register("peract", Recipe(network=SETTINGS.get("peract"), training=_PAPER_TRAINING, learning=LearningSettings()))
RECIPES.register("paper", Recipe(network=SETTINGS.get("paper"), training=_PAPER_TRAINING, learning=LearningSettings()))
# Half an hour on one core of a processor. So few steps learn more from scenes that are moved and turned little.
RECIPES.register(
    "small",
    Recipe(
        network=SETTINGS.get("small"),
        training=TrainingSettings(
            steps=2_500,
            batch=8,
            learning_rate=8e-3,
            schedule="cosine",
            warmup=100,
            weight_decay=1e-4,
            average=0.998,
            validate_every=500,
        ),
        learning=LearningSettings(shift=0.05, turn=5.0),
    ),
)


class Rvt2Learner:
    """A `hamster_bench.baselines.training.learner.Learner`.

    Args:
        settings: of the network.
        learning: of what is particular to it.
        seed: of the first weights.
        device: where to train, as torch names it.

    Raises:
        InvalidOptionError: the network has channels for a path, and none is drawn.
        StoreError: the network reads CLIP's text features, and their weights are not there.
        MissingDependencyError: the same for a package.
    """

    name = "rvt2"

    def __init__(
        self, settings: Rvt2Settings, learning: LearningSettings, *, seed: int = 0, device: str | torch.device = "cpu"
    ) -> None:
        if settings.color_channels == 6 and learning.path is None:
            raise InvalidOptionError("a network with channels for a path is trained with one; choose whose: --path oracle")
        self.settings = settings
        self._learning = learning
        self._device = torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Rvt2(settings)
        self.network = network.to(self._device)
        self._clip = ClipResNetText(device=str(device)) if settings.text == "clip" else None
        self._encoded: dict[str, Tensor] = {}

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.network

    def configuration(self) -> Mapping[str, Any]:
        """Settings of the network and of its learning."""
        return {"network": asdict(self.settings), "learning": asdict(self._learning)}

    def optimiser(self, settings: TrainingSettings) -> torch.optim.Optimizer:
        """LAMB (You et al. 2020); all parameters are decayed alike, as in the original.

        Raises:
            MissingDependencyError: ``pytorch_optimizer`` is not installed.
        """
        try:
            from pytorch_optimizer import Lamb
        except ImportError as error:
            raise MissingDependencyError("RVT-2 is trained with LAMB, which needs: pip install pytorch-optimizer") from error
        # Decay is part of the step whose length is brought into proportion, as in the paper.
        return Lamb(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, weight_decouple=False
        )

    def batch(
        self, samples: KeyposeSamples, indices: NDArray[np.integer[Any]], rng: np.random.Generator, *, augment: bool = True
    ) -> Batch:
        """Situations, shifted and turned at random and told in one of the task's phrasings, and the targets."""
        points = world_points(samples.depth[indices], samples.intrinsics[indices], samples.extrinsics[indices])
        points = _by_pixel(points)
        targets = torch.from_numpy(samples.targets[indices]).float()
        position, quat_xyzw = targets[:, :3], targets[:, 3:7]
        if augment:
            points, position, quat_xyzw = self._augmented(points, position, quat_xyzw, rng)
        states = [state(float(samples.gripper_open[i]), int(samples.done[i]), self.settings.episode_length) for i in indices]
        situation = Situation(
            points,
            self._colors(samples, indices, rng),
            torch.from_numpy(np.stack(states)),
            self._instructions([_phrasing(samples, int(i), rng if augment else None) for i in indices]),
        )
        bins = torch.from_numpy(rotation_bins(quat_xyzw.numpy(), self.settings.rotation_bins))
        return situation, Target(position, bins, targets[:, 7].round().long(), targets[:, 8].round().long())

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss and its parts."""
        situation, target = batch[0].to(self._device), batch[1].to(self._device)
        noise = TrainingNoise.drawn(generator, len(target.position))
        parts = self.network.training_pass(situation, target, noise).losses()
        return {
            "loss": parts.total,
            "translation": parts.translation,
            "rotation": parts.rotation_x + parts.rotation_y + parts.rotation_z,
            "gripper": parts.gripper,
            "collision": parts.collision,
        }

    def errors(self, batch: Batch, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Distance [m] and angle [degree] between decided and demonstrated keyposes, and how often the gripper is right."""
        situation, target = batch[0].to(self._device), batch[1].to(self._device)
        decision = self.network.decide(situation)
        wanted = replace(decision, position=target.position, bins=target.bins).keyposes()
        answer = decision.keyposes()
        distance = np.linalg.norm(answer[:, :3] - wanted[:, :3], axis=1)
        cosine = np.abs((answer[:, 3:7] * wanted[:, 3:7]).sum(1)).clip(max=1.0)
        return {
            "position_error_m": distance,
            "within_1_cm": (distance < 0.01).astype(np.float64),
            "rotation_error_deg": np.degrees(2.0 * np.arccos(cosine)),
            "opening_right": (decision.gripper_open == target.gripper_open).double().cpu().numpy(),
        }

    def save(self, file: Path, weights: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Writes a checkpoint that `checkpoint.load` reads; learning settings are kept with the training's."""
        save_own(file, self.settings, weights, {**training, "learning": asdict(self._learning)})

    def _augmented(
        self, points: Tensor, position: Tensor, quat_xyzw: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        made = augment(
            points,
            position,
            quat_xyzw,
            torch.tensor(self.settings.workspace, dtype=torch.float32),
            torch.from_numpy(rng.random((len(points), 4), dtype=np.float32)),
            shift=self._learning.shift,
            turn=self._learning.turn,
        )
        return made.points, made.position, made.quat_xyzw

    def _colors(self, samples: KeyposeSamples, indices: NDArray[np.integer[Any]], rng: np.random.Generator) -> Tensor:
        """Colours (b, n, channels) of all pixels of all cameras, with the path in the form the network takes it."""
        path = self._learning.path
        if path is None:
            images = samples.rgb[indices]
        elif self.settings.color_channels == 6:
            drawn = beside(samples, indices, rng, noise=path.noise, style=path.style)
            images = np.concatenate([samples.rgb[indices], drawn], axis=-1)
        else:
            images = overlaid(samples, indices, rng, noise=path.noise, style=path.style)
        return torch.from_numpy(images).flatten(1, 3).float() / 255.0

    def _instructions(self, texts: list[str]) -> Tensor | None:
        if self._clip is not None:
            for text in texts:
                if text not in self._encoded:
                    self._encoded[text] = self._clip([text])[0].cpu()
            return torch.stack([self._encoded[text] for text in texts])
        return word_numbers(texts) if self.settings.text == "learned" else None


def fitted_settings(settings: Rvt2Settings, samples: KeyposeSamples) -> Rvt2Settings:
    """The settings with cameras and image size as the data have them, and a workspace that holds all keyposes.

    Raises:
        InvalidOptionError: the settings are for another size of images.
    """
    size = (int(samples.rgb.shape[2]), int(samples.rgb.shape[3]))
    if size != settings.image_size:
        raise InvalidOptionError(
            f"the demonstrations' images are {size[0]} x {size[1]} pixels (height, width), this configuration's "
            f"{settings.image_size[0]} x {settings.image_size[1]}; collect with --image-size {settings.image_size[0]}, or choose "
            "another configuration"
        )
    low, high = np.array(settings.workspace)
    low = np.minimum(low, samples.targets[:, :3].min(axis=0) - _WORKSPACE_MARGIN)
    high = np.maximum(high, samples.targets[:, :3].max(axis=0) + _WORKSPACE_MARGIN)
    return replace(settings, cameras=samples.cameras, workspace=(_corner(low), _corner(high)))


def _corner(position: NDArray[np.float64]) -> Corner:
    x, y, z = (round(float(value), 4) for value in position)
    return x, y, z


def _by_pixel(images: Tensor) -> Tensor:
    """Pixels (b, cameras * height * width, channels) of images (b, cameras, channels, height, width)."""
    return images.permute(0, 1, 3, 4, 2).flatten(1, 3)


def _phrasing(samples: KeyposeSamples, index: int, rng: np.random.Generator | None) -> str:
    phrasings = samples.instructions[int(samples.episodes[index])]
    return phrasings[int(rng.integers(len(phrasings)))] if rng is not None else phrasings[0]
