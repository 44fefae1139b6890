"""The whole policy network: the cube, two stages, what they decide, and the losses."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.parts.text import CLIP_WIDTH, LEARNED_WIDTH, LearnedText
from hamster_bench.baselines.rvt2.heat_maps import best_points, probabilities, target_maps
from hamster_bench.baselines.rvt2.renderer import render
from hamster_bench.baselines.rvt2.rotations import quat_xyzw_from_bins
from hamster_bench.baselines.rvt2.settings import Rvt2Settings
from hamster_bench.baselines.rvt2.transformer import MultiViewTransformer, PoseLogits
from hamster_bench.baselines.rvt2.views import pixels

# Offsets of the true bins that the later rotation heads are shown in training, the second not included.
_BIN_OFFSETS = (-2, 2)


@dataclass(frozen=True)
class Situation:
    """What the policy sees.

    Attributes:
        points: (b, n, 3) [m], world frame. Points outside the workspace, or that are no finite numbers, do not count.
        colors: (b, n, color channels) in [0, 1].
        state: (b, 4): gripper open (1) or closed (0), opening of the left and the right finger [m], and time from 1 at the first
            keypose to -1 at the last that an episode may have.
        instruction: (b, 77, 512) features of `text.ClipResNetText`, (b, tokens) of `text.word_numbers`, or None for a network without
            text.
    """

    points: Tensor
    colors: Tensor
    state: Tensor
    instruction: Tensor | None

    def to(self, device: torch.device) -> Situation:
        """The same on another device."""
        instruction = None if self.instruction is None else self.instruction.to(device)
        return Situation(self.points.to(device), self.colors.to(device), self.state.to(device), instruction)


@dataclass(frozen=True)
class Target:
    """What the policy should do.

    Attributes:
        position: (b, 3) [m], world frame.
        bins: (b, 3) int64 of `rotations.rotation_bins`.
        gripper_open: (b,) int64, 1 open.
        ignore_collisions: (b,) int64, 1 to ignore.
    """

    position: Tensor
    bins: Tensor
    gripper_open: Tensor
    ignore_collisions: Tensor

    def to(self, device: torch.device) -> Target:
        """The same on another device."""
        return Target(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class TrainingNoise:
    """The random numbers of one training pass.

    Attributes:
        u01_zoom: (b, 3) uniform in [0, 1), by which the second stage's centre is off the target; one half is not at all.
        bin_offsets: (b, 2) int64, offsets of the true first two rotation bins that the later heads are shown.
    """

    u01_zoom: Tensor
    bin_offsets: Tensor

    @classmethod
    def drawn(cls, generator: torch.Generator, batch: int) -> TrainingNoise:
        """Noise from a generator on the processor."""
        zoom = torch.rand((batch, 3), generator=generator)
        return cls(zoom, torch.randint(*_BIN_OFFSETS, (batch, 2), generator=generator))


@dataclass(frozen=True)
class Losses:
    """Cross-entropies, each a mean over the batch."""

    translation: Tensor
    rotation_x: Tensor
    rotation_y: Tensor
    rotation_z: Tensor
    gripper: Tensor
    collision: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum, without weights."""
        return torch.stack([getattr(self, field.name) for field in fields(self)]).sum()


@dataclass(frozen=True)
class Pass:
    """Both stages of one training pass.

    Attributes:
        centre: (b, 3), cube, what the second stage is zoomed at.
        heat: logits (b, 6, size, size) of heat maps, the first stage's three views first.
        targets: the same of what they should be.
        pose: of the heads.
        target: the true keypose.
    """

    centre: Tensor
    heat: Tensor
    targets: Tensor
    pose: PoseLogits
    target: Target

    def losses(self) -> Losses:
        """What training makes small."""
        entropy = functional.cross_entropy
        # Every map is one choice among its pixels.
        maps, targets = self.heat.flatten(0, 1).flatten(1), self.targets.flatten(0, 1).flatten(1)
        precision = torch.promote_types(maps.dtype, targets.dtype)
        x, y, z = (entropy(logits, self.target.bins[:, i]) for i, logits in enumerate((self.pose.x, self.pose.y, self.pose.z)))
        return Losses(
            translation=entropy(maps.to(precision), targets.to(precision)),
            rotation_x=x,
            rotation_y=y,
            rotation_z=z,
            gripper=entropy(self.pose.gripper, self.target.gripper_open),
            collision=entropy(self.pose.collision, self.target.ignore_collisions),
        )


@dataclass(frozen=True)
class Decision:
    """What the policy decides.

    Attributes:
        position: (b, 3) [m], world frame.
        bins: (b, 3) int64 of the rotation.
        gripper_open: (b,) int64, 1 open.
        ignore_collisions: (b,) int64, 1 to ignore.
        rotation_bins: number of bins of a full turn.
        finite: whether all numbers these were chosen by are finite.
    """

    position: Tensor
    bins: Tensor
    gripper_open: Tensor
    ignore_collisions: Tensor
    rotation_bins: int
    finite: bool = True

    def keyposes(self) -> NDArray[np.float64]:
        """Actions (b, 9): position [m], quaternion xyzw, gripper open, ignore collisions."""
        quat_xyzw = quat_xyzw_from_bins(self.bins.cpu().numpy(), self.rotation_bins)
        switches = torch.stack((self.gripper_open, self.ignore_collisions), -1)
        return np.concatenate([self.position.cpu().double().numpy(), quat_xyzw, switches.cpu().double().numpy()], -1)


class Rvt2(nn.Module):
    """RVT-2 (Goyal et al. 2024).

    Args:
        settings: sizes and choices.
    """

    workspace: Tensor

    def __init__(self, settings: Rvt2Settings) -> None:
        super().__init__()
        self.settings = settings
        text_width: int | None = None
        if settings.text == "clip":
            text_width = CLIP_WIDTH
        elif settings.text == "learned":
            self.text = LearnedText()
            text_width = LEARNED_WIDTH
        self.mvt1 = MultiViewTransformer(settings, text_width, heads=False)
        self.mvt2 = MultiViewTransformer(settings, text_width, heads=True)
        # On the processor even where the parameters are laid out without memory.
        self.register_buffer("workspace", torch.tensor(settings.workspace, dtype=torch.float32, device="cpu"), persistent=False)

    @torch.inference_mode()
    def decide(self, situation: Situation) -> Decision:
        """The next keypose: the point where the first stage's views agree, looked at again four times as large."""
        cloud, words = self.in_cube(situation.points), self.words(situation.instruction)
        _, coarse = self.mvt1(self.views(cloud, situation.colors), situation.state, words)
        centre = best_points(probabilities(coarse))
        features, fine = self.mvt2(self.views(self.zoomed(cloud, centre), situation.colors), situation.state, words)
        point = best_points(probabilities(fine))
        pose = self.mvt2.pose_logits(features, point)
        decision = self.decision(point, centre, pose)
        finite = all(bool(torch.isfinite(logits).all()) for logits in (coarse, fine, *vars(pose).values()))
        return replace(decision, finite=finite)

    def decision(self, point: Tensor, centre: Tensor, pose: PoseLogits) -> Decision:
        """What is decided by a point (b, 3) of the second stage, its centre (b, 3) and the heads."""
        return Decision(
            self.in_metres(point / self.settings.zoom + centre),
            torch.stack([logits.argmax(-1) for logits in (pose.x, pose.y, pose.z)], -1),
            pose.gripper.argmax(-1),
            pose.collision.argmax(-1),
            self.settings.rotation_bins,
        )

    def training_pass(self, situation: Situation, target: Target, noise: TrainingNoise) -> Pass:
        """Both stages with the second one zoomed at the true point, nearly.

        Args:
            situation: what the policy sees.
            target: what it should do.
            noise: how far the second stage is off, and what the rotation heads are shown.
        """
        settings = self.settings
        cloud, words = self.in_cube(situation.points), self.words(situation.instruction)
        point = self._scaled(target.position)
        # Twice, as in the original: its noise is uniform within +-1 times twice the setting.
        centre = point + (2 * noise.u01_zoom.to(point) - 1) * (2 * settings.zoom_noise)
        zoomed = (point - centre) * settings.zoom
        _, coarse = self.mvt1(self.views(cloud, situation.colors), situation.state, words)
        images = self.views(self.zoomed(cloud, centre), situation.colors)
        features, fine = self.mvt2(images, situation.state, words)
        shown = (target.bins[:, :2] + noise.bin_offsets.to(target.bins)) % settings.rotation_bins
        pose = self.mvt2.pose_logits(features, zoomed, shown)
        places = torch.cat([pixels(where[:, None], settings.view_size).squeeze(-2) for where in (point, zoomed)], 1)
        return Pass(centre, torch.cat((coarse, fine), 1), target_maps(places, settings.view_size), pose, target)

    def views(self, cloud: Tensor, colors: Tensor) -> Tensor:
        """Rendered views (b, 3, 3 + colours + 1, size, size) of clouds (b, n, 3) of a cube: point, colours, depth.

        The channels of the point are divided by the largest absolute coordinate of its cloud.
        """
        count = cloud.shape[1]
        largest = cloud.abs().nan_to_num(0.0).flatten(1).amax(1) if count else cloud.new_ones(len(cloud))
        scaled = cloud / largest.clamp(min=torch.finfo(cloud.dtype).tiny)[:, None, None]
        return render(cloud, torch.cat((scaled, colors), -1), self.settings.view_size, self.settings.splat_radius)

    def in_cube(self, points: Tensor) -> Tensor:
        """Points (..., 3) of the world [m] in the cube [-1, 1]^3; NaN for what is outside the workspace or no finite number."""
        low, high = self.workspace
        inside = ((points >= low) & (points <= high)).all(-1, keepdim=True)
        return torch.where(inside, self._scaled(points), torch.nan)

    def zoomed(self, cloud: Tensor, centre: Tensor) -> Tensor:
        """Points (b, n, 3) of the cube in the second stage's, zoomed at (b, 3)."""
        return (cloud - centre[:, None]) * self.settings.zoom

    def in_metres(self, points: Tensor) -> Tensor:
        """Points (..., 3) of the world [m] from those of the cube."""
        low, high = self.workspace
        return points * ((high - low).max() / 2) + (low + high) / 2

    def _scaled(self, points: Tensor) -> Tensor:
        low, high = self.workspace
        return (points - (low + high) / 2) * (2 / (high - low).max())

    def words(self, instruction: Tensor | None) -> Tensor | None:
        """What the stages are told: the instruction as it is, or embedded by the network itself, or None for one without text.

        Raises:
            ValueError: the network reads instructions, and there is none.
        """
        if self.settings.text == "none":
            return None
        if instruction is None:
            raise ValueError(f"the network reads instructions (text {self.settings.text!r}), and there is none")
        if self.settings.text == "learned":
            words: Tensor = self.text(instruction)
            return words
        return instruction
