"""Images as the towers take them."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

# Colour means and deviations: ImageNet's for DINOv2, one half for SigLIP.
_MEAN = torch.tensor([0.485, 0.456, 0.406, 0.5, 0.5, 0.5])[:, None, None]
_DEVIATION = torch.tensor([0.229, 0.224, 0.225, 0.5, 0.5, 0.5])[:, None, None]

# Models fine-tuned with random crops are run on the central crop of this share of the area.
CROP_AREA = 0.9


def resized(image_rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Any image as a square one (size, size, 3), bicubic with antialiasing; nothing is cropped."""
    if image_rgb.shape[:2] == (size, size):
        return image_rgb
    return np.asarray(Image.fromarray(image_rgb).resize((size, size), Image.Resampling.BICUBIC))


def central_crop(image_rgb: NDArray[np.uint8], area: float = CROP_AREA) -> NDArray[np.uint8]:
    """The middle of an image with this share of its area, brought back to its size."""
    height, width = image_rgb.shape[:2]
    left, top = (0.5 * (1.0 - math.sqrt(area)) * edge for edge in (width, height))
    box = (left, top, width - left, height - top)
    return np.asarray(Image.fromarray(image_rgb).resize((width, height), Image.Resampling.BILINEAR, box=box))


def pixel_values(images_rgb: NDArray[np.uint8]) -> Tensor:
    """Square images (B, H, W, 3) as (B, 6, H, W) float32: normalised for DINOv2, then for SigLIP."""
    colours = torch.from_numpy(np.array(images_rgb)).permute(0, 3, 1, 2).float() / 255.0
    return (torch.cat((colours, colours), 1) - _MEAN) / _DEVIATION
