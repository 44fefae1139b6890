"""Image features: CLIP's ResNet-50, a compact network to train from scratch, and the feature pyramid on top of either."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from hamster_bench.baselines.diffuser_actor.settings import Backbone

# Mean and deviation of the colours CLIP was trained on.
_COLOUR_MEAN = (0.48145466, 0.4578275, 0.40821073)
_COLOUR_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
# Bottleneck blocks of the four stages of a ResNet-50 and the width of their middle convolution; the outer ones are four times as wide.
_BLOCKS = (3, 4, 6, 3)
_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4
# Pyramid level that the policy reads: the third stage, an eighth of the image. Finer levels do not enter it.
LEVEL = 2


def normalised_colours(rgb: Tensor) -> Tensor:
    """Colours (b, 3, height, width) in [0, 1], with CLIP's mean and deviation."""
    mean, deviation = (torch.tensor(values, device=rgb.device)[:, None, None] for values in (_COLOUR_MEAN, _COLOUR_DEVIATION))
    return (rgb - mean) / deviation


class Bottleneck(nn.Module):
    """Three convolutions beside a short cut. Where it halves the image it does so by averaging, before the third convolution."""

    def __init__(self, channels_in: int, width: int, halve: bool) -> None:
        super().__init__()
        out = _EXPANSION * width
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.halve = halve
        self.downsample: nn.Module | None = None
        if halve or channels_in != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels_in, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """(b, channels_in, h, w) to (b, 4 width, h or h/2, w or w/2)."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        if self.halve:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return functional.relu(y, inplace=True)


class ClipResNet50(nn.Module):
    """The convolutions of CLIP's ResNet-50 (Radford et al. 2021): three in the stem, then 3, 4, 6 and 3 bottleneck blocks.

    The parameters are frozen. The statistics of its batch norms are not: in training mode they follow the data, and the published
    policies were trained so, hence their checkpoints hold other statistics than CLIP's.
    """

    channels: Mapping[int, int] = {LEVEL: 512, LEVEL + 1: 1024, LEVEL + 2: 2048}

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(64)
        channels = 64
        for number, (blocks, width) in enumerate(zip(_BLOCKS, _WIDTHS, strict=True), start=1):
            stage = []
            for i in range(blocks):
                stage.append(Bottleneck(channels, width, halve=number > 1 and i == 0))
                channels = _EXPANSION * width
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.requires_grad_(False)

    def stages(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of normalised images (b, 3, h, w) after the stem (64 channels, h/2) and the four stages (256 to 2048, h/4 to h/32)."""
        x = images.contiguous(memory_format=torch.channels_last)
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = functional.relu(norm(conv(x)), inplace=True)
        features = [x]
        x = functional.avg_pool2d(x, 2)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return tuple(features)

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        """Features (b, channels, h / 2^(level+1), ...) of the pyramid levels in use."""
        features = self.stages(images)
        return {level: features[level] for level in self.channels}


class CompactBackbone(nn.Module):
    """A small convolutional network for training from scratch; group norms, so that a batch of one is as good as any other."""

    channels: Mapping[int, int] = {LEVEL: 96, LEVEL + 1: 128}

    def __init__(self, points: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(6 if points else 3, 24, 5, 2), _convolution(24, 48, 3, 2))
        self.eighth = nn.Sequential(_convolution(48, 96, 3, 2), ResidualBlock(96), ResidualBlock(96))
        self.sixteenth = nn.Sequential(_convolution(96, 128, 3, 2), ResidualBlock(128), ResidualBlock(128))

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        """Features (b, channels, h / 2^(level+1), ...) of the pyramid levels in use."""
        eighth = self.eighth(self.stem(images.contiguous(memory_format=torch.channels_last)))
        return {LEVEL: eighth, LEVEL + 1: self.sixteenth(eighth)}


class ResidualBlock(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(_convolution(channels, channels, 3, 1), _convolution(channels, channels, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + self.inner(x)


def _convolution(channels_in: int, channels: int, size: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, size, stride=stride, padding=size // 2, bias=False), nn.GroupNorm(8, channels), nn.ReLU()
    )


class FeaturePyramid(nn.Module):
    """Coarse features brought down to the level in use (Lin et al. 2017): 1x1 convolutions, nearest upsampling, sum, 3x3 convolution.

    Args:
        channels: of the features given, by level; the smallest level is the one computed.
        width: channels of the result.
    """

    def __init__(self, channels: Mapping[int, int], width: int) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleDict({str(level): nn.Sequential(nn.Conv2d(c, width, 1)) for level, c in channels.items()})
        self.layer_blocks = nn.ModuleDict({str(min(channels)): nn.Sequential(nn.Conv2d(width, width, 3, padding=1))})
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                nn.init.zeros_(module.bias)

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        """(b, width, h, w), of the size of the finest features given."""
        coarse_to_fine = sorted(features, reverse=True)
        x = self.inner_blocks[str(coarse_to_fine[0])](features[coarse_to_fine[0]])
        for level in coarse_to_fine[1:]:
            inner = self.inner_blocks[str(level)](features[level])
            x = inner + functional.interpolate(x, size=inner.shape[-2:], mode="nearest")
        return self.layer_blocks[str(coarse_to_fine[-1])](x)


def make_backbone(name: Backbone, points: bool = False) -> ClipResNet50 | CompactBackbone:
    """A new backbone; CLIP's has random weights until they are loaded."""
    return ClipResNet50() if name == "clip" else CompactBackbone(points)
