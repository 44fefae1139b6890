"""Processor time of one keypose of 3D Diffuser Actor on one thread, beside the original's: ``python tests/benchmarks/diffuser_actor.py``.

The original's figures are processor seconds of its own code with random weights on one thread of an AMD EPYC.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from hamster_bench.baselines.diffuser_actor.network import DiffuserActor, SamplingNoise, Situation
from hamster_bench.baselines.diffuser_actor.settings import SETTINGS, DiffuserActorSettings
from hamster_bench.baselines.parts.text import CLIP_WIDTH, TOKENS, word_numbers

_PUBLISHED = SETTINGS.get("peract")
_CASES = (
    ("width 120, 4 cameras of 256", _PUBLISHED, 15.7),
    ("the same, DDIM with 25 steps", replace(_PUBLISHED, sampler="ddim", sampling_steps=25), None),
    ("the same, DDIM with 10 steps", replace(_PUBLISHED, sampler="ddim", sampling_steps=10), None),
    ("width 60, 6 heads, 4 cameras of 256", replace(_PUBLISHED, width=60, heads=6), 9.8),
    ("width 120, 1 camera of 256 (paper)", SETTINGS.get("paper"), 1.7),
    ("small, DDPM with 25 steps", SETTINGS.get("small"), None),
    ("small, all 100 steps", replace(SETTINGS.get("small"), sampling_steps=None), None),
)


def random_situation(settings: DiffuserActorSettings) -> Situation:
    """A situation of the right sizes."""
    low, high = torch.tensor(settings.workspace)
    size = (1, len(settings.cameras), 3, *settings.image_size)
    text = torch.randn(1, TOKENS, CLIP_WIDTH) if settings.text == "clip" else word_numbers(["close the red box"])
    return Situation(
        torch.rand(size),
        low[:, None, None] + torch.rand(size) * (high - low)[:, None, None],
        text,
        low + torch.rand(1, settings.history, 3) * (high - low),
    )


def processor_seconds(settings: DiffuserActorSettings) -> tuple[float, float]:
    """Of encoding a situation, and of sampling in it."""
    network, situation = DiffuserActor(settings).eval(), random_situation(settings)
    rng = np.random.default_rng(0)
    with torch.inference_mode():
        network.sample(situation, SamplingNoise.drawn(rng, settings, 2))
        start = time.process_time()
        context = network.encode(situation)
        encoded = time.process_time()
        network.sample_in(context, SamplingNoise.drawn(rng, settings))
        return encoded - start, time.process_time() - encoded


def main() -> None:
    """Prints a table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'':36} {'encoding':>9} {'sampling':>9} {'keypose':>9} {'original':>9} {'faster':>7}   [s of one thread]")
    for name, settings, original in _CASES:
        encoding, sampling = processor_seconds(settings)
        total = encoding + sampling
        beside = f"{original:9.1f} {original / total:6.1f}x" if original else ""
        print(f"{name:36} {encoding:9.3f} {sampling:9.3f} {total:9.3f} {beside}", flush=True)


if __name__ == "__main__":
    main()
