"""Demonstrations without a simulator, and a learner small enough for tests; also a program that trains with them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hamster_bench.demos.demo import CameraImages, Demo, Steps
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

SIZE = 32
FRAMES = 9
KEYFRAMES = (3, 5, 8)


def demo(task: str, episode: int) -> Demo:
    """A gripper that goes to a bright spot, in a picture that shows it."""
    scenario = Scenario(task=task, episode=episode, seed=1000)
    rng = scenario.rng("layout")
    row, column = rng.integers(4, SIZE - 4, 2)
    rgb = rng.integers(0, 60, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)
    rgb[:, row - 2 : row + 3, column - 2 : column + 3] = 255
    goal = np.array([(column + 0.5) / SIZE - 0.5, (row + 0.5) / SIZE - 0.5, 1.0])
    share = np.linspace(0.0, 1.0, FRAMES)[:, None]
    positions = (1.0 - share) * np.array([0.0, 0.0, 1.4]) + share * goal
    quaternions = np.tile([0.0, 1.0, 0.0, 0.0], (FRAMES, 1))
    frames = np.array([0, *KEYFRAMES])
    intrinsics = np.array([[SIZE, 0.0, SIZE / 2], [0.0, SIZE, SIZE / 2], [0.0, 0.0, 1.0]])
    images = CameraImages(
        frames=frames,
        rgb=rgb[frames],
        depth=np.ones((len(frames), SIZE, SIZE), dtype=np.float32),
        intrinsics=np.tile(intrinsics, (len(frames), 1, 1)),
        extrinsics=np.tile(np.eye(4), (len(frames), 1, 1)),
    )
    steps = Steps(
        control_step=np.arange(FRAMES),
        joint_positions=np.zeros((FRAMES, 7)),
        joint_velocities=np.zeros((FRAMES, 7)),
        gripper_pose=np.concatenate([positions, quaternions], axis=1),
        gripper_open=np.arange(FRAMES) < KEYFRAMES[1],
        actions=np.zeros((FRAMES, 8)),
        on_path=np.zeros(FRAMES, dtype=bool),
        ignore_collisions=np.zeros(FRAMES, dtype=bool),
    )
    path = Path2D(np.array([[0.5, 0.5], [(column + 0.5) / SIZE, (row + 0.5) / SIZE]]), np.array([True, False]))
    return Demo(
        scenario=scenario,
        instruction="touch the spot",
        instructions=("touch the spot", "go to the bright spot"),
        steps=steps,
        images={"front": images},
        keyframes={"peract": np.array(KEYFRAMES)},
        paths={"front": path},
        versions={"hamster_bench": "test"},
    )


def store(directory: Path, demos: int = 4, tasks: tuple[str, ...] = ("close_box", "hockey")) -> DemoStore:
    """A directory of such demonstrations."""
    made = DemoStore.create(directory, DemoSettings(image_size=(SIZE, SIZE), images="keyframes"))
    for task in tasks:
        for episode in range(demos):
            made.add(demo(task, episode))
    return made


def learner(samples: Any, *, seed: int = 0, **learning: Any) -> Any:
    """3D Diffuser Actor in miniature."""
    from hamster_bench.baselines.diffuser_actor.learner import DiffuserActorLearner, LearningSettings, fitted_settings
    from hamster_bench.baselines.diffuser_actor.settings import SETTINGS

    tiny = replace(
        SETTINGS.get("small"), width=12, heads=2, image_size=(SIZE, SIZE), diffusion_steps=10, sampling_steps=4, context_share=4
    )
    return DiffuserActorLearner(fitted_settings(tiny, samples), LearningSettings(**({"noise_levels": 2} | learning)), seed=seed)


def settings(**changes: Any) -> Any:
    """Of a short training."""
    from hamster_bench.baselines.training.settings import TrainingSettings

    defaults: dict[str, Any] = {
        "steps": 12,
        "batch": 4,
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "warmup": 3,
        "clip": 1.0,
        "average": 0.9,
        "held_out": 0.25,
        "validate_every": 5,
    }
    return TrainingSettings(**(defaults | changes))


def main(demonstrations: str, out: str, steps: str, checkpoint_every: str) -> None:
    """Trains on one process, or as one of those that torchrun started."""
    import torch

    from hamster_bench.baselines.training.loop import train
    from hamster_bench.baselines.training.metrics import Tables
    from hamster_bench.baselines.training.processes import joined
    from hamster_bench.baselines.training.samples import read_samples, split

    torch.set_num_threads(1)
    chosen, directory, held = settings(steps=int(steps)), Path(out), DemoStore(demonstrations)
    directory.mkdir(parents=True, exist_ok=True)
    learned, measured = split(held.scenarios(), chosen.held_out)
    samples, held_out = (read_samples(held, part, ("front",)) for part in (learned, measured))
    with joined("cpu") as place:
        made = learner(samples)
        train(
            made,
            samples,
            held_out,
            chosen,
            directory,
            record={"data": held.fingerprint()},
            place=place,
            sinks=lambda done: [Tables(directory, done)],
            checkpoint_every=int(checkpoint_every),
            report=lambda progress: print(progress.step, flush=True),
        )
        digest = sum(float(value.double().abs().sum()) for value in made.module.state_dict().values())
        (directory / f"rank{place.rank}.txt").write_text(repr(digest))


if __name__ == "__main__":
    main(*sys.argv[1:])
