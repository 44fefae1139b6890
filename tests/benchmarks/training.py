"""Time of a training step of 3D Diffuser Actor ``small``, and how much of it is waiting for data: ``python tests/benchmarks/training.py``.

On one thread, on noise of the right sizes with a path drawn over it, beside the same step on a batch that is there already.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from hamster_bench.baselines.diffuser_actor.learner import RECIPES, DiffuserActorLearner, LearningSettings, PathOverlaySettings
from hamster_bench.baselines.training.samples import KeyposeSamples
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

_SAMPLES, _STEPS = 64, 8


def noise(size: tuple[int, int]) -> KeyposeSamples:
    """Samples of one demonstration, without meaning."""
    rng = np.random.default_rng(0)
    height, width = size
    intrinsics = np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])
    pose = np.array([0.3, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    return KeyposeSamples(
        cameras=("front",),
        rgb=rng.integers(0, 256, (_SAMPLES, 1, height, width, 3), dtype=np.uint8),
        depth=rng.uniform(0.5, 2.0, (_SAMPLES, 1, height, width)).astype(np.float32),
        intrinsics=np.tile(intrinsics, (_SAMPLES, 1, 1, 1)),
        extrinsics=np.tile(np.eye(4), (_SAMPLES, 1, 1, 1)),
        poses=np.tile(pose, (_SAMPLES, 3, 1)),
        gripper_open=np.ones(_SAMPLES, dtype=bool),
        done=np.zeros(_SAMPLES, dtype=np.int64),
        targets=np.tile(np.append(pose, [1.0, 0.0]), (_SAMPLES, 1)),
        episodes=np.zeros(_SAMPLES, dtype=np.int64),
        scenarios=(Scenario(task="close_box"),),
        instructions=(("close the box",),),
        paths=({"front": Path2D(rng.uniform(0.2, 0.8, (8, 2)), np.arange(8) < 5)},),
    )


def main() -> None:
    """Prints processor times and their ratio."""
    torch.set_num_threads(1)
    recipe = RECIPES.get("small")
    samples = noise(recipe.network.image_size)
    learning = LearningSettings(
        noise_levels=recipe.learning.noise_levels, resize=recipe.learning.resize, path=PathOverlaySettings()
    )
    learner = DiffuserActorLearner(recipe.network, learning)
    optimiser, generator, rng = learner.optimiser(recipe.training), torch.Generator().manual_seed(0), np.random.default_rng(0)
    data = computing = 0.0
    for step in range(_STEPS + 1):
        start = time.process_time()
        batch = learner.batch(samples, rng.integers(_SAMPLES, size=recipe.training.batch), rng)
        made = time.process_time()
        optimiser.zero_grad()
        learner.losses(batch, generator)["loss"].backward()
        optimiser.step()
        if step:
            data, computing = data + made - start, computing + time.process_time() - made
    print(f"batch of {recipe.training.batch} at {learning.noise_levels} noise levels, one thread, processor time of a step:")
    print(
        f"data {1000 * data / _STEPS:.1f} ms, network {1000 * computing / _STEPS:.1f} ms, data / network {data / computing:.1%}"
    )


if __name__ == "__main__":
    main()
