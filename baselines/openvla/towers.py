"""The vision towers, DINOv2 with registers and SigLIP, with timm's names for their entries.

Written out instead of built by timm: the published weights fix the arithmetic, a hundred lines say all of it, and what timm returns and
which versions of torch it runs with change from release to release.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.openvla.settings import TowerSettings

_EPSILON = 1e-6


class PatchEmbedding(nn.Module):
    """Every patch as one vector."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, patches, width), row by row."""
        embedded: Tensor = self.proj(images).flatten(2).transpose(1, 2)
        return embedded


class Attention(nn.Module):
    """Self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, width) to the same."""
        batch, count, width = tokens.shape
        query, key, value = self.qkv(tokens).view(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return projected


class FeedForward(nn.Module):
    """Two layers with the exact Gelu between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, width) to the same."""
        changed: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return changed


class LayerScale(nn.Module):
    """Learned factors of a branch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # Named as in the published files; timm calls it gamma.
        self.scale_factor = nn.Parameter(torch.full((width,), 1e-5))

    def forward(self, tokens: Tensor) -> Tensor:
        """The branch, scaled."""
        return tokens * self.scale_factor


class Block(nn.Module):
    """One block, norms before the branches."""

    def __init__(self, settings: TowerSettings) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(settings.width, _EPSILON)
        self.attn = Attention(settings.width, settings.heads)
        self.ls1 = LayerScale(settings.width) if settings.layer_scale else nn.Identity()
        self.norm2 = nn.LayerNorm(settings.width, _EPSILON)
        self.mlp = FeedForward(settings.width, settings.hidden)
        self.ls2 = LayerScale(settings.width) if settings.layer_scale else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, width) to the same."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        changed: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return changed


class Tower(nn.Module):
    """A vision transformer up to its last block but one; entries beyond it take no part (`unused_tower_entries`)."""

    def __init__(self, settings: TowerSettings, patches: int, patch: int) -> None:
        super().__init__()
        width = settings.width
        self.cls_token: nn.Parameter | None = None
        self.reg_token: nn.Parameter | None = None
        if settings.registers is not None:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
            self.reg_token = nn.Parameter(torch.zeros(1, settings.registers, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches, width))
        self.patch_embed = PatchEmbedding(width, patch)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth - 1))

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) to features of their patches (B, patches, width)."""
        tokens = self.patch_embed(images) + self.pos_embed
        before = 0
        if self.cls_token is not None and self.reg_token is not None:
            first = torch.cat((self.cls_token, self.reg_token), 1)
            before = first.shape[1]
            tokens = torch.cat((first.expand(len(tokens), -1, -1), tokens), 1)
        for block in self.blocks:
            tokens = block(tokens)
        features: Tensor = tokens[:, before:]
        return features


def unused_tower_entries(settings: TowerSettings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a tower's published entries that take no part: its last block, last norm and attention pool."""
    width, hidden, last = settings.width, settings.hidden, settings.depth - 1
    with torch.device("meta"):
        shapes = {f"blocks.{last}.{name}": tuple(entry.shape) for name, entry in Block(settings).state_dict().items()}
    shapes |= {"norm.weight": (width,), "norm.bias": (width,)}
    if settings.pooling:
        linear = {"q": (width, width), "kv": (2 * width, width), "proj": (width, width), "mlp.fc1": (hidden, width)}
        shapes["attn_pool.latent"] = (1, 1, width)
        for name, (rows, columns) in (linear | {"mlp.fc2": (width, hidden)}).items():
            shapes |= {f"attn_pool.{name}.weight": (rows, columns), f"attn_pool.{name}.bias": (rows,)}
        shapes |= {"attn_pool.norm.weight": (width,), "attn_pool.norm.bias": (width,)}
    return shapes
