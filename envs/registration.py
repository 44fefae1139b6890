"""Gymnasium ids of every task, and the one place where an environment is made."""

from __future__ import annotations

import inspect
from typing import Any

import gymnasium

from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import UnknownNameError
from hamster_bench.registry import Registry

NAMESPACE = "hamster_bench"
VERSION = 0

ENGINES: Registry[Any] = Registry("engine", entry_point_group="hamster_bench.engines")
ENGINES.register("mujoco", "hamster_bench.envs.mujoco.environment:MujocoEnvironment")
ENGINES.register("coppeliasim", "hamster_bench.envs.rlbench.environment:RLBenchEnvironment")
ENGINES.register("franka", "hamster_bench.envs.franka.environment:FrankaEnvironment")


def environment_id(task: str) -> str:
    """Gymnasium id of a task.

    Raises:
        UnknownNameError: there is no such task.
    """
    TASKS.get(task)
    return f"{NAMESPACE}/{task}-v{VERSION}"


def register_environments() -> None:
    """Registers ``hamster_bench/<task>-v0`` for every task; called again it does nothing."""
    for task in TASKS.names():
        name = f"{NAMESPACE}/{task}-v{VERSION}"
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=f"{__name__}:make_environment", kwargs={"task": task})


def make_environment(task: str, engine: str = "mujoco", **options: Any) -> gymnasium.Env[Any, Any]:
    """The environment of a task on an engine; `gymnasium.make` calls this.

    Args:
        task: name of the task.
        engine: name of the engine: ``"mujoco"``, which is built in, ``"coppeliasim"``, the original, or ``"franka"``, a robot.
        options: options of the engine's environment class.

    Raises:
        UnknownNameError: unknown task or engine, or an option that the engine does not have.
        InvalidOptionError: an option has a value it cannot take.
    """
    make = ENGINES.get(engine)
    known = tuple(name for name in inspect.signature(make).parameters if name != "task")
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of engine {engine}", name, known)
    return make(task=task, **options)  # type: ignore[no-any-return]
