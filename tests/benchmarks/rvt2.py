"""Processor time of RVT-2 on one thread, beside the original's: ``python tests/benchmarks/rvt2.py``.

The original's figures are processor seconds of its own code with random weights on one thread of an AMD EPYC. The second table compares
with raw work in the same run, so that its ratios hold on a busy machine too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from hamster_bench.baselines.parts.text import CLIP_RESNET_TOKENS, CLIP_WIDTH, word_numbers
from hamster_bench.baselines.rvt2.heat_maps import best_points, probabilities
from hamster_bench.baselines.rvt2.network import Rvt2, Situation
from hamster_bench.baselines.rvt2.renderer import render
from hamster_bench.baselines.rvt2.settings import SETTINGS, Rvt2Settings

_CASES = (
    ("peract: 4 cameras of 128, language", SETTINGS.get("peract"), 4.8),
    ("paper: 1 camera of 256, language", SETTINGS.get("paper"), 4.8),
    ("the same, no language, 6 colours", replace(SETTINGS.get("paper"), text="none", color_channels=6), 4.8),
    ("small: 1 camera of 128", SETTINGS.get("small"), None),
)
_ROUNDS = 3


def random_situation(settings: Rvt2Settings) -> Situation:
    """A situation of the right sizes."""
    low, high = torch.tensor(settings.workspace)
    count = len(settings.cameras) * settings.image_size[0] * settings.image_size[1]
    words = {
        "clip": torch.randn(1, CLIP_RESNET_TOKENS, CLIP_WIDTH),
        "learned": word_numbers(["close the red box"]),
        "none": None,
    }
    return Situation(
        low + torch.rand(1, count, 3) * (high - low),
        torch.rand(1, count, settings.color_channels),
        torch.rand(1, 4),
        words[settings.text],
    )


def processor_seconds(work: Callable[[], object]) -> float:
    """The least of several rounds, after one that does not count."""
    work()
    taken = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    """Prints two tables."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'':40} {'keypose':>9} {'original':>9} {'faster':>7}   [s of one thread]")
    for name, settings, original in _CASES:
        network, situation = Rvt2(settings).eval(), random_situation(settings)
        taken = processor_seconds(lambda network=network, situation=situation: network.decide(situation))
        beside = f"{original:9.1f} {original / taken:6.1f}x" if original else ""
        print(f"{name:40} {taken:9.3f} {beside}", flush=True)

    left, right = torch.rand(2048, 2048), torch.rand(2048, 2048)
    product = processor_seconds(lambda: left @ right)
    settings = SETTINGS.get("paper")
    network, situation = Rvt2(replace(settings, text="none")).eval(), random_situation(settings)
    images = network.views(network.in_cube(situation.points), situation.colors)
    heat = probabilities(torch.randn(1, 3, 224, 224))
    cloud = network.in_cube(situation.points)
    parts = {
        "views of 65,536 points, 3 x 224 x 224": lambda: render(cloud, situation.colors, 224, settings.splat_radius),
        "one stage": lambda: network.mvt1(images, situation.state, None),
        "search of 224^3 cells": lambda: best_points(heat),
    }
    print(f"\n{'':40} {'seconds':>9} {'of a 2048^3 product':>20}")
    print(f"{'product of two 2048 x 2048 matrices':40} {product:9.3f} {1.0:19.2f}x")
    with torch.inference_mode():
        for name, work in parts.items():
            taken = processor_seconds(work)
            print(f"{name:40} {taken:9.3f} {taken / product:19.2f}x", flush=True)


if __name__ == "__main__":
    main()
