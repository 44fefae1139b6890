"""A network as the published one, only narrower, and a folder as published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from hamster_bench.baselines.openvla.checkpoint import expected_entries, network_of
from hamster_bench.baselines.openvla.network import OpenVLA
from hamster_bench.baselines.openvla.settings import LanguageSettings, OpenVLASettings, TowerSettings
from hamster_bench.demos.demo import CameraImages, Demo, Steps
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.scenario import Scenario

SETTINGS = OpenVLASettings(
    image_size=28,
    patch=14,
    dino=TowerSettings(width=16, depth=3, heads=2, hidden=32, registers=4, layer_scale=True),
    siglip=TowerSettings(width=8, depth=3, heads=2, hidden=16, pooling=True),
    language=LanguageSettings(width=32, layers=2, heads=4, hidden=48, embeddings=1024),
    vocabulary=960,
    padding=0,
    empty_piece=None,
    tokenizer="words",
)
STATISTICS = {
    "made_up": {"action": {"q01": [-0.02] * 6 + [0.0], "q99": [0.02] * 6 + [1.0], "mask": [True] * 6 + [False]}},
}


def entries(settings: OpenVLASettings = SETTINGS, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under all published names."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, shape in expected_entries(settings).items():
        drawn = torch.randn(shape, generator=generator)
        made[name] = 1.0 + 0.1 * drawn if "norm" in name and name.endswith("weight") else 0.3 * drawn
    return made


def network(settings: OpenVLASettings = SETTINGS) -> OpenVLA:
    return network_of(entries(settings), settings, "the miniature")


def folder(directory: Path, statistics: dict[str, Any] = STATISTICS, shards: int = 2) -> Path:
    """A model as it is published: configuration, index and shards."""
    directory.mkdir()
    made = list(entries().items())
    weight_map = {}
    for number in range(shards):
        name = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        part = dict(made[number::shards])
        save_file(part, directory / name)
        weight_map |= dict.fromkeys(part, name)
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (directory / "config.json").write_text(
        json.dumps({"model_type": "openvla", "norm_stats": statistics, "hamster_bench": SETTINGS.to_json()})
    )
    return directory


FRAMES, SIZE = 12, 40


def demo(task: str, episode: int) -> Demo:
    """A gripper that goes along x or y, as the picture's colour says, and closes half way."""
    scenario = Scenario(task=task, episode=episode, seed=1000)
    sideways = episode % 2
    steps = np.zeros((FRAMES, 3))
    steps[:, sideways] = 0.01 * np.arange(FRAMES)
    positions = np.array([0.3, 0.0, 1.0]) + steps
    angles = 0.05 * np.arange(FRAMES)
    quaternions = np.stack([np.cos(angles / 2), np.sin(angles / 2), np.zeros(FRAMES), np.zeros(FRAMES)], 1)
    opening = np.where(np.arange(FRAMES) < FRAMES // 2, 1.0, 0.0)
    rgb = np.full((FRAMES, SIZE, SIZE, 3), 30, np.uint8)
    rgb[..., sideways] = 220
    images = CameraImages(
        frames=np.arange(FRAMES),
        rgb=rgb,
        depth=np.ones((FRAMES, SIZE, SIZE), np.float32),
        intrinsics=np.tile(np.eye(3), (FRAMES, 1, 1)),
        extrinsics=np.tile(np.eye(4), (FRAMES, 1, 1)),
    )
    return Demo(
        scenario=scenario,
        instruction="go along",
        instructions=("go along", "move there"),
        steps=Steps(
            control_step=np.arange(FRAMES),
            joint_positions=np.zeros((FRAMES, 7)),
            joint_velocities=np.zeros((FRAMES, 7)),
            gripper_pose=np.concatenate([positions, quaternions], 1),
            gripper_open=opening > 0.5,
            actions=np.concatenate([np.zeros((FRAMES, 7)), opening[:, None]], 1),
            on_path=np.zeros(FRAMES, bool),
            ignore_collisions=np.zeros(FRAMES, bool),
        ),
        images={"front": images},
        keyframes={"peract": np.array([FRAMES - 1])},
        paths={},
        versions={"hamster_bench": "test"},
    )


def store(directory: Path, demos: int = 4, images: str = "all") -> DemoStore:
    made = DemoStore.create(directory, DemoSettings(image_size=(SIZE, SIZE), images=images))
    for episode in range(demos if images == "all" else 0):
        made.add(demo("close_box", episode))
    return made
