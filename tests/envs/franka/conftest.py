"""A simulated controller to test against, and the real client library to test with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hamster_bench.envs.franka.simulated_controller.process import SimulatedController
from hamster_bench.envs.franka.simulated_controller.server import Settings
from tests.envs.franka.simulated import free_host, realtime_threads


@pytest.fixture(scope="session")
def franky() -> Any:
    return pytest.importorskip("franky", reason="the client library franky-control is not installed: pip install '.[franka]'")


@pytest.fixture(autouse=True)
def _no_thread_runs_before_others() -> Iterator[None]:
    yield
    assert realtime_threads(os.getpid()) == []


@pytest.fixture
def start(franky: Any) -> Iterator[Callable[..., SimulatedController]]:
    """Starts controllers that end with the test."""
    running: list[SimulatedController] = []

    def start_one(**settings: Any) -> SimulatedController:
        running.append(SimulatedController(Settings(host=free_host(), hand_speedup=8.0, **settings)))
        return running[-1]

    yield start_one
    for controller in running:
        controller.close()


@pytest.fixture(scope="module")
def shared(franky: Any) -> Iterator[SimulatedController]:
    with SimulatedController(Settings(host=free_host(), hand_speedup=8.0)) as controller:
        yield controller


@pytest.fixture
def controller(shared: SimulatedController) -> SimulatedController:
    """A controller without a scene, as if it had just been switched on."""
    shared.order("push", wrench=[0.0] * 6)
    shared.order("release_user_stop")
    shared.order("reset")
    return shared
