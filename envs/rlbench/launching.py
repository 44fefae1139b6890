"""Starts RLBench, or THE COLOSSEUM where its factors are wanted, and finds their tasks.

Runs in the simulator's process and nowhere else: it imports both packages.
"""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hamster_bench.envs.rlbench.fingers import discrete_mode
from hamster_bench.envs.rlbench.randomness import list_folders_in_order
from hamster_bench.envs.rlbench.sensing import draw_only, observation_config
from hamster_bench.envs.rlbench.settings import OriginalSettings
from hamster_bench.errors import UnknownNameError

Source = Literal["rlbench", "colosseum"]


@dataclass(frozen=True)
class Simulator:
    """A running simulator.

    Attributes:
        environment: RLBench's, or THE COLOSSEUM's extension of it.
        source: which of the two packages the task is of.
    """

    environment: Any
    source: Source

    @property
    def scene(self) -> Any:
        """RLBench's scene."""
        return self.environment._scene

    @property
    def pyrep(self) -> Any:
        """PyRep."""
        return self.environment._pyrep

    @property
    def arm(self) -> Any:
        """PyRep's arm."""
        return self.environment._robot.arm

    @property
    def gripper(self) -> Any:
        """PyRep's gripper."""
        return self.environment._robot.gripper


def launch(settings: OriginalSettings, factors: list[dict[str, Any]] | None) -> Simulator:
    """Starts the simulator.

    Args:
        settings: of the simulator.
        factors: of THE COLOSSEUM's configuration, or None where there is none.
    """
    from rlbench.action_modes.action_mode import MoveArmThenGripper
    from rlbench.action_modes.arm_action_modes import EndEffectorPoseViaPlanning

    observed = observation_config(settings)
    common = {
        "action_mode": MoveArmThenGripper(
            arm_action_mode=EndEffectorPoseViaPlanning(), gripper_action_mode=discrete_mode(settings.attach)
        ),
        "obs_config": observed,
        "headless": True,
        "attach_grasped_objects": settings.attach,
    }
    if factors is None or not _colosseum_has(settings.task):
        from rlbench.environment import Environment

        simulator = Simulator(Environment(**common), "rlbench")
    else:
        from colosseum import TASKS_TTM_FOLDER
        from colosseum.rlbench.extensions.environment import EnvironmentExt
        from omegaconf import OmegaConf

        list_folders_in_order()
        warnings.filterwarnings("ignore", message="IVariation")
        config = OmegaConf.create({"task_name": settings.task, "scene": {"factors": factors}})
        simulator = Simulator(EnvironmentExt(**common, path_task_ttms=TASKS_TTM_FOLDER, env_config=config), "colosseum")
    simulator.environment.launch()
    draw_only(observed, settings.cameras)
    return simulator


def task_class(name: str, source: Source) -> type:
    """The class of a task.

    Args:
        name: of the task.
        source: the package it is of.

    Raises:
        UnknownNameError: there is none of the name.
    """
    if source == "colosseum":
        from colosseum import TASKS_PY_FOLDER
        from colosseum.rlbench.utils import name_to_class

        found = name_to_class(name, TASKS_PY_FOLDER)
        if found is None:
            raise UnknownNameError("task of THE COLOSSEUM", name, _task_files(Path(TASKS_PY_FOLDER)))
        return found  # type: ignore[no-any-return]
    import rlbench.tasks

    try:
        module = importlib.import_module(f"rlbench.tasks.{name}")
        return getattr(module, "".join(f"{word[0].upper()}{word[1:]}" for word in name.split("_")))  # type: ignore[no-any-return]
    except (ModuleNotFoundError, AttributeError) as error:
        folder = Path(next(iter(rlbench.tasks.__path__)))
        raise UnknownNameError("task of RLBench", name, _task_files(folder)) from error


def _colosseum_has(task: str) -> bool:
    try:
        from colosseum import TASKS_PY_FOLDER
    except ImportError:
        return False
    return (Path(TASKS_PY_FOLDER) / f"{task}.py").exists()


def _task_files(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__"))
