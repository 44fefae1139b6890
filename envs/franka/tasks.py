"""Tasks that a robot can be given: those of the simulated environments, and the families of HAMSTER's real-robot evaluation.

A family has no objects of its own: every scene brings its objects and its instruction with it, and people judge.
"""

from __future__ import annotations

from importlib import resources

from hamster_bench.envs.task import DetectedCondition, NothingGrasped, Task
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import UnknownNameError
from hamster_bench.registry import Registry


def _pick_and_place(variation: int) -> tuple[str, ...]:
    return ("pick up the red box and put it in the tray",)


def _knock_down(variation: int) -> tuple[str, ...]:
    return ("push down the bottle",)


def _press_button(variation: int) -> tuple[str, ...]:
    return ("press the red button",)


FAMILIES: Registry[Task] = Registry("task family")
FAMILIES.register(
    "pick_and_place",
    Task(
        name="pick_and_place",
        goal="Pick an object up and put it somewhere.",
        instructions=_pick_and_place,
        success=(DetectedCondition("box", "success"), NothingGrasped()),
        graspable=("box",),
        base_rotation=(-0.3, 0.3),
        scene_file=str(resources.files("hamster_bench.envs.franka.simulated_controller.assets") / "pick_and_place.xml"),
        manipulated=("box",),
        receiver=("tray",),
    ),
)
FAMILIES.register("knock_down", Task(name="knock_down", goal="Push an object over.", instructions=_knock_down, success=()))
FAMILIES.register("press_button", Task(name="press_button", goal="Press a button.", instructions=_press_button, success=()))


def robot_task(name: str) -> Task:
    """A task by its name.

    Raises:
        UnknownNameError: there is neither a task nor a family of this name.
    """
    if name in FAMILIES:
        return FAMILIES.get(name)
    if name in TASKS or ":" in str(name):
        return TASKS.get(name)
    raise UnknownNameError("task", name, (*TASKS.names(), *FAMILIES.names()))


def scene_task(name: str) -> Task:
    """A task that has a scene to stand in a simulated cell.

    Raises:
        UnknownNameError: there is no task of this name with a scene.
    """
    task = robot_task(name)
    if task.scene_file is None and name in FAMILIES:
        with_scene = tuple(family for family in FAMILIES.names() if FAMILIES.get(family).scene_file is not None)
        raise UnknownNameError("task with a scene", name, (*TASKS.names(), *with_scene))
    return task
