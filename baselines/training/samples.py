"""What keypose policies learn from: situations of demonstrations, each with the keypose that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import StoreError
from hamster_bench.paths import Path2D, rasterise_path
from hamster_bench.paths.resample import with_noise
from hamster_bench.scenario import Scenario


@dataclass(frozen=True, eq=False)
class KeyposeSamples:
    """Situations at the first frame and at every keyframe but the last, N of them, by cameras C; all in memory.

    Attributes:
        cameras: names.
        rgb: (N, C, H, W, 3) uint8.
        depth: (N, C, H, W) float32 [m], planar.
        intrinsics: (N, C, 3, 3) float64 [pixel].
        extrinsics: (N, C, 4, 4) float64, T_world_camera.
        poses: (N, history, 7) float64, x y z [m] qx qy qz qw of the gripper at the keyframes before and now, oldest first; the first
            one is repeated where there were fewer.
        gripper_open: (N,) bool, now.
        done: (N,) int64, how many keyposes lie behind.
        targets: (N, 9) float64, the ``keypose`` action that follows.
        episodes: (N,) int64, which of ``scenarios`` it is of.
        scenarios: of the demonstrations, E of them.
        instructions: all phrasings of each.
        paths: the oracle's path in each, by camera; a camera that sees nothing of the motion has none.
    """

    cameras: tuple[str, ...]
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    intrinsics: NDArray[np.float64]
    extrinsics: NDArray[np.float64]
    poses: NDArray[np.float64]
    gripper_open: NDArray[np.bool_]
    done: NDArray[np.int64]
    targets: NDArray[np.float64]
    episodes: NDArray[np.int64]
    scenarios: tuple[Scenario, ...]
    instructions: tuple[tuple[str, ...], ...]
    paths: tuple[Mapping[str, Path2D], ...]

    def __len__(self) -> int:
        return len(self.targets)


def read_samples(
    store: DemoStore, scenarios: Sequence[Scenario], cameras: Sequence[str], *, rule: str = "peract", history: int = 3
) -> KeyposeSamples:
    """Samples of demonstrations.

    Args:
        store: where they are.
        scenarios: which.
        cameras: whose images.
        rule: keyframe rule.
        history: number of poses of the gripper, the one of now included.

    Raises:
        StoreError: a demonstration is missing or damaged, or there is none.
        UnknownNameError: they were not recorded with such a camera, or have no keyframes by this rule.
    """
    rows: dict[str, list[Any]] = {
        name: [] for name in ("rgb", "depth", "intrinsics", "extrinsics", "poses", "gripper_open", "done", "targets", "episodes")
    }
    instructions, paths = [], []
    for episode, scenario in enumerate(scenarios):
        keyframes = store.read(scenario, cameras=()).keyframes_of(rule)
        seen = np.concatenate([[0], keyframes[:-1]]).astype(np.int64)
        demo = store.read(scenario, cameras=cameras, frames=seen.tolist())
        targets = demo.keyposes(rule)
        instructions.append(demo.instructions)
        paths.append({camera: demo.paths[camera] for camera in cameras if camera in demo.paths})
        for done, frame in enumerate(seen):
            images = [demo.images[camera] for camera in cameras]
            at = [image.row(int(frame)) for image in images]
            for name in ("rgb", "depth", "intrinsics", "extrinsics"):
                rows[name].append(np.stack([getattr(image, name)[row] for image, row in zip(images, at, strict=True)]))
            behind = seen[np.maximum(np.arange(done - history + 1, done + 1), 0)]
            rows["poses"].append(demo.steps.gripper_pose[behind])
            rows["gripper_open"].append(demo.steps.gripper_open[frame])
            rows["done"].append(done)
            rows["targets"].append(targets[done])
            rows["episodes"].append(episode)
    if not rows["targets"]:
        raise StoreError(f"{store.directory} holds no demonstration to learn from")
    arrays = {name: np.stack(values) for name, values in rows.items()}
    return KeyposeSamples(
        cameras=tuple(cameras), scenarios=tuple(scenarios), instructions=tuple(instructions), paths=tuple(paths), **arrays
    )


def split(scenarios: Sequence[Scenario], held_out: float) -> tuple[tuple[Scenario, ...], tuple[Scenario, ...]]:
    """Scenarios to learn from and to measure on: of every task the last ones, this share of them, rounded, are held out."""
    by_task: dict[str, list[Scenario]] = {}
    for scenario in sorted(scenarios):
        by_task.setdefault(scenario.task, []).append(scenario)
    learned: list[Scenario] = []
    measured: list[Scenario] = []
    for of_task in by_task.values():
        # Ordered by episode, so that all variations are among both.
        of_task.sort(key=lambda scenario: (scenario.episode, scenario.seed, scenario.variation))
        count = len(of_task) - round(held_out * len(of_task))
        learned += of_task[:count]
        measured += of_task[count:]
    return tuple(learned), tuple(measured)


def overlaid(
    samples: KeyposeSamples, indices: NDArray[np.integer[Any]], rng: np.random.Generator, *, noise: float, style: str = "hamster"
) -> NDArray[np.uint8]:
    """Images (n, C, H, W, 3) of some samples with the oracle's path of their episode drawn over them.

    The path is that of the episode's first frame, in every image of the episode, with new noise each time it is drawn.

    Args:
        samples: the samples.
        indices: (n,), which.
        rng: for the noise.
        noise: standard deviation on x and y [fraction of the image]; HAMSTER trained with 0.01.
        style: name of a drawing style.
    """
    images: NDArray[np.uint8] = samples.rgb[indices]
    height, width = images.shape[2:4]
    for image, index in zip(images, indices, strict=True):
        paths = samples.paths[int(samples.episodes[index])]
        for place, camera in enumerate(samples.cameras):
            if camera in paths:
                drawing = rasterise_path(with_noise(paths[camera], rng, noise), height, width, style)
                image[place] = drawing.over(image[place])
    return images
