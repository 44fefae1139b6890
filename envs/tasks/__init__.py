"""The tasks: every folder here that has a ``task.py`` is one, found by its name."""

from __future__ import annotations

from importlib import resources

from hamster_bench.envs.task import Task
from hamster_bench.registry import Registry

TASKS: Registry[Task] = Registry("task", entry_point_group="hamster_bench.tasks")
for _folder in sorted(resources.files(__name__).iterdir(), key=lambda folder: folder.name):
    if (_folder / "task.py").is_file():
        TASKS.register(_folder.name, f"{__name__}.{_folder.name}.task:TASK")


def scene_xml(task: Task) -> str:
    """Path of the scene file of a task."""
    return task.scene_file or str(resources.files(f"{__name__}.{task.name}") / "scene.xml")
