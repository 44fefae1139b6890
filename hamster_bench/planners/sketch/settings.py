"""Sizes of the model."""

from __future__ import annotations

from dataclasses import dataclass

# Edge [pixel] of the image the model sees; other images are stretched to it.
IMAGE_SIZE = 128
# Cells of the grid in which a point is chosen, along each edge.
GRID = 32


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes of the network.

    Attributes:
        channels: of the feature maps of 64, 32, 16 and 8 cells along each edge.
        width: of the transformer's tokens.
        heads: attention heads.
        encoder_layers: transformer layers over image and words.
        decoder_layers: transformer layers over the answer.
        pointer_width: of the features by which a cell is chosen.
        frequencies: octaves of sines by which coordinates are told.
    """

    channels: tuple[int, int, int, int] = (24, 48, 96, 192)
    width: int = 192
    heads: int = 6
    encoder_layers: int = 2
    decoder_layers: int = 3
    pointer_width: int = 48
    frequencies: int = 6
