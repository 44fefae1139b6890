"""Objects seen in an image: what a detector gives, and which of it is worth telling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Detection:
    """An object in an image.

    Attributes:
        label: the query that it answers.
        score: how sure the detector is, 0 to 1.
        box: left, top, right and bottom edge [fraction of the image, y down], each in [0, 1].
    """

    label: str
    score: float
    box: Box


class Detector(Protocol):
    """Anything that finds named things in an image."""

    def detect(self, image_rgb: NDArray[np.uint8], queries: Sequence[str]) -> list[Detection]:
        """What is seen of each query in an image (H, W, 3), in any order, several times where the detector sees it so.

        Raises:
            HamsterBenchError: the detector cannot be used.
        """
        ...


def distinct(detections: Sequence[Detection], *, per_label: int, overlap: float = 0.5) -> list[Detection]:
    """The surest detections, each thing once.

    Of two boxes of the same label whose intersection over union is above ``overlap`` the surer one stays (greedy non-maximum
    suppression). Different labels may share a box: an instruction may name one thing twice.

    Args:
        detections: what a detector saw.
        per_label: most that stay of one label.
        overlap: largest intersection over union of two boxes that count as two things.

    Returns:
        What stays, surest first; equal scores keep their order.
    """
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda detection: -detection.score):
        same = [other for other in kept if other.label == candidate.label]
        if len(same) < per_label and all(_overlap(candidate.box, other.box) <= overlap for other in same):
            kept.append(candidate)
    return kept


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0 where both are without area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0.0 else 0.0
