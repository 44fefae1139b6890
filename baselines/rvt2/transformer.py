"""One stage: three rendered views, the state and the instruction become tokens and heat maps, and in the second stage a pose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.rvt2.heat_maps import look_up
from hamster_bench.baselines.rvt2.settings import PATCH_GROUPS, Rvt2Settings
from hamster_bench.baselines.rvt2.upsampling import ConvexUpsampling
from hamster_bench.baselines.rvt2.views import VIEWS, location_channels, pixels

STATE_CHANNELS = 4
_LEAK = 0.02
# The gated feed-forward is this many times as wide as the transformer.
_EXPANSION = 4
# Gripper closed and open, collisions minded and ignored.
_SWITCHES = 4
# Lowest frequency of the code of rotation bins.
_CODE_BASE = 10000.0


@dataclass(frozen=True)
class PoseLogits:
    """What the heads say of the pose at one point.

    Attributes:
        x, y, z: (b, bins) of the three Euler angles.
        gripper: (b, 2), closed and open.
        collision: (b, 2), minded and ignored.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    gripper: Tensor
    collision: Tensor


class MultiViewTransformer(nn.Module):
    """The network of one stage. Names of its parts are those of published checkpoints.

    Args:
        settings: sizes and choices.
        text_width: channels of the instruction's tokens, or None without language.
        heads: whether it has heads for rotation, gripper and collisions, as the second stage does.
    """

    feat_fc_pe: RotationCode

    def __init__(self, settings: Rvt2Settings, text_width: int | None, heads: bool) -> None:
        super().__init__()
        channels, tokens = settings.token_channels, len(VIEWS) * settings.patches**2
        self.settings = settings
        self.patchify = _Patches(settings)
        self.proprio_preprocess = _Dense(STATE_CHANNELS, settings.patch_channels)
        self.pos_encoding = nn.Parameter(torch.randn(1, tokens, channels))
        if text_width is not None:
            self.lang_preprocess = _Dense(text_width, channels)
        self.fc_bef_attn = _Linear(channels, settings.width)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                (_Normalised(settings.width, _Attention(settings)), _Normalised(settings.width, _FeedForward(settings.width)))
            )
            for _ in range(settings.layers)
        )
        self.fc_aft_attn = _Linear(settings.width, channels)
        self.up0 = ConvexUpsampling(channels, settings.patch_size)
        if heads:
            # A maximum and a look-up for every view.
            features, bins = 2 * len(VIEWS) * channels, settings.rotation_bins
            self.feat_fc_init_bn = nn.BatchNorm1d(features)
            self.feat_fc_pe = RotationCode(features)
            self.feat_fc_x, self.feat_fc_y, self.feat_fc_z = (_perceptron(features, bins) for _ in range(3))
            self.feat_fc_ex_rot = _perceptron(features, _SWITCHES)
        # On the processor even where the parameters are laid out without memory.
        with torch.device("cpu"):
            self.register_buffer("pixel_locations", location_channels(settings.view_size), persistent=False)

    def forward(self, images: Tensor, state: Tensor, words: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features and heat maps.

        Args:
            images: (b, 3 views, k, size, size) as rendered: point, colours, depth.
            state: (b, 4).
            words: (b, t, text width), or None without language.

        Returns:
            Features (b, 3 views, channels, patches, patches) and logits of heat maps (b, 3 views, size, size).
        """
        batch, edge = len(images), self.settings.patches
        images, state = images.to(self.pos_encoding.dtype), state.to(self.pos_encoding.dtype)
        locations = self.get_buffer("pixel_locations").to(images).expand(batch, -1, -1, -1, -1)
        patches = self.patchify(torch.cat((images, locations), 2).flatten(0, 1)).unflatten(0, (batch, -1))
        states = self.proprio_preprocess(state)[:, None, :, None, None].expand(-1, len(VIEWS), -1, edge, edge)
        tokens = torch.cat((patches, states), 2).flatten(-2).transpose(-1, -2).flatten(1, 2) + self.pos_encoding
        said = 0
        if words is not None:
            said, words = words.shape[1], words.to(self.pos_encoding.dtype)
            tokens = torch.cat((self.lang_preprocess(words.flatten(0, 1)).unflatten(0, words.shape[:2]), tokens), 1)
        tokens = self._attend(self.fc_bef_attn(tokens), said)
        features = self.fc_aft_attn(tokens[:, said:]).unflatten(1, (len(VIEWS), edge, edge)).permute(0, 1, 4, 2, 3)
        heat: Tensor = self.up0(features.flatten(0, 1)).view(batch, len(VIEWS), *images.shape[-2:])
        return features, heat

    def _attend(self, tokens: Tensor, said: int) -> Tensor:
        batch, width, half = len(tokens), tokens.shape[-1], len(self.layers) // 2
        words, views = tokens[:, :said], tokens[:, said:].reshape(batch * len(VIEWS), -1, width)
        for attention, feed_forward in self.layers[:half]:
            views = feed_forward(attention(views))
        tokens = torch.cat((words, views.view(batch, -1, width)), 1)
        for attention, feed_forward in self.layers[half:]:
            tokens = feed_forward(attention(tokens))
        return tokens

    def pose_logits(self, features: Tensor, points: Tensor, bins: Tensor | None = None) -> PoseLogits:
        """What the heads say at points. Only the second stage has them.

        Args:
            features: (b, 3 views, channels, patches, patches) of `forward`.
            points: (b, 3), cube of this stage.
            bins: (b, 2) int64, the first two rotation bins as the heads after them are to take them; without, those found likeliest.
        """
        places = pixels(points[:, None], self.settings.view_size) / self.settings.patch_size
        there = look_up(features, places).squeeze(2)
        vector = torch.cat((features.amax((-2, -1)).transpose(1, 2).flatten(1), there.flatten(1)), 1)
        gripper, collision = self.feat_fc_ex_rot(vector).chunk(2, -1)
        vector = self.feat_fc_init_bn(vector)
        x = self.feat_fc_x(vector)
        vector = vector + self.feat_fc_pe(x.argmax(-1) if bins is None else bins[:, 0])
        y = self.feat_fc_y(vector)
        vector = vector + self.feat_fc_pe(y.argmax(-1) if bins is None else bins[:, 1])
        return PoseLogits(x, y, self.feat_fc_z(vector), gripper, collision)


class RotationCode(nn.Module):
    """Codes of rotation bins: sines of many frequencies, then cosines."""

    div_term: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        exponents = torch.arange(0, channels, 2, dtype=torch.float32) / channels
        self.register_buffer("div_term", (_CODE_BASE**-exponents)[None])

    def forward(self, bins: Tensor) -> Tensor:
        """Codes (b, channels) of bins (b,)."""
        angles = bins[:, None] * self.div_term
        return torch.cat((angles.sin(), angles.cos()), -1)


class _Patches(nn.Module):
    def __init__(self, settings: Rvt2Settings) -> None:
        super().__init__()
        size, channels = settings.patch_size, settings.patch_channels
        self.conv2d = nn.Conv2d(settings.image_channels, channels, size, size)
        self.norm = nn.GroupNorm(PATCH_GROUPS, channels)

    def forward(self, images: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv2d(images)), _LEAK)


class _Dense(nn.Module):
    def __init__(self, given: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(given, channels)
        self.norm = nn.GroupNorm(PATCH_GROUPS, channels)

    def forward(self, values: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.linear(values)), _LEAK)


class _Linear(nn.Module):
    def __init__(self, given: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(given, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        made: Tensor = self.linear(tokens)
        return made


class _Normalised(nn.Module):
    """A part of a layer that looks at normalised tokens and adds to them."""

    def __init__(self, width: int, part: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = part

    def forward(self, tokens: Tensor) -> Tensor:
        changed: Tensor = tokens + self.fn(self.norm(tokens))
        return changed


class _Attention(nn.Module):
    def __init__(self, settings: Rvt2Settings) -> None:
        super().__init__()
        inner = settings.heads * settings.head_width
        self.heads, self.dropout = settings.heads, settings.dropout
        self.to_q = nn.Linear(settings.width, inner, bias=False)
        # Keys, then values.
        self.to_kv = nn.Linear(settings.width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, settings.width)

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.to_q(tokens), *self.to_kv(tokens).chunk(2, -1))
        )
        mixed = functional.scaled_dot_product_attention(queries, keys, values, dropout_p=self.dropout if self.training else 0.0)
        made: Tensor = self.to_out(mixed.transpose(1, 2).flatten(-2))
        return made


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = _EXPANSION * width
        self.net = nn.Sequential(nn.Linear(width, 2 * inner), _Gate(), nn.Linear(inner, width))

    def forward(self, tokens: Tensor) -> Tensor:
        made: Tensor = self.net(tokens)
        return made


class _Gate(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        passed, gates = values.chunk(2, -1)
        # The exact Gelu: the form with a hyperbolic tangent is off by 3e-3 in the result.
        return passed * functional.gelu(gates)


def _perceptron(channels: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, channels // 3),
        nn.ReLU(),
        nn.Linear(channels // 3, channels // 6),
        nn.ReLU(),
        nn.Linear(channels // 6, made),
    )
