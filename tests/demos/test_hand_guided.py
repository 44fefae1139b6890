"""Demonstrations led by hand are demonstrations like others, and nothing was sent to the arm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("h5py", reason="the store of demonstrations needs h5py")

from hamster_bench.demos.hand_guided import MARKED, guided_demo
from hamster_bench.demos.records import DemoSettings
from hamster_bench.demos.store import DemoStore
from hamster_bench.envs.franka.arm_client import ArmClient
from hamster_bench.envs.franka.guiding import guide
from hamster_bench.envs.franka.rig import CameraRig
from hamster_bench.envs.franka.simulated_controller.cell_files import write_cell
from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.envs.franka.simulated_controller.server import Settings
from hamster_bench.errors import InvalidOptionError
from hamster_bench.scenario import Scenario
from tests.envs.franka.simulated import free_host


def test_a_guided_arm_gives_a_demonstration(tmp_path: Path) -> None:
    pytest.importorskip("franky", reason="the client library franky-control is not installed: pip install '.[franka]'")
    settings = Settings(host=free_host(), task="pick_and_place", image_size=(60, 80))
    with SimulatedController(settings) as controller:
        cell = write_cell(controller, tmp_path / "cell")
        start, end = np.array(settings.start), np.array(settings.start) + np.array([0.2, 0.1, 0.0, -0.5, 0.0, 0.4, 0.1])
        arm = ArmClient(cell.host)
        count = 0

        def marks() -> str | None:
            nonlocal count
            count += 1
            if count == 3:
                controller.order("guide", joints=end.tolist(), seconds=0.6)
            if np.abs(np.array(controller.status()["joint_positions"]) - end).max() < 1e-6:
                return "end"
            return "keypose" if count == 2 else None

        with CameraRig(cell, ("front",), (32, 32)) as rig:
            frames = guide(arm, rig, marks, sleep=lambda seconds: time.sleep(0.01))
        arm.close()
        assert controller.status()["moves"] == []
        assert set(controller.status()["hand_requests"]) == {"CONNECT"}
    scenario = Scenario(task="pick_and_place", episode=4)
    demo = guided_demo(frames, scenario, "pick up the box", cell.T_world_base, {"hamster_bench": "test"})
    assert np.abs(demo.steps.joint_positions[0] - start).max() < 1e-6
    assert np.abs(demo.steps.joint_positions[-1] - end).max() < 1e-6
    assert len(demo.keyframes_of(MARKED)) >= 2
    assert (np.diff(demo.steps.control_step) > 0).all()
    assert "front" in demo.paths
    store = DemoStore.create(tmp_path / "demos", DemoSettings(cameras=("front",), image_size=(32, 32), engine="franka"))
    store.add(demo)
    assert store.read(scenario).digest() == demo.digest()


def test_an_arm_that_was_not_moved_gives_none() -> None:
    frames: list[Any] = []
    with pytest.raises(InvalidOptionError, match="moved"):
        guided_demo(frames, Scenario(task="pick_and_place"), "x", (0, 0, 0, 0, 0, 0, 1), {})
