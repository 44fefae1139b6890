"""The model in PyTorch, for training. `hamster_bench.planners.sketch.inference` computes the same with numpy alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.planners.sketch.settings import Architecture
from hamster_bench.planners.sketch.tokens import MAX_TOKENS, MAX_WORDS, Kind


class SketchNetwork(nn.Module):
    """Image and word tokens in, answer tokens out.

    A small convolutional network turns the image into 8 x 8 tokens, which mix with the word tokens in a transformer encoder. The image
    tokens are then brought back, step by step and together with the finer feature maps, to a grid of 32 x 32 cells. A transformer
    decoder writes the answer token by token; a point is chosen by comparing the decoder's state with the features of every cell, as
    pointer networks choose (Vinyals et al. 2015), so that saying *where* is a matter of looking, not of remembering coordinates.

    Args:
        architecture: sizes.
        vocabulary_size: number of word tokens.
    """

    def __init__(self, architecture: Architecture, vocabulary_size: int) -> None:
        super().__init__()
        a = architecture
        self.architecture = a
        c64, c32, c16, c8 = a.channels
        self.conv64 = ConvBlock(3, c64, stride=2)
        self.conv32 = nn.ModuleList([ConvBlock(c64, c32, stride=2), ConvBlock(c32, c32)])
        self.conv16 = nn.ModuleList([ConvBlock(c32, c16, stride=2), ConvBlock(c16, c16), ConvBlock(c16, c16)])
        self.conv8 = nn.ModuleList([ConvBlock(c16, c8, stride=2), ConvBlock(c8, c8)])
        self.image_in = nn.Linear(c8, a.width)
        self.image_position = _embedding(8 * 8, a.width)
        self.words = nn.Embedding(vocabulary_size, a.width)
        self.word_position = _embedding(MAX_WORDS, a.width)
        self.encoder = nn.ModuleList(EncoderLayer(a.width, a.heads) for _ in range(a.encoder_layers))
        self.memory_norm = nn.LayerNorm(a.width)

        self.up16 = nn.Linear(a.width, c16)
        self.merge16 = ConvBlock(c16, c16)
        self.up32 = nn.Linear(c16, a.pointer_width)
        self.lateral32 = nn.Linear(c32, a.pointer_width)
        self.merge32 = ConvBlock(a.pointer_width, a.pointer_width)
        self.cells = nn.Linear(a.pointer_width, a.pointer_width)
        self.cell_position = _embedding(32 * 32, a.pointer_width)

        self.start = _embedding(1, a.width)
        self.actions = nn.Embedding(len(Kind), a.width)
        self.point_in = nn.Linear(4 * a.frequencies, a.width)
        self.token_position = _embedding(MAX_TOKENS, a.width)
        self.decoder = nn.ModuleList(DecoderLayer(a.width, a.heads) for _ in range(a.decoder_layers))
        self.out_norm = nn.LayerNorm(a.width)
        self.pointer = nn.Linear(a.width, a.pointer_width)
        self.specials = nn.Linear(a.width, len(Kind) - 1)

    def forward(self, images: Tensor, words: Tensor, kinds: Tensor, points: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits of every token of the answers, each given the true tokens before it.

        Args:
            images: (b, 3, 128, 128) float, -1 to 1.
            words: (b, `MAX_WORDS`) int64.
            kinds: (b, n) int64, the answers' tokens.
            points: (b, n, 2) float, where the point tokens are.
            dropout: share of activations dropped in the transformer layers.

        Returns:
            (b, n, 32 * 32 + 3): one for every cell in reading order, then opening, closing and end.
        """
        memory, cells = self.encode(images, words, dropout)
        return self.decode(memory, cells, kinds, points, dropout)

    def encode(self, images: Tensor, words: Tensor, dropout: float = 0.0) -> tuple[Tensor, Tensor]:
        """What the decoder looks at: tokens (b, 64 + `MAX_WORDS`, width) and cells (b, 1024, pointer_width)."""
        f32 = self.conv32[0](self.conv64(images))
        f32 = f32 + self.conv32[1](f32)
        f16 = self.conv16[0](f32)
        f16 = f16 + self.conv16[2](self.conv16[1](f16))
        f8 = self.conv8[0](f16)
        f8 = f8 + self.conv8[1](f8)
        tokens = torch.cat(
            [self.image_in(_to_tokens(f8)) + self.image_position, self.words(words) + self.word_position],
            dim=1,
        )
        for layer in self.encoder:
            tokens = layer(tokens, dropout)
        memory: Tensor = self.memory_norm(tokens)

        up = _upsampled(_to_map(self.up16(memory[:, : 8 * 8]), 8))
        up = self.merge16(f16 + up)
        up = _upsampled(_to_map(self.up32(_to_tokens(up)), 16))
        up = self.merge32(_to_map(self.lateral32(_to_tokens(f32)), 32) + up)
        cells: Tensor = self.cells(_to_tokens(up)) + self.cell_position
        return memory, cells

    def decode(self, memory: Tensor, cells: Tensor, kinds: Tensor, points: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits (b, n, 1027) of the answer's tokens; see `forward`."""
        is_point = (kinds == Kind.POINT)[..., None].to(memory.dtype)
        said = self.actions(kinds) + is_point * self.point_in(self._waves(points))
        start = self.start.expand(len(kinds), 1, -1)
        tokens = torch.cat([start, said[:, :-1]], dim=1) + self.token_position[: kinds.shape[1]]
        for layer in self.decoder:
            tokens = layer(tokens, memory, dropout)
        out = self.out_norm(tokens)
        scale = self.architecture.pointer_width**-0.5
        logits: Tensor = torch.cat([self.pointer(out) @ cells.transpose(1, 2) * scale, self.specials(out)], dim=-1)
        return logits

    def _waves(self, points: Tensor) -> Tensor:
        """Sines and cosines (..., 4 * frequencies) of coordinates (..., 2)."""
        octaves = torch.pi * 2.0 ** torch.arange(self.architecture.frequencies, dtype=points.dtype, device=points.device)
        angles = (points[..., None] * octaves).flatten(-2)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class ConvBlock(nn.Module):
    """3 x 3 convolution, batch normalisation, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Features (b, channels_out, h / stride, w / stride)."""
        return functional.relu(self.norm(self.conv(x)))


class Attention(nn.Module):
    """Multi-head attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor, causal: bool = False) -> Tensor:
        """What each of ``x`` (b, n, width) finds in ``context`` (b, m, width)."""
        q = self._split(self.q(x))
        k, v = (self._split(part) for part in self.kv(context).chunk(2, dim=-1))
        # Written out: PyTorch's fused attention is four times slower on processors in bfloat16.
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        if causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        found = scores.softmax(dim=-1) @ v
        attended: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return attended

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Two layers with a GELU between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, n, width)."""
        out: Tensor = self.down(functional.gelu(self.up(x), approximate="tanh"))
        return out


class EncoderLayer(nn.Module):
    """Transformer layer with normalisation first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.feed = nn.LayerNorm(width), FeedForward(width)

    def forward(self, x: Tensor, dropout: float) -> Tensor:
        """(b, n, width)."""
        normed = self.norm1(x)
        x = x + _dropped(self.attention(normed, normed), dropout)
        return x + _dropped(self.feed(self.norm2(x)), dropout)


class DecoderLayer(nn.Module):
    """Transformer layer that looks at the tokens before and at the memory."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.cross = nn.LayerNorm(width), Attention(width, heads)
        self.norm3, self.feed = nn.LayerNorm(width), FeedForward(width)

    def forward(self, x: Tensor, memory: Tensor, dropout: float) -> Tensor:
        """(b, n, width)."""
        normed = self.norm1(x)
        x = x + _dropped(self.attention(normed, normed, causal=True), dropout)
        x = x + _dropped(self.cross(self.norm2(x), memory), dropout)
        return x + _dropped(self.feed(self.norm3(x)), dropout)


def _embedding(count: int, width: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(count, width) * 0.02)


def _dropped(x: Tensor, share: float) -> Tensor:
    return functional.dropout(x, share) if share > 0.0 else x


def _to_tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def _to_map(x: Tensor, edge: int) -> Tensor:
    return x.transpose(1, 2).unflatten(2, (edge, edge))


def _upsampled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
