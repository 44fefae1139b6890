"""Attention as 3D Diffuser Actor uses it: positions enter by rotation, the diffusion step by modulation of the query.

Entries are named as in the published checkpoints, which is why some names here say less than they could.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_LONGEST_PERIOD = 10_000.0
# PyTorch's attention is a third faster on processors with heads of a multiple of so many channels.
_ALIGNED = 16


def sine_code(values: Tensor, width: int) -> Tensor:
    """Sines, then cosines, of numbers (...) at ``width / 2`` frequencies from 1 down to 1/10000: (..., width)."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=values.device) * (-math.log(_LONGEST_PERIOD) / (half - 1)))
    angles = values[..., None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), -1)


def rotary_code(points: Tensor, width: int, highest: float = 1.0) -> Tensor:
    """The relative position code of points (..., 3): unit complex numbers (..., width / 2).

    Channels stand in pairs, each pair being one complex number. A third of the pairs belongs to each axis; within an axis the
    frequencies fall from the highest to nearly 1/10000 of it. Turning the query by the code of its own point and the key by that of its
    point leaves in their scalar product the difference of the two angles alone, so attention sees where tokens are relative to each
    other (Su et al. 2021).

    Args:
        points: normalised coordinates.
        width: channels of the tokens; a multiple of 6.
        highest: frequency [radian per unit].
    """
    per_axis = width // 3
    exponents = torch.arange(0, per_axis, 2, device=points.device, dtype=torch.float32) * (-math.log(_LONGEST_PERIOD) / per_axis)
    angles = (points[..., None] * (highest * torch.exp(exponents))).flatten(-2)
    return torch.complex(angles.cos(), angles.sin())


def turned(features: Tensor, code: Tensor) -> Tensor:
    """Features (b, n, width) with every pair of channels turned by its code (b, n, width / 2)."""
    pairs = torch.view_as_complex(features.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * code).flatten(-2).to(features.dtype)


class KeysValues(NamedTuple):
    """What a layer's queries look at: keys and values, (b, heads, n, head width) each, padded as `MultiheadAttention` wants them."""

    keys: Tensor
    values: Tensor


class Modulation(NamedTuple):
    """How a condition changes queries (b, n, width): q times factor plus shift, (b, 1, width) each."""

    factor: Tensor
    shift: Tensor

    def of(self, query: Tensor) -> Tensor:
        """The queries as changed."""
        return torch.addcmul(self.shift, query, self.factor)


class LayerModulation(NamedTuple):
    """The modulation of a layer's attention and of its feed-forward part."""

    attention: Modulation
    feed_forward: Modulation


class MultiheadAttention(nn.Module):
    """Attention with one packed input projection and, if wanted, rotary codes over the full width before the split into heads.

    Args:
        width: channels.
        heads: heads.
        dropout: share of attention weights dropped in training.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def keys_values(self, tokens: Tensor, code: Tensor | None = None) -> KeysValues:
        """Keys and values of tokens (b, n, width); they depend on nothing else, so they can be kept."""
        width = tokens.shape[-1]
        keys, values = functional.linear(tokens, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, -1)
        if code is not None:
            keys = turned(keys, code)
        return KeysValues(self._split(keys), self._split(values))

    def forward(self, query: Tensor, seen: KeysValues, code: Tensor | None = None) -> Tensor:
        """What the queries (b, n, width) gather from what they see, (b, n, width).

        Where fewer items are seen than ask, each is seen by as many items in a row: their queries know nothing of each other, so they
        ask together, and nothing is copied.
        """
        width = query.shape[-1]
        asking = len(query)
        projected = functional.linear(query, self.in_proj_weight[:width], self.in_proj_bias[:width])
        if code is not None:
            projected = turned(projected, code)
        projected = projected.reshape(len(seen.keys), -1, width)
        head_width = width // self.heads
        gathered = functional.scaled_dot_product_attention(
            self._split(projected),
            seen.keys,
            seen.values,
            dropout_p=self.dropout if self.training else 0.0,
            scale=head_width**-0.5,
        )
        return self.out_proj(gathered[..., :head_width].transpose(1, 2).reshape(asking, -1, width))

    def _split(self, tokens: Tensor) -> Tensor:
        """(b, n, width) to (b, heads, n, head width), zeros appended: they change nothing, and aligned rows are read faster."""
        by_head = tokens.unflatten(-1, (self.heads, -1))
        missing = -by_head.shape[-1] % _ALIGNED
        return (functional.pad(by_head, (0, missing)) if missing else by_head).transpose(1, 2)


class AdaptiveModulation(nn.Module):
    """Factor (1 + scale) and shift from a conditioning vector; it starts as no modulation at all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        nn.init.zeros_(self.modulation[1].weight)
        nn.init.zeros_(self.modulation[1].bias)

    def forward(self, condition: Tensor) -> Modulation:
        """The modulation by conditions (..., width)."""
        scale, shift = self.modulation(condition).chunk(2, -1)
        return Modulation(1.0 + scale, shift)


class RelativeAttentionLayer(nn.Module):
    """layer norm(q + attention of the modulated q). Keys and values are not modulated."""

    def __init__(self, width: int, heads: int, modulated: bool) -> None:
        super().__init__()
        self.multihead_attn = MultiheadAttention(width, heads)
        self.norm = nn.LayerNorm(width)
        if modulated:
            self.adaln = AdaptiveModulation(width)

    def forward(self, query: Tensor, code: Tensor, seen: KeysValues, modulation: Modulation | None) -> Tensor:
        """New queries (b, n, width)."""
        asking = query if modulation is None else modulation.of(query)
        return self.norm(query + self.multihead_attn(asking, seen, code))


class FeedForwardLayer(nn.Module):
    """layer norm(x + linear(relu(linear(x)))), where x is the modulated input, in the residual too."""

    def __init__(self, width: int, modulated: bool) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        for linear in (self.linear1, self.linear2):
            nn.init.xavier_uniform_(linear.weight)
        if modulated:
            self.adaln = AdaptiveModulation(width)

    def forward(self, tokens: Tensor, modulation: Modulation | None) -> Tensor:
        """New tokens (b, n, width)."""
        changed = tokens if modulation is None else modulation.of(tokens)
        return self.norm(changed + self.linear2(functional.relu(self.linear1(changed))))


class RelativeAttentionStack(nn.Module):
    """Layers of relative attention, each followed by a feed-forward layer.

    Args:
        width: channels.
        heads: heads.
        layers: number of layers.
        modulated: whether a condition changes the queries.
    """

    def __init__(self, width: int, heads: int, layers: int, modulated: bool) -> None:
        super().__init__()
        self.attn_layers = nn.ModuleList(RelativeAttentionLayer(width, heads, modulated) for _ in range(layers))
        self.ffw_layers = nn.ModuleList(FeedForwardLayer(width, modulated) for _ in range(layers))

    def modulations(self, condition: Tensor) -> list[LayerModulation]:
        """Every layer's modulation by conditions (..., width)."""
        layers = zip(self.attn_layers, self.ffw_layers, strict=True)
        return [LayerModulation(attention.adaln(condition), feed_forward.adaln(condition)) for attention, feed_forward in layers]

    def keys_values(self, tokens: Tensor, code: Tensor) -> list[KeysValues]:
        """What every layer's queries see when they look at tokens (b, n, width) that stay the same."""
        return [layer.multihead_attn.keys_values(tokens, code) for layer in self.attn_layers]

    def attend_to(
        self, query: Tensor, code: Tensor, seen: Sequence[KeysValues], modulations: Sequence[LayerModulation] | None = None
    ) -> Tensor:
        """Queries (b, n, width) after all layers of cross-attention."""
        for i, (attention, feed_forward) in enumerate(zip(self.attn_layers, self.ffw_layers, strict=True)):
            by_attention, by_feed_forward = modulations[i] if modulations is not None else (None, None)
            query = feed_forward(attention(query, code, seen[i], by_attention), by_feed_forward)
        return query

    def attend_among(
        self, tokens: Tensor, code: Tensor, modulations: Sequence[LayerModulation], wanted: int | None = None
    ) -> Tensor:
        """Tokens (b, n, width) after all layers of self-attention.

        Args:
            tokens: (b, n, width).
            code: their rotary code (b, n, width / 2).
            modulations: of every layer.
            wanted: how many tokens, from the first on, the caller needs; the last layer computes no others.

        Returns:
            (b, wanted, width), or all of them.
        """
        last = len(self.attn_layers) - 1
        for i, (attention, feed_forward) in enumerate(zip(self.attn_layers, self.ffw_layers, strict=True)):
            seen = attention.multihead_attn.keys_values(tokens, code)
            if i == last:
                tokens, code = tokens[:, :wanted], code[:, :wanted]
            tokens = feed_forward(attention(tokens, code, seen, modulations[i].attention), modulations[i].feed_forward)
        return tokens


class TextAttentionLayer(nn.Module):
    """Cross-attention to the instruction: residual, layer norm and, if wanted, a feed-forward part four times as wide.

    Args:
        width: channels.
        heads: heads.
        feed_forward: whether the feed-forward part follows.
        dropout: share of activations dropped in training.
    """

    def __init__(self, width: int, heads: int, feed_forward: bool = True, dropout: float = 0.1) -> None:
        super().__init__()
        self.cross_12 = MultiheadAttention(width, heads, dropout)
        self.norm_12 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        if feed_forward:
            self.ffn_12 = nn.Sequential(
                nn.Linear(width, 4 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * width, width), nn.Dropout(dropout)
            )
            self.norm_122 = nn.LayerNorm(width)
        self.has_feed_forward = feed_forward

    def forward(self, query: Tensor, seen: KeysValues, position: Tensor | None = None) -> Tensor:
        """Queries (b, n, width) after the layer; ``position`` is added to what asks, not to what is handed on."""
        asking = query if position is None else query + position
        query = self.norm_12(query + self.dropout(self.cross_12(asking, seen)))
        return self.norm_122(query + self.ffn_12(query)) if self.has_feed_forward else query


class TextAttention(nn.Module):
    """Layers of cross-attention to the instruction."""

    def __init__(self, width: int, heads: int, layers: int, feed_forward: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TextAttentionLayer(width, heads, feed_forward) for _ in range(layers))

    def keys_values(self, words: Tensor) -> list[KeysValues]:
        """What every layer's queries see of the instruction (b, words, width)."""
        return [layer.cross_12.keys_values(words) for layer in self.layers]

    def forward(self, query: Tensor, seen: Sequence[KeysValues], position: Tensor | None = None) -> Tensor:
        """Queries (b, n, width) after all layers."""
        for layer, layer_seen in zip(self.layers, seen, strict=True):
            query = layer(query, layer_seen, position)
        return query
