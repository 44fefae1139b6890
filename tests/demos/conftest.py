"""Demonstrations to test with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.demos.collecting import collect, plan
from hamster_bench.demos.demo import STEP_ARRAYS, CameraImages, Demo, Steps
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

TASK = "slide_block_to_target"
VERSIONS = {"hamster_bench": "0", "assets": "abc"}


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> DemoStore:
    """Two real demonstrations, 64 x 64."""
    directory = tmp_path_factory.mktemp("demos") / "data"
    scenarios = plan(tasks=(TASK,), episodes=2)
    collect(directory, scenarios, make_expert=ExpertAgent, versions=VERSIONS, settings=DemoSettings(image_size=(64, 64)))
    return DemoStore(directory)


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Demo]:
    """Makes a demonstration of random numbers."""
    return _made_up


def _made_up(episode: int = 0, frames: int = 7, images: tuple[int, ...] | None = None, task: str = TASK) -> Demo:
    rng = np.random.default_rng(episode)
    arrays = {name: rng.normal(size=(frames, *shape)) for name, (_, shape) in STEP_ARRAYS.items()}
    arrays |= {name: arrays[name] > 0.0 for name, (kind, _) in STEP_ARRAYS.items() if kind is np.bool_}
    arrays["control_step"] = np.arange(frames) * 2
    chosen = np.array(range(frames) if images is None else images, dtype=np.int64)
    return Demo(
        scenario=Scenario(task=task, episode=episode, seed=1000),
        instruction="slide it",
        instructions=("slide it", "push it"),
        steps=Steps(**arrays),  # type: ignore[arg-type]
        images={
            "front": CameraImages(
                frames=chosen,
                rgb=rng.integers(0, 256, (len(chosen), 6, 8, 3), dtype=np.uint8),
                depth=rng.uniform(0.5, 3.0, (len(chosen), 6, 8)).astype(np.float32),
                intrinsics=rng.normal(size=(len(chosen), 3, 3)),
                extrinsics=rng.normal(size=(len(chosen), 4, 4)),
            )
        },
        keyframes={"peract": np.array([3, frames - 1]), "peract_paths": np.array([2, 3, frames - 1])},
        paths={"front": Path2D([[0.1, 0.2], [0.3, 0.4]], [True, False])},
        versions=VERSIONS,
    )


@pytest.fixture
def store(tmp_path: Path) -> DemoStore:
    """An empty store for 8 x 6 images."""
    return DemoStore.create(tmp_path / "store", DemoSettings(image_size=(6, 8)))
