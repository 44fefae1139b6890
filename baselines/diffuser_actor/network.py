"""The whole policy network: normalisation, loss and sampling around encoder and denoiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.diffuser_actor.encoder import Context, Encoder
from hamster_bench.baselines.diffuser_actor.head import DenoisingHead, Estimate, each_step
from hamster_bench.baselines.diffuser_actor.rotations import decoded_rotation, encoded_rotation
from hamster_bench.baselines.diffuser_actor.schedules import position_schedule, rotation_schedule, sampling_steps
from hamster_bench.baselines.diffuser_actor.settings import DiffuserActorSettings, Sampler

# Weights of the parts of the loss (3D Diffuser Actor).
_POSITION_WEIGHT = 30.0
_ROTATION_WEIGHT = 10.0


@dataclass(frozen=True)
class Situation:
    """What the policy sees.

    Attributes:
        rgb: (b, cameras, 3, height, width) float, [0, 1].
        points: (b, cameras, 3, height, width) float [m], world frame, of what every pixel shows.
        instruction: (b, tokens, 512) features of `text.ClipText`, (b, tokens) of `text.word_numbers`, or None for a network without text.
        history: (b, history, 3 or more) float: gripper positions [m], world frame, oldest first; further numbers are not looked at.
    """

    rgb: Tensor
    points: Tensor
    instruction: Tensor | None
    history: Tensor

    def to(self, device: torch.device) -> Situation:
        """The same on another device."""
        instruction = None if self.instruction is None else self.instruction.to(device)
        return Situation(self.rgb.to(device), self.points.to(device), instruction, self.history.to(device))


class Losses(NamedTuple):
    """Parts of the training loss, scalars.

    Attributes:
        position: mean absolute error of the estimated noise of the position.
        rotation: the same of the rotation.
        opening: cross-entropy of the gripper's opening.
    """

    position: Tensor
    rotation: Tensor
    opening: Tensor

    @property
    def total(self) -> Tensor:
        """The loss: 30 times the first, 10 times the second and once the third."""
        return _POSITION_WEIGHT * self.position + _ROTATION_WEIGHT * self.rotation + self.opening


@dataclass(frozen=True)
class SamplingNoise:
    """The unit noise that a sampling run uses up.

    Attributes:
        start: (b, length, 3 + rotation channels).
        steps: (sampling steps, b, length, 3 + rotation channels), in the order of use; the last one takes no part.
    """

    start: Tensor
    steps: Tensor

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, settings: DiffuserActorSettings, steps: int | None = None, batch: int = 1, length: int = 1
    ) -> SamplingNoise:
        """Noise from a numpy generator, hence the same on every machine; for as many steps as the settings say, or ``steps``."""
        steps = steps or settings.sampling_steps or settings.diffusion_steps
        numbers = rng.standard_normal((steps + 1, batch, length, 3 + settings.rotation_channels), dtype=np.float32)
        return cls(torch.from_numpy(numbers[0]), torch.from_numpy(numbers[1:]))


class DiffuserActor(nn.Module):
    """3D Diffuser Actor (Ke et al. 2024).

    Args:
        settings: sizes and choices.
    """

    def __init__(self, settings: DiffuserActorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings)
        self.prediction_head = DenoisingHead(settings)
        self.position_schedule = position_schedule(settings.diffusion_steps)
        self.rotation_schedule = rotation_schedule(settings.diffusion_steps)
        # On the processor even where the parameters are laid out without memory.
        self.register_buffer("workspace", torch.tensor(settings.workspace, dtype=torch.float32, device="cpu"), persistent=False)

    def encode(self, situation: Situation) -> Context:
        """The context of a situation, needed once for any number of passes."""
        points = situation.points.movedim(2, -1)
        return self.encoder(
            situation.rgb,
            self.normalised(points).movedim(-1, 2),
            situation.instruction,
            self.normalised(situation.history[..., :3]),
        )

    def denoise(self, poses: Tensor, steps: Tensor, context: Context) -> Estimate:
        """One pass on noisy poses (b, length, 3 + rotation channels) at diffusion steps (b,)."""
        head = self.prediction_head
        return head(poses, head.scene(context), head.modulations(steps, context.history))

    def loss(self, situation: Situation, target: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """The training loss, `Losses.total` of `losses`."""
        return self.losses(situation, target, noise, steps).total

    def losses(self, situation: Situation, target: Tensor, noise: Tensor, steps: Tensor) -> Losses:
        """The parts of the training loss.

        A situation may be learned from at several noise levels at once: it is encoded once, which is most of the work of a pass on
        small batches, and the expectation of the loss stays the same.

        Args:
            situation: what the policy sees.
            target: (b, length, 8): position [m], quaternion in the settings' order, gripper open (1) or closed (0).
            noise: (b * k, length, 3 + rotation channels), unit noise; k rows in a row for each situation.
            steps: (b * k,) int64, uniform between 0 and ``diffusion_steps - 1``.
        """
        levels = len(noise) // len(target)
        position = self.normalised(target[..., :3])
        rotation = encoded_rotation(target[..., 3:7], self.settings.quaternion_order, self.settings.rotation)
        clean_position, clean_rotation, is_open = (
            part.repeat_interleave(levels, 0) for part in (position, rotation, target[..., 7:])
        )
        noisy = torch.cat(
            (
                self.position_schedule.noised(clean_position, noise[..., :3], steps),
                self.rotation_schedule.noised(clean_rotation, noise[..., 3:], steps),
            ),
            -1,
        )
        context, head = self.encode(situation), self.prediction_head
        scene, history = head.scene(context), context.history
        if levels > 1:
            scene, history = scene.repeated(levels), history.repeat_interleave(levels, 0)
        estimate: Estimate = head(noisy, scene, head.modulations(steps, history))
        return Losses(
            functional.l1_loss(estimate.position_noise.float(), noise[..., :3]),
            functional.l1_loss(estimate.rotation_noise.float(), noise[..., 3:]),
            functional.binary_cross_entropy_with_logits(estimate.open_logit.float(), is_open),
        )

    @torch.inference_mode()
    def sample(self, situation: Situation, noise: SamplingNoise, sampler: Sampler | None = None) -> Tensor:
        """Poses (b, length, 8): position [m], unit quaternion in the settings' order, probability of the gripper being open.

        The situation is encoded once, and so is everything in the denoiser that does not depend on the noisy poses: keys and values of
        the scene and of the instruction, and the modulations of all steps.

        Args:
            situation: what the policy sees.
            noise: as many steps are made as it has.
            sampler: ``"ddpm"`` or ``"ddim"``; None for that of the settings.

        Raises:
            ValueError: the noise has no steps, or more than the network has diffusion steps.
        """
        context = self.encode(situation)
        return self.sample_in(context, noise, sampler)

    @torch.inference_mode()
    def sample_in(self, context: Context, noise: SamplingNoise, sampler: Sampler | None = None) -> Tensor:
        """`sample` in a situation that is encoded already."""
        head, sampler = self.prediction_head, sampler or self.settings.sampler
        steps = sampling_steps(self.settings.diffusion_steps, len(noise.steps))
        batch, device = noise.start.shape[0], context.tokens.device
        each = torch.tensor(steps, device=device).repeat_interleave(batch)
        modulations = each_step(head.modulations(each, context.history.repeat(len(steps), 1, 1)), batch)
        scene = head.scene(context)
        poses = noise.start.to(device)
        new_noise = noise.steps.to(device)
        for i, step in enumerate(steps):
            estimate: Estimate = head(poses, scene, modulations[i])
            following = steps[i + 1] if i + 1 < len(steps) else -1
            position = self.position_schedule.coefficients(step, following, sampler)
            rotation = self.rotation_schedule.coefficients(step, following, sampler)
            poses = torch.cat(
                (
                    position.apply(poses[..., :3], estimate.position_noise.float(), new_noise[i, ..., :3]),
                    rotation.apply(poses[..., 3:], estimate.rotation_noise.float(), new_noise[i, ..., 3:]),
                ),
                -1,
            )
        quat = decoded_rotation(poses[..., 3:], self.settings.quaternion_order, self.settings.rotation)
        return torch.cat((self.in_metres(poses[..., :3]), quat, estimate.open_logit.float().sigmoid()), -1)

    def normalised(self, positions: Tensor) -> Tensor:
        """Positions (..., 3) [m] with the workspace scaled to [-1, 1]; what lies outside stays outside."""
        low, high = self.workspace
        return (positions - low) / (high - low) * 2.0 - 1.0

    def in_metres(self, positions: Tensor) -> Tensor:
        """The inverse of `normalised`."""
        low, high = self.workspace
        return (positions + 1.0) / 2.0 * (high - low) + low
