"""A scene file that does not hold what its task needs is refused with what is wrong, not simulated wrongly."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import hamster_bench  # noqa: F401
from hamster_bench.envs.mujoco.scene import load_scene
from hamster_bench.envs.mujoco.simulation import Simulation
from hamster_bench.envs.task import DetectedCondition, JointCondition, NothingGrasped, Step, Task
from hamster_bench.errors import SceneError
from hamster_bench.scenario import Scenario

SITE = '<site name="success" type="box" pos="0 0 0.05" size="0.05 0.05 0.05" group="4"/>'
SCENE = f"""
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <custom>
    <numeric name="placement_box" data="-0.1 0.1 -0.1 0.1"/>
  </custom>
  <worldbody>
    <body name="toy">
      {SITE}
      <site name="waypoint0" pos="0 0 0.3" quat="0 1 0 0" group="4"/>
    </body>
    <body name="cube" pos="0 0.1 0.02">
      <freejoint name="cube"/>
      <geom name="cube" type="box" size="0.02 0.02 0.02" mass="0.1"/>
    </body>
  </worldbody>
</mujoco>
"""


def toy(folder: Path, old: str = "", new: str = "", **changes: object) -> Task:
    file = folder / "scene.xml"
    assert old in SCENE
    file.write_text(SCENE.replace(old, new, 1) if old else SCENE, encoding="utf-8")
    task = Task(
        name="toy",
        goal="Put the cube down.",
        instructions=lambda variation: ("put the cube down",),
        success=(DetectedCondition("cube", "success"), NothingGrasped()),
        graspable=("cube",),
        scene_file=str(file),
    )
    return dataclasses.replace(task, **changes)  # type: ignore[arg-type]


def test_a_task_of_its_own_folder_runs(tmp_path: Path) -> None:
    simulation = Simulation(toy(tmp_path), "attach")
    assert simulation.reset(Scenario(task="toy")) >= 1
    assert not simulation.success()


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("<mujoco>", "<mujoco", "cannot be read"),
        ("<numeric", "<!-- <numeric", "cannot be read"),
        ('name="placement_box"', 'name="box"', "needs a body named 'toy'"),
        ('body name="toy"', 'body name="top"', "needs a body named 'toy'"),
        ('site name="success"', 'site name="succes"', "no site 'success'"),
        (SITE, f'<frame pos="0 0 0.1">{SITE}</frame>', "plain pos and quat"),
        (SITE, SITE.replace("size", 'euler="0 0 0.5" size'), "plain pos and quat"),
        ('name="waypoint0"', 'name="waypoint1"', "numbered from 0 without gaps"),
        ("<numeric", '<text name="waypoint0" data="close_griper()"/><numeric', "unknown flag 'close_griper"),
        ("<numeric", '<text name="waypoint0" data="path"/><numeric', "1 site"),
        ("<numeric", '<text name="straight" data="waypoint7"/><numeric', "no waypoint waypoint7"),
        ("<numeric", '<text name="not_collidable" data="ball"/><numeric', "no body 'ball'"),
    ],
)
def test_a_scene_file_that_lacks_something_is_refused(tmp_path: Path, old: str, new: str, answer: str) -> None:
    with pytest.raises(SceneError, match=answer):
        load_scene(toy(tmp_path, old, new))


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"graspable": ("ball",)}, "no body 'ball'"),
        ({"success": (JointCondition("hinge", 1.0),)}, "no joint 'hinge'"),
        ({"success": (DetectedCondition("ball", "success"),)}, "no body 'ball'"),
    ],
)
def test_a_task_that_names_what_its_scene_lacks_is_refused(tmp_path: Path, changes: dict[str, object], answer: str) -> None:
    with pytest.raises(SceneError, match=answer):
        load_scene(toy(tmp_path, **changes))


def test_a_solution_by_unknown_waypoints_is_refused(tmp_path: Path) -> None:
    simulation = Simulation(toy(tmp_path, solution=lambda scene, variation: (Step("waypoint9"),)), "attach")
    with pytest.raises(SceneError, match="uses waypoint9"):
        simulation.reset(Scenario(task="toy"))
