"""How 3D Diffuser Actor is trained: what a batch is, the loss, and what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.diffuser_actor.checkpoint import load_clip_trunk, save_entries
from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, SamplingNoise, Situation
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS, Corner, DiffuserActorSettings
from hamster_bench.baselines.parts.text import ClipText, word_numbers
from hamster_bench.baselines.training.samples import KeyposeSamples, overlaid
from hamster_bench.baselines.training.settings import TrainingSettings
from hamster_bench.errors import InvalidOptionError
from hamster_bench.registry import Registry

# As far beyond the keyposes of the training data the workspace reaches [m] (3D Diffuser Actor).
_WORKSPACE_MARGIN = 0.04


@dataclass(frozen=True, kw_only=True)
class PathOverlaySettings:
    """The path that is drawn over the images of a training.

    Attributes:
        source: whose path: ``"oracle"``.
        noise: standard deviation on x and y [fraction of the image]. HAMSTER trained with 0.01.
        style: drawing style.
    """

    source: str = "oracle"
    noise: float = 0.01
    style: str = "hamster"


@dataclass(frozen=True, kw_only=True)
class LearningSettings:
    """What is particular to the training of this policy.

    Attributes:
        noise_levels: at so many noise levels every situation is learned from at once; 1 in the original.
        resize: smallest and largest factor by which images are resized, then padded or cropped (3D Diffuser Actor: 0.75 and 1.25).
        path: what is drawn over the images, or None.
    """

    noise_levels: int = 1
    resize: tuple[float, float] = (0.75, 1.25)
    path: PathOverlaySettings | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network and how it is trained."""

    network: DiffuserActorSettings
    training: TrainingSettings
    learning: LearningSettings


RECIPES: Registry[Recipe] = Registry("diffuser_actor configuration")
# The original's training of PerAct's tasks, as far as it goes on one front camera.
RECIPES.register(
    "paper",
    Recipe(
        network=SETTINGS.get("paper"),
        training=TrainingSettings(steps=600_000, batch=48, learning_rate=1e-4, validate_every=5_000),
        learning=LearningSettings(),
    ),
)
# About an hour on one core of a processor.
RECIPES.register(
    "small",
    Recipe(
        network=SETTINGS.get("small"),
        training=TrainingSettings(
            steps=7_000, batch=8, learning_rate=1e-3, schedule="cosine", warmup=100, clip=1.0, average=0.998, validate_every=500
        ),
        learning=LearningSettings(noise_levels=16, resize=(0.8, 1.25)),
    ),
)


class DiffuserActorLearner:
    """A `hamster_bench.baselines.training.learner.Learner`.

    Args:
        settings: of the network.
        learning: of what is particular to it.
        seed: of the first weights.
        device: where to train, as torch names it.
        clip_trunk: file with CLIP's convolutions for a network with them; None looks into the hub's cache.

    Raises:
        StoreError: the network starts from CLIP's weights, and they are not there.
        MissingDependencyError: the same for a package.
    """

    name = "diffuser_actor"

    def __init__(
        self,
        settings: DiffuserActorSettings,
        learning: LearningSettings,
        *,
        seed: int = 0,
        device: str | torch.device = "cpu",
        clip_trunk: Path | None = None,
    ) -> None:
        self.settings = settings
        self._learning = learning
        self._device = torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = DiffuserActor(settings)
        if settings.backbone == "clip":
            load_clip_trunk(network.encoder.backbone, clip_trunk)
        self.network = network.to(self._device)
        self._clip = ClipText(device=str(device)) if settings.text == "clip" else None
        self._encoded: dict[str, Tensor] = {}

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.network

    def configuration(self) -> Mapping[str, Any]:
        """Settings of the network and of its learning."""
        return {"network": asdict(self.settings), "learning": asdict(self._learning)}

    def optimiser(self, settings: TrainingSettings) -> torch.optim.Optimizer:
        """AdamW; as in the original, whatever is no bias is decayed."""
        decayed: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                (others if "bias" in name else decayed).append(parameter)
        groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=settings.learning_rate)

    def batch(
        self, samples: KeyposeSamples, indices: NDArray[np.integer[Any]], rng: np.random.Generator, *, augment: bool = True
    ) -> tuple[Situation, Tensor]:
        """Situations, resized at random and told in one of the task's phrasings, and the targets (b, 1, 8)."""
        path = self._learning.path
        rgb = samples.rgb[indices] if path is None else overlaid(samples, indices, rng, noise=path.noise, style=path.style)
        colours = torch.from_numpy(rgb).permute(0, 1, 4, 2, 3).float() / 255.0
        points = world_points(samples.depth[indices], samples.intrinsics[indices], samples.extrinsics[indices])
        if augment:
            colours, points = resized(colours, points, self._learning.resize, rng)
        situation = Situation(
            colours,
            points,
            self._instructions([self._phrasing(samples, int(i), rng if augment else None) for i in indices]),
            torch.from_numpy(samples.poses[indices][..., :3]).float(),
        )
        return situation, torch.from_numpy(samples.targets[indices][:, None, :8]).float()

    def losses(self, batch: tuple[Situation, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The loss and its parts, at as many noise levels for each situation as the settings say."""
        situation, target = (batch[0].to(self._device), batch[1].to(self._device))
        count = len(target) * self._learning.noise_levels
        noise = torch.randn((count, target.shape[1], 3 + self.settings.rotation_channels), generator=generator)
        steps = torch.randint(0, self.settings.diffusion_steps, (count,), generator=generator)
        parts = self.network.losses(situation, target, noise.to(self._device), steps.to(self._device))
        return {"loss": parts.total, "position": parts.position, "rotation": parts.rotation, "opening": parts.opening}

    def errors(self, batch: tuple[Situation, Tensor], rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Distance [m] and angle [degree] between sampled and demonstrated keyposes, and how often the gripper's opening is right."""
        situation, target = (batch[0].to(self._device), batch[1].to(self._device))
        noise = SamplingNoise.drawn(rng, self.settings, batch=len(target))
        answer = self.network.sample(situation, noise)[:, 0].double()
        wanted = target[:, 0].double()
        cosine = (answer[:, 3:7] * functional.normalize(wanted[:, 3:7], dim=-1)).sum(-1).abs().clamp(max=1.0)
        distance = (answer[:, :3] - wanted[:, :3]).norm(dim=-1)
        figures = {
            "position_error_m": distance,
            "within_1_cm": (distance < 0.01).double(),
            "rotation_error_deg": torch.rad2deg(2.0 * torch.acos(cosine)),
            "opening_right": (answer[:, 7].round() == wanted[:, 7]).double(),
        }
        return {name: values.cpu().numpy() for name, values in figures.items()}

    def save(self, file: Path, weights: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Writes a checkpoint that `checkpoint.load` reads; learning settings are kept with the training's."""
        save_entries(file, self.settings, weights, {**training, "learning": asdict(self._learning)})

    def _phrasing(self, samples: KeyposeSamples, index: int, rng: np.random.Generator | None) -> str:
        phrasings = samples.instructions[int(samples.episodes[index])]
        return phrasings[int(rng.integers(len(phrasings)))] if rng is not None else phrasings[0]

    def _instructions(self, texts: list[str]) -> Tensor | None:
        if self._clip is not None:
            for text in texts:
                if text not in self._encoded:
                    self._encoded[text] = self._clip([text])[0].cpu()
            return torch.stack([self._encoded[text] for text in texts])
        return word_numbers(texts) if self.settings.text == "learned" else None


def fitted_settings(settings: DiffuserActorSettings, samples: KeyposeSamples) -> DiffuserActorSettings:
    """The settings with cameras, image size and workspace as the data have them.

    The workspace is the box of all positions of the gripper before and at keyposes, wider by 0.04 m, as in the original.

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
    positions = np.concatenate([samples.poses[..., :3].reshape(-1, 3), samples.targets[:, :3]])
    return replace(
        settings,
        cameras=samples.cameras,
        workspace=(
            _corner(positions.min(axis=0) - _WORKSPACE_MARGIN),
            _corner(positions.max(axis=0) + _WORKSPACE_MARGIN),
        ),
    )


def _corner(position: NDArray[np.float64]) -> Corner:
    x, y, z = (round(float(value), 4) for value in position)
    return x, y, z


def world_points(depth: NDArray[np.float32], intrinsics: NDArray[np.float64], extrinsics: NDArray[np.float64]) -> Tensor:
    """World points (b, cameras, 3, H, W) float32 [m] of planar depth images; `hamster_bench.geometry.Camera.point_cloud` of many."""
    height, width = depth.shape[-2:]
    v, u = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    pixels = torch.stack((u, v, torch.ones_like(u))).flatten(1).double()
    rotation = torch.from_numpy(extrinsics[..., :3, :3] @ np.linalg.inv(intrinsics))
    rays = (rotation @ pixels).float().unflatten(-1, (height, width))
    origin = torch.from_numpy(extrinsics[..., :3, 3]).float()[..., None, None]
    return rays * torch.from_numpy(depth)[..., None, :, :] + origin


def resized(colours: Tensor, points: Tensor, between: tuple[float, float], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Colours and points (b, cameras, 3, H, W), every item resized by one factor about a place of its own; the size stays.

    Nearest neighbours, so that points stay points; where the image becomes smaller than it was it is continued by reflection.
    """
    batch, cameras = colours.shape[:2]
    factor = torch.from_numpy(rng.uniform(*between, size=batch)).float()
    shift = torch.from_numpy(rng.uniform(-1.0, 1.0, size=(batch, 2))).float()
    scale = 1.0 / factor
    transform = torch.zeros(batch, 2, 3)
    transform[:, 0, 0] = transform[:, 1, 1] = scale
    transform[:, :, 2] = shift * (1.0 - scale).abs()[:, None]
    both = torch.cat((colours, points), 2).flatten(0, 1)
    grid = functional.affine_grid(transform.repeat_interleave(cameras, 0), list(both.shape), align_corners=False)
    both = functional.grid_sample(both, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    colours, points = both.unflatten(0, (batch, cameras)).split(3, dim=2)
    return colours, points
