"""Heat maps at the resolution of pixels from features at that of patches: convex upsampling (Teed and Deng 2020)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

# Every fine pixel is a weighted mean of 3 x 3 coarse ones.
_AROUND = 3
# Keeps the weights even at the start of training (RAFT).
_MASK_SCALE = 0.1


class ConvexUpsampling(nn.Module):
    """One channel at so many times the resolution of the features.

    Args:
        channels: of the features.
        factor: how many times finer.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.factor = factor
        self.net_out = nn.Sequential(
            nn.Conv2d(channels, inner, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(inner, 1, 3, padding=1),
        )
        self.net_mask = nn.Sequential(
            nn.Conv2d(channels, inner, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(inner, _AROUND**2 * factor**2, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """A map (b, 1, factor * h, factor * w) of features (b, channels, h, w)."""
        batch, _, height, width = features.shape
        coarse = functional.unfold(self.net_out(features), _AROUND, padding=1).view(batch, _AROUND**2, 1, height, width)
        mask = self.net_mask(features).mul(_MASK_SCALE).view(batch, _AROUND**2, self.factor**2, height, width)
        return functional.pixel_shuffle((mask.softmax(1) * coarse).sum(1), self.factor)
