"""The model at work, with numpy alone: no learning framework is needed to plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.planners.sketch.settings import GRID, IMAGE_SIZE
from hamster_bench.planners.sketch.tokens import MAX_TOKENS, AnswerTokens, Kind, allowed_kinds
from hamster_bench.planners.sketch.weights import Weights

Array = NDArray[np.float32]

# A point lies at the mean of the cells up to this far from the most likely one [cells]: finer than the grid, and blind to other
# places the model may consider.
_NEIGHBOURHOOD = 2

# PyTorch's defaults, with which the model is trained.
_BATCH_NORM_EPSILON = 1e-5
_LAYER_NORM_EPSILON = 1e-5


class SketchModel:
    """Answers by greedy decoding; the same question gives the same answer.

    Args:
        weights: a trained model.

    Raises:
        StoreError: the weights are not those of such a model.
    """

    def __init__(self, weights: Weights) -> None:
        self._architecture = weights.architecture
        self._vocabulary = weights.vocabulary
        a = weights.architecture
        try:
            p = _Parameters(weights.arrays)
            self._conv64 = p.conv("conv64", stride=2)
            self._conv32 = [p.conv(f"conv32.{i}", stride=1 if i else 2) for i in range(2)]
            self._conv16 = [p.conv(f"conv16.{i}", stride=1 if i else 2) for i in range(3)]
            self._conv8 = [p.conv(f"conv8.{i}", stride=1 if i else 2) for i in range(2)]
            self._merge16, self._merge32 = p.conv("merge16"), p.conv("merge32")
            self._image_in, self._image_position = p.linear("image_in"), p["image_position"]
            self._words, self._word_position = p["words.weight"], p["word_position"]
            self._encoder = [_Layer(p, f"encoder.{i}", a.heads, cross=False) for i in range(a.encoder_layers)]
            self._memory_norm = p.norm("memory_norm")
            self._up16, self._up32, self._lateral32 = p.linear("up16"), p.linear("up32"), p.linear("lateral32")
            self._cells, self._cell_position = p.linear("cells"), p["cell_position"]
            self._start, self._actions = p["start"], p["actions.weight"]
            self._point_in, self._token_position = p.linear("point_in"), p["token_position"]
            self._decoder = [_Layer(p, f"decoder.{i}", a.heads, cross=True) for i in range(a.decoder_layers)]
            self._out_norm, self._pointer, self._specials = p.norm("out_norm"), p.linear("pointer"), p.linear("specials")
        except (KeyError, ValueError) as error:
            raise StoreError(f"the weights are not those of the sketch planner: {error}") from error

    def answer(self, image_rgb: NDArray[np.uint8], instruction: str) -> AnswerTokens:
        """The answer to an image (h, w, 3) of any size and an instruction of any words; it always follows the grammar.

        Raises:
            InvalidOptionError: the image is no array (h, w, 3) of uint8, or the instruction no text.
        """
        if not isinstance(instruction, str):
            raise InvalidOptionError(f"an instruction is text, got {type(instruction).__name__}")
        memory, cells = self._encode(_fitted(image_rgb), self._vocabulary.encode(instruction))
        caches = [layer.cache(memory) for layer in self._decoder]
        kinds: list[int] = []
        points: list[NDArray[np.float64]] = []
        token = self._start[0]
        while Kind.END not in kinds and len(kinds) < MAX_TOKENS:
            x = (token + self._token_position[len(kinds)])[None]
            for layer, cache in zip(self._decoder, caches, strict=True):
                x = layer.decoded(x, cache)
            out = self._out_norm(x)[0]
            kind, point = self._chosen(out, cells, kinds)
            kinds.append(int(kind))
            points.append(point)
            token = self._actions[kind]
            if kind == Kind.POINT:
                token = token + self._point_in(self._waves(point))
        return AnswerTokens(np.array(kinds, dtype=np.int64), np.array(points))

    def _encode(self, image: Array, words: NDArray[np.int64]) -> tuple[Array, Array]:
        f32 = self._conv32[0](self._conv64(image))
        f32 = f32 + self._conv32[1](f32)
        f16 = self._conv16[0](f32)
        f16 = f16 + self._conv16[2](self._conv16[1](f16))
        f8 = self._conv8[0](f16)
        f8 = f8 + self._conv8[1](f8)
        image_tokens = self._image_in(f8.reshape(-1, f8.shape[-1])) + self._image_position
        tokens = np.concatenate([image_tokens, self._words[words] + self._word_position])
        for layer in self._encoder:
            tokens = layer.encoded(tokens)
        memory = self._memory_norm(tokens)
        up = _upsampled(self._up16(memory[: len(image_tokens)]).reshape(*f8.shape[:2], -1))
        up = self._merge16(f16 + up)
        up = _upsampled(self._up32(up))
        up = self._merge32(self._lateral32(f32) + up)
        return memory, self._cells(up.reshape(GRID * GRID, -1)) + self._cell_position

    def _chosen(self, out: Array, cells: Array, kinds: list[int]) -> tuple[Kind, NDArray[np.float64]]:
        """The most likely token the grammar allows, and where it is if it is a point."""
        where = cells @ self._pointer(out) * np.float32(self._architecture.pointer_width**-0.5)
        highest = where.max()
        # All cells together speak for a point: each alone may be less likely than the end although there must be a point.
        any_cell = highest + np.log(np.exp(where - highest).sum())
        scores = np.concatenate([[any_cell], self._specials(out)])
        kind = Kind(int(np.argmax(np.where(allowed_kinds(kinds), scores, -np.inf))))
        if kind != Kind.POINT:
            return kind, np.zeros(2)
        row, column = divmod(int(np.argmax(where)), GRID)
        rows = np.arange(max(row - _NEIGHBOURHOOD, 0), min(row + _NEIGHBOURHOOD + 1, GRID))
        columns = np.arange(max(column - _NEIGHBOURHOOD, 0), min(column + _NEIGHBOURHOOD + 1, GRID))
        weights = np.exp(where.reshape(GRID, GRID)[np.ix_(rows, columns)].astype(np.float64) - float(highest))
        weights /= weights.sum()
        x = (weights.sum(axis=0) @ (columns + 0.5)) / GRID
        y = (weights.sum(axis=1) @ (rows + 0.5)) / GRID
        return kind, np.array([x, y])

    def _waves(self, point: NDArray[np.float64]) -> Array:
        octaves = np.pi * 2.0 ** np.arange(self._architecture.frequencies)
        angles = (point[:, None] * octaves).ravel()
        return np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)


class _Parameters:
    """The arrays by name, as functions where they act."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name].astype(np.float32)

    def linear(self, name: str) -> Callable[[Array], Array]:
        weight, bias = np.ascontiguousarray(self[f"{name}.weight"].T), self[f"{name}.bias"]
        return lambda x: x @ weight + bias

    def norm(self, name: str) -> Callable[[Array], Array]:
        weight, bias = self[f"{name}.weight"], self[f"{name}.bias"]

        def apply(x: Array) -> Array:
            centred = x - x.mean(axis=-1, keepdims=True)
            variance = np.square(centred).mean(axis=-1, keepdims=True)
            scaled: Array = centred / np.sqrt(variance + np.float32(_LAYER_NORM_EPSILON)) * weight + bias
            return scaled

        return apply

    def conv(self, name: str, stride: int = 1) -> Callable[[Array], Array]:
        """A 3 x 3 convolution of (h, w, channels) with its batch normalisation in its weights, and ReLU."""
        kernel = self[f"{name}.conv.weight"]  # (out, in, 3, 3)
        gain = self[f"{name}.norm.weight"] / np.sqrt(self[f"{name}.norm.running_var"] + np.float32(_BATCH_NORM_EPSILON))
        bias = self[f"{name}.norm.bias"] - self[f"{name}.norm.running_mean"] * gain
        matrix = (kernel * gain[:, None, None, None]).transpose(2, 3, 1, 0).reshape(-1, len(kernel))

        def apply(x: Array) -> Array:
            height, width, _ = x.shape
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            patches = np.concatenate(
                [padded[i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)], axis=-1
            )
            out = patches.reshape(-1, patches.shape[-1]) @ matrix + bias
            positive: Array = np.maximum(out, np.float32(0.0)).reshape(height // stride, width // stride, -1)
            return positive

        return apply


class _Cache:
    """Keys and values (heads, n, channels) of one decoder layer: of the memory, and of the answer so far."""

    def __init__(self, memory_k: Array, memory_v: Array) -> None:
        self.memory_k, self.memory_v = memory_k, memory_v
        empty = np.zeros((memory_k.shape[0], 0, memory_k.shape[2]), dtype=np.float32)
        self.said_k, self.said_v = empty, empty


class _Layer:
    """A transformer layer."""

    def __init__(self, p: _Parameters, name: str, heads: int, *, cross: bool) -> None:
        self._heads = heads
        feed_norm = "norm3" if cross else "norm2"
        self._attention = [p.norm(f"{name}.norm1"), *(p.linear(f"{name}.attention.{part}") for part in ("q", "kv", "out"))]
        if cross:
            self._cross = [p.norm(f"{name}.norm2"), *(p.linear(f"{name}.cross.{part}") for part in ("q", "kv", "out"))]
        self._feed = [p.norm(f"{name}.{feed_norm}"), p.linear(f"{name}.feed.up"), p.linear(f"{name}.feed.down")]

    def encoded(self, x: Array) -> Array:
        norm, q, kv, out = self._attention
        normed = norm(x)
        x = x + out(_attended(self._split(q(normed)), *self._keys_values(kv(normed))))
        return x + self._fed(x)

    def cache(self, memory: Array) -> _Cache:
        return _Cache(*self._keys_values(self._cross[2](memory)))

    def decoded(self, x: Array, cache: _Cache) -> Array:
        """The next token (1, width); the cache learns it."""
        norm, q, kv, out = self._attention
        normed = norm(x)
        k, v = self._keys_values(kv(normed))
        cache.said_k, cache.said_v = np.concatenate([cache.said_k, k], axis=1), np.concatenate([cache.said_v, v], axis=1)
        x = x + out(_attended(self._split(q(normed)), cache.said_k, cache.said_v))
        norm, q, _, out = self._cross
        x = x + out(_attended(self._split(q(norm(x))), cache.memory_k, cache.memory_v))
        return x + self._fed(x)

    def _fed(self, x: Array) -> Array:
        norm, up, down = self._feed
        h = up(norm(x))
        # GELU in its tanh form, as in training.
        inner = np.float32(np.sqrt(2.0 / np.pi)) * (h + np.float32(0.044715) * h * h * h)
        return down((np.float32(0.5) * h * (np.float32(1.0) + np.tanh(inner))).astype(np.float32, copy=False))

    def _split(self, x: Array) -> Array:
        return x.reshape(len(x), self._heads, -1).swapaxes(0, 1)

    def _keys_values(self, kv: Array) -> tuple[Array, Array]:
        half = kv.shape[-1] // 2
        return self._split(kv[:, :half]), self._split(kv[:, half:])


def _attended(q: Array, k: Array, v: Array) -> Array:
    """What queries (heads, n, channels) find among keys and values (heads, m, channels): (n, heads * channels)."""
    scores = q @ k.swapaxes(1, 2) * np.float32(q.shape[-1] ** -0.5)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    found: Array = (weights @ v).swapaxes(0, 1).reshape(q.shape[1], -1)
    return found


def _upsampled(x: Array) -> Array:
    return x.repeat(2, axis=0).repeat(2, axis=1)


def _fitted(image_rgb: NDArray[np.uint8]) -> Array:
    """The image stretched to the size the model sees, -1 to 1."""
    image = np.asarray(image_rgb)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise InvalidOptionError(f"an image is an array (height, width, 3) of uint8, got {image.shape} of {image.dtype}")
    if image.shape[:2] != (IMAGE_SIZE, IMAGE_SIZE):
        from PIL import Image

        stretched = Image.fromarray(np.ascontiguousarray(image)).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)
        image = np.asarray(stretched)
    return image.astype(np.float32) / np.float32(255.0) * np.float32(2.0) - np.float32(1.0)
