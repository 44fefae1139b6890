"""From images, points, instruction and gripper history to the tokens that the denoiser looks at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.diffuser_actor.attention import RelativeAttentionStack, TextAttention, rotary_code
from hamster_bench.baselines.diffuser_actor.backbones import FeaturePyramid, make_backbone, normalised_colours
from hamster_bench.baselines.diffuser_actor.farthest_points import farthest_points
from hamster_bench.baselines.diffuser_actor.settings import DiffuserActorSettings
from hamster_bench.baselines.parts.text import CLIP_WIDTH, LEARNED_WIDTH, LearnedText

_HISTORY_LAYERS = 3


@dataclass(frozen=True)
class Context:
    """All that the denoiser knows of a situation. It is the same at every diffusion step.

    Attributes:
        tokens: (b, m, width), one for every cell of the feature maps, camera by camera.
        points: (b, m, 3), where they are; normalised coordinates.
        sampled: (b, m // context_share) int64, the tokens that cover the space of features, in order of choice.
        words: (b, words, width), the instruction; None for a network without.
        history: (b, history, width), one for every gripper position.
    """

    tokens: Tensor
    points: Tensor
    sampled: Tensor
    words: Tensor | None
    history: Tensor

    def sampled_tokens(self) -> Tensor:
        """The chosen tokens (b, n, width)."""
        return self.tokens.gather(1, self.sampled[..., None].expand(-1, -1, self.tokens.shape[-1]))

    def sampled_points(self) -> Tensor:
        """The points (b, n, 3) of the chosen tokens."""
        return self.points.gather(1, self.sampled[..., None].expand(-1, -1, 3))


class Encoder(nn.Module):
    """Tokens of the scene, of the instruction and of the gripper's history.

    Args:
        settings: sizes and choices.
    """

    def __init__(self, settings: DiffuserActorSettings) -> None:
        super().__init__()
        self.context_share = settings.context_share
        self.position_frequency = settings.position_frequency
        self.point_encoder: nn.Module | None = None
        self.backbone_sees_points = settings.point_features and settings.backbone == "compact"
        if settings.point_features:
            self.point_encoder = nn.Sequential(nn.Linear(3, settings.width), nn.ReLU(), nn.Linear(settings.width, settings.width))
        self.backbone = make_backbone(settings.backbone, settings.point_features)
        self.feature_pyramid = FeaturePyramid(self.backbone.channels, settings.width)
        self.curr_gripper_embed = nn.Embedding(settings.history, settings.width)
        self.gripper_context_head = RelativeAttentionStack(settings.width, settings.heads, _HISTORY_LAYERS, modulated=False)
        self.learned_text: LearnedText | None = LearnedText() if settings.text == "learned" else None
        self.has_text = settings.text != "none"
        if self.has_text:
            self.instruction_encoder = nn.Linear(CLIP_WIDTH if settings.text == "clip" else LEARNED_WIDTH, settings.width)
            self.vl_attention = nn.ModuleList([TextAttention(settings.width, settings.heads, settings.text_layers)])

    def forward(self, rgb: Tensor, points: Tensor, instruction: Tensor | None, history: Tensor) -> Context:
        """Encodes a situation.

        Args:
            rgb: (b, cameras, 3, height, width), [0, 1].
            points: (b, cameras, 3, height, width), normalised coordinates of what every pixel shows.
            instruction: (b, tokens, features) of CLIP, or (b, tokens) word numbers; not looked at by a network without text.
            history: (b, history, 3), normalised gripper positions, oldest first.
        """
        batch, cameras = rgb.shape[:2]
        features = self.image_features(rgb.flatten(0, 1), points.flatten(0, 1))
        size = features.shape[-2:]
        tokens = features.flatten(2).mT.reshape(batch, cameras * size.numel(), -1)
        cell_points = functional.interpolate(points.flatten(0, 1), size, mode="bilinear", align_corners=False)
        token_points = cell_points.flatten(2).mT.reshape(batch, cameras * size.numel(), 3)

        if self.point_encoder is not None:
            tokens = tokens + self.point_encoder(token_points)

        words = self.words(instruction) if self.has_text and instruction is not None else None
        if words is not None:
            for attention in self.vl_attention:
                tokens = attention(tokens, attention.keys_values(words))

        width = tokens.shape[-1]
        seen = self.gripper_context_head.keys_values(tokens, rotary_code(token_points, width, self.position_frequency))
        slots = self.curr_gripper_embed.weight.expand(batch, -1, -1)
        history_tokens = self.gripper_context_head.attend_to(slots, rotary_code(history, width, self.position_frequency), seen)
        sampled = farthest_points(tokens, max(1, tokens.shape[1] // self.context_share))
        return Context(tokens, token_points, sampled, words, history_tokens)

    def image_features(self, rgb: Tensor, points: Tensor | None = None) -> Tensor:
        """Features (b, width, height / 8, width / 8) of images (b, 3, height, width) in [0, 1].

        Args:
            rgb: the images.
            points: of the same shape, normalised coordinates; looked at by a network with point features alone.
        """
        images = normalised_colours(rgb)
        if self.backbone_sees_points and points is not None:
            images = torch.cat((images, points), 1)
        features: Tensor = self.feature_pyramid(self.backbone(images))
        return features

    def words(self, instruction: Tensor) -> Tensor:
        """Tokens (b, words, width) of an instruction."""
        if self.learned_text is not None:
            instruction = self.learned_text(instruction)
        words: Tensor = self.instruction_encoder(instruction)
        return words
