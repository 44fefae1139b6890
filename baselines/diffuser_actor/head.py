"""The denoiser: from noisy poses, a diffusion step and the context to an estimate of the noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hamster_bench.baselines.diffuser_actor.attention import (
    KeysValues,
    LayerModulation,
    Modulation,
    RelativeAttentionStack,
    TextAttention,
    rotary_code,
    sine_code,
)
from hamster_bench.baselines.diffuser_actor.encoder import Context
from hamster_bench.baselines.diffuser_actor.settings import DiffuserActorSettings

_CROSS_LAYERS = 2
_SELF_LAYERS = 4
_BRANCH_LAYERS = 2


class Estimate(NamedTuple):
    """What one pass says of noisy poses.

    Attributes:
        position_noise: (b, length, 3).
        rotation_noise: (b, length, rotation channels).
        open_logit: (b, length, 1), of the gripper being open.
    """

    position_noise: Tensor
    rotation_noise: Tensor
    open_logit: Tensor


@dataclass(frozen=True)
class Scene:
    """What the denoiser makes of a context once, whatever the diffusion step.

    Attributes:
        seen: keys and values of all scene tokens in the layers that look at them.
        seen_words: keys and values of the instruction in the layers that look at it; None without one.
        sampled: (b, n, width), the tokens that take part in the self-attention.
        sampled_code: (b, n, width / 2), their rotary code.
    """

    seen: list[KeysValues]
    seen_words: list[KeysValues] | None
    sampled: Tensor
    sampled_code: Tensor

    def repeated(self, count: int) -> Scene:
        """Every scene of the batch for ``count`` items in a row; what is only looked at stays as it is."""
        return Scene(
            self.seen,
            self.seen_words,
            self.sampled.repeat_interleave(count, 0),
            self.sampled_code.repeat_interleave(count, 0),
        )


@dataclass(frozen=True)
class StepModulations:
    """How a diffusion step and the gripper's history change the queries of every layer."""

    cross: list[LayerModulation]
    among: list[LayerModulation]
    rotation: list[LayerModulation]
    position: list[LayerModulation]


class SineCode(nn.Module):
    """`sine_code` as a layer without parameters."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, values: Tensor) -> Tensor:
        """(...) to (..., width)."""
        return sine_code(values, self.width)


class DenoisingHead(nn.Module):
    """Estimates the noise in poses.

    Args:
        settings: sizes and choices.
    """

    def __init__(self, settings: DiffuserActorSettings) -> None:
        super().__init__()
        width, heads = settings.width, settings.heads
        self.position_frequency = settings.position_frequency
        self.traj_encoder = nn.Linear(3 + settings.rotation_channels, width)
        self.time_emb = nn.Sequential(SineCode(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.curr_gripper_emb = nn.Sequential(nn.Linear(settings.history * width, width), nn.ReLU(), nn.Linear(width, width))
        if settings.text != "none":
            self.traj_lang_attention = nn.ModuleList([TextAttention(width, heads, layers=1, feed_forward=False)])
        self.cross_attn = RelativeAttentionStack(width, heads, _CROSS_LAYERS, modulated=True)
        self.self_attn = RelativeAttentionStack(width, heads, _SELF_LAYERS, modulated=True)
        self.rotation_proj = nn.Linear(width, width)
        self.rotation_self_attn = RelativeAttentionStack(width, heads, _BRANCH_LAYERS, modulated=True)
        self.rotation_predictor = _predictor(width, settings.rotation_channels)
        self.position_proj = nn.Linear(width, width)
        self.position_self_attn = RelativeAttentionStack(width, heads, _BRANCH_LAYERS, modulated=True)
        self.position_predictor = _predictor(width, 3)
        self.openess_predictor = _predictor(width, 1)

    def scene(self, context: Context) -> Scene:
        """What can be computed before the first step."""
        width = context.tokens.shape[-1]
        code = rotary_code(context.points, width, self.position_frequency)
        words = context.words
        return Scene(
            seen=self.cross_attn.keys_values(context.tokens, code),
            seen_words=self.traj_lang_attention[0].keys_values(words) if words is not None else None,
            sampled=context.sampled_tokens(),
            sampled_code=code.gather(1, context.sampled[..., None].expand(-1, -1, code.shape[-1])),
        )

    def modulations(self, steps: Tensor, history: Tensor) -> StepModulations:
        """Modulations for diffusion steps (b,) and gripper histories (b, history, width)."""
        condition = (self.time_emb(steps.float()) + self.curr_gripper_emb(history.flatten(1)))[:, None]
        return StepModulations(
            cross=self.cross_attn.modulations(condition),
            among=self.self_attn.modulations(condition),
            rotation=self.rotation_self_attn.modulations(condition),
            position=self.position_self_attn.modulations(condition),
        )

    def forward(self, poses: Tensor, scene: Scene, modulations: StepModulations) -> Estimate:
        """One pass.

        Args:
            poses: (b, length, 3 + rotation channels), noisy: normalised positions and rotations.
            scene: of the context.
            modulations: of the diffusion step.
        """
        width = scene.sampled.shape[-1]
        length = poses.shape[1]
        place = sine_code(torch.arange(length, device=poses.device), width)
        tokens = self.traj_encoder(poses)
        if scene.seen_words is not None:
            tokens = self.traj_lang_attention[0](tokens, scene.seen_words, place)
        tokens = tokens + place

        code = rotary_code(poses[..., :3].float(), width, self.position_frequency)
        tokens = self.cross_attn.attend_to(tokens, code, scene.seen, modulations.cross)
        everything = torch.cat((tokens, scene.sampled), 1)
        codes = torch.cat((code, scene.sampled_code), 1)
        everything = self.self_attn.attend_among(everything, codes, modulations.among)
        rotation = self.rotation_self_attn.attend_among(everything, codes, modulations.rotation, wanted=length)
        position = self.position_self_attn.attend_among(everything, codes, modulations.position, wanted=length)
        position = self.position_proj(position)
        return Estimate(
            self.position_predictor(position),
            self.rotation_predictor(self.rotation_proj(rotation)),
            self.openess_predictor(position),
        )


def each_step(modulations: StepModulations, batch: int) -> list[StepModulations]:
    """Modulations computed at once for several steps, steps outermost (steps * batch, 1, width), one by one."""

    def apart(layers: list[LayerModulation]) -> list[list[LayerModulation]]:
        parts = [
            [Modulation(*pair) for pair in zip(part.factor.split(batch), part.shift.split(batch), strict=True)]
            for layer in layers
            for part in layer
        ]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        by_layer = [[LayerModulation(*both) for both in zip(attention, feed, strict=True)] for attention, feed in pairs]
        return [list(step) for step in zip(*by_layer, strict=True)]

    groups = (modulations.cross, modulations.among, modulations.rotation, modulations.position)
    return [StepModulations(*step) for step in zip(*(apart(group) for group in groups), strict=True)]


def _predictor(width: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, channels))
