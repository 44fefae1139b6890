"""The planner that never has a path: the ablation without one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hamster_bench.paths.path import Path2D
from hamster_bench.planners.contract import PlannerContext


class NoPathPlanner:
    """Proposes nothing."""

    privileged = False

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D | None:
        """Always None."""
        return None
