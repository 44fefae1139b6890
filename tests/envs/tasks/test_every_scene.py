"""What holds for the scene file and the description of every task, and the original's waypoints where its fact sheet is at hand."""

from __future__ import annotations

import math
import re

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.tasks import TASKS
from tests.envs.tasks.recordings import FACTS, needs_facts
from tests.envs.tasks.stored_scene import ANGLE_TOLERANCE, POSITION_TOLERANCE, StoredScene, angle_between, stored_scene

# What is seen and collides as well.
SEEN_AND_SOLID = {"hockey_ball"}
# Texts of a scene file that are not flags of waypoints.
OTHER_TEXTS = {"straight", "not_collidable"}
SEEN, SOLID, HELPER, VOLUME = 2, 3, 4, 5


@pytest.fixture(scope="module", params=TASKS.names())
def scene(request: pytest.FixtureRequest) -> StoredScene:
    return stored_scene(request.param)


def test_cameras_see_no_helper_and_nothing_seen_collides(scene: StoredScene) -> None:
    model = scene.model
    for geom in range(model.ngeom):
        name, group = model.geom(geom).name, int(model.geom_group[geom])
        solid = bool(model.geom_contype[geom] or model.geom_conaffinity[geom])
        if name in SEEN_AND_SOLID:
            assert solid
            assert group == SEEN
        else:
            assert solid == (group == SOLID), name
            assert group in (SEEN, SOLID, VOLUME), name
    assert set(model.site_group.tolist()) == {HELPER}


def test_triangles_stay_within_the_budget(scene: StoredScene) -> None:
    model = scene.model
    meshes = [int(model.geom_dataid[g]) for g in range(model.ngeom) if model.geom_group[g] == SEEN and model.geom_dataid[g] >= 0]
    # Chess has 32 pieces.
    assert sum(int(model.mesh_facenum[mesh]) for mesh in meshes) <= (40_000 if scene.task.name == "setup_chess" else 20_000)


def test_only_waypoints_carry_flags(scene: StoredScene) -> None:
    texts = {mujoco.mj_id2name(scene.model, mujoco.mjtObj.mjOBJ_TEXT.value, i) for i in range(scene.model.ntext)}
    sites = {scene.model.site(i).name.split("/")[0] for i in range(scene.model.nsite)}
    assert texts - OTHER_TEXTS <= {name for name in sites if name.startswith("waypoint")}
    for waypoint in scene.text("straight").split():
        assert waypoint in sites
    for body in scene.text("not_collidable").split():
        assert scene.model.body(body).id > 0


def test_the_description_names_parts_of_the_scene(scene: StoredScene) -> None:
    model = scene.model
    bodies = {model.body(i).name for i in range(model.nbody)}
    geoms = {model.geom(i).name for i in range(model.ngeom)}
    assert set(scene.task.graspable) <= scene.free_bodies()
    assert {*scene.task.manipulated, *scene.task.receiver} <= bodies | geoms
    for name in scene.free_bodies():
        assert int(model.body(name).parentid[0]) == 0


def test_every_variation_has_as_many_phrasings_and_choices_are_whole_sentences(scene: StoredScene) -> None:
    task = scene.task
    assert len({len(task.instructions(variation)) for variation in range(task.variation_count)}) == 1
    assert task.own_choices
    for choice in task.own_choices:
        assert choice[0].isupper() or choice[0].isdigit(), choice
        assert choice.endswith("."), choice
        assert "  " not in choice, choice


@needs_facts
def test_the_waypoints_are_those_of_the_fact_sheet(scene: StoredScene) -> None:
    text = FACTS.read_text(encoding="utf-8")
    start = text.index(f"- name: {scene.task.name}\n  goal:")
    sheet = text[start : text.find("\n- name: ", start)]
    assert int(re.findall(r"variation_count: (\d+)", sheet)[0]) == scene.task.variation_count
    if scene.task.name == "meat_on_grill":
        assert "\n  waypoints:\n" not in sheet
        return
    part = sheet[sheet.index("  waypoints:\n") : sheet.index("  waypoints_executed:")]
    entries = re.split(r"\n  - n: ", part)[1:]
    assert entries
    named = set()
    for entry in entries:
        number = int(entry.split("\n")[0])
        poses = re.findall(r"position: \[([^]]*)\]\s+tool_axis: \[([^]]*)\]\s+quat_xyzw: \[([^]]*)\]", entry)
        is_path = "kind: path" in entry
        for index, (position, axis, quat) in enumerate(poses):
            name = f"waypoint{number}/{index}" if is_path else f"waypoint{number}"
            named.add(name)
            site = scene.data.site(name)
            assert site.xpos == pytest.approx([float(v) for v in position.split(",")], abs=POSITION_TOLERANCE), name
            turned_by = angle_between(scene.site_quat_xyzw(name), tuple(float(v) for v in quat.split(",")))
            assert turned_by < ANGLE_TOLERANCE, name
            tool = np.array([float(v) for v in axis.split(",")])
            # The sheet's tool axes along a path are those of the path itself, up to 7 degrees from its control points' frames.
            if not is_path:
                assert site.xmat.reshape(3, 3)[:, 2] @ tool / np.linalg.norm(tool) > math.cos(ANGLE_TOLERANCE), name
        flags = scene.text(f"waypoint{number}")
        assert ("ignore_collisions" in flags) == ("ignore_collisions: true" in entry), number
        gripper = re.findall(r"gripper: (\w+)", entry)[0]
        assert ("open_gripper" in flags) == (gripper == "open"), number
        assert ("close_gripper" in flags) == (gripper == "close"), number
    sites = {scene.model.site(i).name for i in range(scene.model.nsite)}
    assert named == {name for name in sites if name.startswith("waypoint")}
