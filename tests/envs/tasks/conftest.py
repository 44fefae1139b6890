"""The stored scene and an environment of the task that a test module names in ``NAME``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from tests.envs.tasks.stored_scene import StoredScene, stored_scene


@pytest.fixture(scope="module")
def scene(request: pytest.FixtureRequest) -> StoredScene:
    return stored_scene(request.module.NAME)


@pytest.fixture(scope="module")
def env(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = gymnasium.make(f"hamster_bench/{request.module.NAME}-v0", cameras=(), action_mode="joint_position")
    yield made
    made.close()
