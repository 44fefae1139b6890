"""What policies of small steps learn from: frames of demonstrations, and the change of pose that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.baselines.openvla.images import resized
from hamster_bench.demos.deltas import delta_actions
from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import InvalidOptionError, StoreError
from hamster_bench.scenario import Scenario

_ALL = "all"


@dataclass(frozen=True, eq=False)
class DeltaSamples:
    """Frames with the action that follows; N of them, all in memory.

    Attributes:
        rgb: (N, S, S, 3) uint8, what one camera saw, at the size the network takes.
        actions: (N, 7) float64, ``delta_pose``, or the change over several control steps.
        episodes: (N,) int64, which of ``scenarios`` each is of.
        scenarios: of the demonstrations, E of them.
        instructions: all phrasings of each.
    """

    rgb: NDArray[np.uint8]
    actions: NDArray[np.float64]
    episodes: NDArray[np.int64]
    scenarios: tuple[Scenario, ...]
    instructions: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.actions)

    def statistics(self, name: str) -> dict[str, Any]:
        """What OpenVLA keeps of a data set (``norm_stats``), under the data set's name; the gripper is left as it is."""
        percentiles = np.quantile(self.actions, [0.01, 0.99], axis=0)
        action = {
            "q01": percentiles[0].tolist(),
            "q99": percentiles[1].tolist(),
            "mean": self.actions.mean(axis=0).tolist(),
            "std": self.actions.std(axis=0).tolist(),
            "min": self.actions.min(axis=0).tolist(),
            "max": self.actions.max(axis=0).tolist(),
            "mask": [True] * 6 + [False],
        }
        return {name: {"action": action, "num_transitions": len(self), "num_trajectories": len(self.scenarios)}}


def read_delta_samples(
    store: DemoStore, scenarios: Sequence[Scenario], camera: str, size: int, control_steps: int = 1
) -> DeltaSamples:
    """Samples of demonstrations.

    Args:
        store: where they are; recorded with the images of all frames.
        scenarios: which.
        camera: whose images.
        size: edge of the images as the network takes them [pixel].
        control_steps: frames of 0.05 s one action is for; where several, only the first of them is a sample.

    Raises:
        InvalidOptionError: only keyframes have images.
        StoreError: a demonstration is missing or damaged, or there is none.
        UnknownNameError: they were not recorded with this camera.
    """
    if store.settings.images != _ALL:
        raise InvalidOptionError(
            f"{store.directory} has images of keyframes alone; a policy of small steps learns from every frame: "
            "collect with 'hamster-bench demos collect --images all'"
        )
    images: list[NDArray[np.uint8]] = []
    rows: Mapping[str, list[Any]] = {"actions": [], "episodes": []}
    instructions = []
    for episode, scenario in enumerate(scenarios):
        demo = store.read(scenario, cameras=(camera,))
        instructions.append(demo.instructions)
        frames, actions = delta_actions(demo.steps, control_steps)
        seen = demo.images[camera]
        images += [resized(seen.rgb[seen.row(int(frame))], size) for frame in frames]
        rows["actions"].append(actions)
        rows["episodes"].append(np.full(len(frames), episode, np.int64))
    if not images:
        raise StoreError(f"{store.directory} holds no demonstration to learn from")
    arrays = {name: np.concatenate(values) for name, values in rows.items()}
    return DeltaSamples(rgb=np.stack(images), scenarios=tuple(scenarios), instructions=tuple(instructions), **arrays)
