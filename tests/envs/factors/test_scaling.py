"""Scaling in place: the same as a scene file in which everything is larger, and taken back to the last bit."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.factors import defined_factors
from hamster_bench.envs.mujoco.edits import ModelEdits
from hamster_bench.envs.mujoco.scaling import scale_bodies
from hamster_bench.envs.mujoco.scene import Scene, load_scene
from hamster_bench.envs.targets import SizeTargets
from hamster_bench.envs.tasks import TASKS, scene_xml
from tests.envs.factors.cells import ALL_TASKS, Bench, model_digest

_SIZED = [
    (task, factor)
    for task in ALL_TASKS
    for factor in ("man_obj_siz", "rec_obj_siz")
    if factor in defined_factors(TASKS.get(task))
]
# Bodies of every kind: with lids on hinges, held together by nothing, made of boxes, cylinders, spheres, meshes.
_AGAINST_A_FILE = [
    ("close_box", "box_base"),
    ("close_laptop_lid", "base"),
    ("hockey", "hockey_stick"),
    ("hockey", "hockey_ball"),
    ("insert_onto_square_peg", "square_ring"),
    ("place_wine_at_rack_location", "wine_bottle"),
    ("scoop_with_spatula", "scoop_with_spatula_spatula"),
    ("stack_cups", "cup1"),
    ("wipe_desk", "sponge"),
]
# Power of the factor by which every attribute grows.
_POWERS = {
    "geom": {"pos": 1, "size": 1, "fromto": 1, "mass": 3},
    "site": {"pos": 1, "size": 1},
    "body": {"pos": 1},
    "frame": {"pos": 1},
    "inertial": {"pos": 1, "mass": 3, "diaginertia": 5, "fullinertia": 5},
}
_HINGE_POWERS = {"pos": 1, "frictionloss": 4, "damping": 4.5, "armature": 5}


def scaled_file(task: str, body: str, factor: float, folder: Path) -> Path:
    """The task's scene file with one body, and everything below it, larger; not where it stands."""
    source = Path(scene_xml(TASKS.get(task)))
    tree = ET.parse(source)
    root = tree.getroot()
    classes = {element.get("class"): element for element in root.iter("default") if element.get("class")}
    meshes = {mesh.get("name"): mesh for mesh in root.iter("mesh") if mesh.get("name")}
    assets = root.find("asset")
    assert assets is not None

    def scale(element: ET.Element, attribute: str, power: float) -> None:
        text = element.get(attribute)
        if text is not None:
            element.set(attribute, " ".join(repr(float(number) * factor**power) for number in text.split()))

    def inherited(element: ET.Element, attribute: str, childclass: str | None) -> None:
        """Writes out what an element has from its class."""
        for name in (element.get("class"), childclass):
            found = classes[name].find(element.tag) if name in classes else None
            if found is not None and element.get(attribute) is None and found.get(attribute) is not None:
                element.set(attribute, found.get(attribute, ""))

    def descend(element: ET.Element, childclass: str | None) -> None:
        childclass = element.get("childclass", childclass)
        for child in element:
            powers: dict[str, float] = dict(_POWERS.get(child.tag, {}))
            if child.tag == "joint":
                powers = dict(_HINGE_POWERS)
                assert child.get("type", "hinge") == "hinge"
            for attribute in (*powers, "mesh") if child.tag == "geom" else powers:
                inherited(child, attribute, childclass)
            if child.tag == "site" and child.get("size") is None:
                child.set("size", "0.005 0.005 0.005")  # MuJoCo's own
            mesh = child.get("mesh") if child.tag == "geom" else None
            if mesh is not None:
                own = f"{mesh}@{factor}"
                if own not in meshes:
                    meshes[own] = ET.SubElement(assets, "mesh", meshes[mesh].attrib | {"name": own})
                    meshes[own].set("scale", meshes[mesh].get("scale", "1 1 1"))
                    scale(meshes[own], "scale", 1)
                child.set("mesh", own)
            for attribute, power in powers.items():
                scale(child, attribute, power)
            if child.tag in {"body", "frame", "replicate"}:
                descend(child, childclass)

    (found,) = [element for element in root.iter("body") if element.get("name") == body]
    parents = {child: parent for parent in root.iter() for child in parent}
    above, childclass = parents.get(found), None
    while above is not None and childclass is None:
        childclass, above = above.get("childclass"), parents.get(above)
    descend(found, childclass)
    for asset in source.parent.iterdir():
        if asset.suffix in {".obj", ".stl", ".png"}:
            (folder / asset.name).symlink_to(asset.resolve())
    tree.write(folder / "scene.xml")
    return folder / "scene.xml"


def plainly_scaled(task: str, body: str, factor: float) -> Scene:
    """The compiled scene with the body scaled in place."""
    found = load_scene(TASKS.get(task))
    data = mujoco.MjData(found.model)
    mujoco.mj_forward(found.model, data)
    scale_bodies(found, data, ModelEdits(found.model), SizeTargets((body,), 0.5, 1.5), {body: factor}, ())
    return found


@pytest.mark.parametrize("factor", [0.8, 1.3])
@pytest.mark.parametrize(("task", "body"), _AGAINST_A_FILE)
def test_scaling_in_place_is_compiling_a_larger_body(task: str, body: str, factor: float, tmp_path: Path) -> None:
    file = scaled_file(task, body, factor, tmp_path)
    compiled = load_scene(dataclasses.replace(TASKS.get(task), scene_file=str(file))).model
    ours = plainly_scaled(task, body, factor).model
    bodies = [ours.body(body).id]
    for child in range(ours.nbody):
        if int(ours.body_parentid[child]) in bodies:
            bodies.append(child)
    below = bodies[1:]
    geoms, sites = (np.flatnonzero(np.isin(ids, bodies)) for ids in (ours.geom_bodyid, ours.site_bodyid))
    dofs = np.flatnonzero(np.isin(ours.dof_bodyid, bodies))
    joints = np.flatnonzero(np.isin(ours.jnt_bodyid, bodies))
    shapes = geoms[ours.geom_type[geoms] != int(mujoco.mjtGeom.mjGEOM_MESH)]
    rows = {
        "body_pos": below,
        "body_quat": below,
        "body_mass": bodies,
        "body_inertia": bodies,
        "body_ipos": bodies,
        "body_subtreemass": bodies,
        "body_invweight0": bodies,
        "geom_pos": geoms,
        "geom_rbound": geoms,
        "geom_aabb": geoms,
        "geom_size": shapes,
        "site_pos": sites,
        "site_size": sites,
        "jnt_pos": joints,
        "jnt_range": joints,
        "dof_damping": dofs,
        "dof_frictionloss": dofs,
        "dof_armature": dofs,
        "dof_invweight0": dofs,
        "dof_M0": dofs,
    }
    for name, numbers in rows.items():
        mine, theirs = getattr(ours, name)[numbers], getattr(compiled, name)[numbers]
        assert mine == pytest.approx(theirs, rel=2e-4, abs=2e-7), name
    for geom in geoms:
        mesh = int(ours.geom_dataid[geom])
        if mesh >= 0:
            other = int(compiled.geom_dataid[geom])
            assert _vertices(ours, mesh) == pytest.approx(_vertices(compiled, other), abs=2e-6)
    # What is not scaled is as it was.
    rest = np.setdiff1d(np.arange(ours.nbody), bodies)
    assert np.array_equal(ours.body_mass[rest], compiled.body_mass[rest])


def _vertices(model: mujoco.MjModel, mesh: int) -> Any:
    first = int(model.mesh_vertadr[mesh])
    return model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])]


@pytest.mark.parametrize("task", ["close_box", "hockey", "stack_cups"])
def test_everything_is_taken_back_to_the_last_bit(task: str) -> None:
    found = load_scene(TASKS.get(task))
    before = model_digest(found.model)
    data = mujoco.MjData(found.model)
    mujoco.mj_forward(found.model, data)
    edits = ModelEdits(found.model)
    for targets in TASKS.get(task).factors.values():
        if isinstance(targets, SizeTargets):
            scale_bodies(found, data, edits, targets, dict.fromkeys(targets.objects, 0.9), ())
    after = model_digest(found.model)
    changed = {name for name in before if before[name] != after[name]}
    assert {"body_mass", "body_inertia", "geom_size", "body_invweight0"} <= changed
    edits.restore()
    assert model_digest(found.model) == before


@pytest.mark.parametrize(("task", "factor"), _SIZED)
def test_both_ends_of_the_range_show_stand_still_and_solve_nothing(task: str, factor: str) -> None:
    bench = Bench(task, image_size=256)
    targets = bench.task.factors[factor]
    assert isinstance(targets, SizeTargets)
    seen = {}
    for scale in (targets.low, targets.high):
        start = bench.reset(factor, draws={factor: {"scales": dict.fromkeys(targets.objects, scale)}})
        seen[scale] = int(np.isin(start.bodies, list(bench.below(targets.objects))).sum())
        if scale != 1.0:
            assert start.changed(bench.controls[0, 0]).sum() >= 10
        data = bench.data
        before = data.xpos.copy()
        pressed = -float(data.contact.dist.min()) if data.ncon else 0.0
        for _ in range(10):
            bench.env.simulation.controller.step(bench.env.simulation.controller.joints, 1.0)
        assert np.linalg.norm(data.xpos - before, axis=1).max() < 2e-3
        assert pressed < 2e-3
        assert not bench.env.simulation.success()
    bench.close()
    assert seen[targets.high] > seen[targets.low]
