"""A page for every task, made from the task itself: its words, its scene and its success conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hamster_bench.envs.registration import environment_id
from hamster_bench.envs.task import (
    Condition,
    DetectedCondition,
    EmptyCondition,
    GraspedCondition,
    JointCondition,
    NothingGrasped,
    Task,
)
from hamster_bench.envs.tasks import TASKS

PICTURE_FOLDER = "images"


def datasheet(name: str, ceilings: Mapping[str, str]) -> str:
    """The Markdown page of a task, under the headings Gymnasium uses for environments.

    Args:
        name: name of the task.
        ceilings: what scripted experts reach: name of the agent to the text of its cell; may be empty.

    Raises:
        UnknownNameError: there is no such task.
    """
    task = TASKS.get(name)
    parts = [
        f"# {name}",
        task.goal,
        f"![{name} after a reset, with the expert's path]({PICTURE_FOLDER}/{name}.png)",
        _table(
            ("", ""),
            (
                ("id", f"`{environment_id(name)}`"),
                ("RLBench variations", f"{task.variation_count}: {task.variation_meaning}"),
                ("manipulated objects", ", ".join(f"`{n}`" for n in task.manipulated) or "none"),
                ("receiver objects", ", ".join(f"`{n}`" for n in task.receiver) or "none"),
                ("attached by a closing gripper", _listed(task.graspable) or "nothing"),
            ),
        ),
        "## Description",
        "Instructions of variation 0; one of them is drawn for an episode:",
        "\n".join(f'- "{phrase}"' for phrase in task.instructions(0)),
        "## Action space and observation space",
        "Those of every task; see [Environments](../environments.md).",
        "## Rewards",
        "1 for the action after which every condition below holds, else 0.",
        "\n".join(f"- {_in_words(condition)}" for condition in task.success)
        + "".join(f"\n- variation {i}: {_in_words(condition)}" for i, condition in enumerate(task.success_by_variation)),
        "## Starting state",
        _starting_state(task),
        "Objects as they are stored, in the task base frame (x away from the robot, y to its left, z up, 0 at 0.752 m above the floor):",
        *_scene_tables(task),
        "## Episode end",
        "Termination: the conditions hold. Truncation: never by itself; the protocol caps the number of actions.",
    ]
    if ceilings:
        parts += [
            "## What scripted experts reach",
            "Success in % [95 % interval] and number of scenarios, all variations drawn. `keypose_expert` executes only the keyframes "
            "of the expert's demonstration and is the ceiling of keypose policies; `keypose_paths_expert` adds keyframes along "
            "Cartesian paths.",
            _table(("agent", "success"), [(f"`{agent}`", text) for agent, text in ceilings.items()]),
        ]
    if task.own_choices:
        parts += ["## Our own choices", "\n".join(f"- {choice}" for choice in task.own_choices)]
    parts += ["## Version history", "- `v0`: first version."]
    return "\n\n".join(parts) + "\n"


def index(names: Sequence[str]) -> str:
    """The Markdown page that lists the tasks."""
    rows = [(f"[{name}]({name}.md)", TASKS.get(name).goal, str(TASKS.get(name).variation_count)) for name in names]
    return "\n\n".join(("# Tasks", _table(("task", "goal", "variations"), rows))) + "\n"


def _starting_state(task: Task) -> str:
    low, high = np.rad2deg(task.base_rotation)
    return (
        f"The task base is placed at random on the table, turned about z by {low:.0f} to {high:.0f} degrees as far as its box, spawn "
        "areas included, fits the plane of 0.65 x 0.91 m. A placement is drawn again when the arm touches something or cannot make the "
        "expert's motions; `info['placement_tries']` counts them."
    )


def _scene_tables(task: Task) -> list[str]:
    from hamster_bench.envs.mujoco.description import describe_scene

    scene = describe_scene(task)
    tables = [_table(("body", "kind", "position [m]", "mass [kg]"), scene.bodies)]
    if scene.joints:
        tables.append(_table(("joint", "kind", "range", "stored"), scene.joints))
    if scene.volumes:
        tables.append(_table(("detection volume", "shape", "full size [m]", "centre [m]"), scene.volumes))
    tables.append("Waypoints of the scripted solution:")
    tables.append(_table(("waypoint", "fixed to", "position [m]", "tool axis", "flags"), scene.waypoints))
    return tables


def _in_words(condition: Condition) -> str:
    if isinstance(condition, DetectedCondition):
        return f"any part of `{condition.object}` is inside the detection volume `{condition.volume}`"
    if isinstance(condition, JointCondition):
        return f"`{condition.joint}` has travelled more than {condition.threshold:g} from its stored value"
    if isinstance(condition, GraspedCondition):
        return f"the gripper holds `{condition.object}`"
    if isinstance(condition, NothingGrasped):
        return "the gripper holds nothing"
    if isinstance(condition, EmptyCondition):
        return "everything that can be removed has been removed"
    raise TypeError(f"no words for success condition {condition!r}")


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
