"""The four scenes against an independent table of the original's measures, and against its recordings where they are at hand."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.task import DetectedCondition, JointCondition, NothingGrasped, Task
from hamster_bench.envs.tasks import TASKS, scene_xml

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
FACTS = SHARED / "facts" / "tasks.yaml"
RECORDINGS = SHARED / "parity" / "rlbench_demos"

POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)
TABLE_TOP = -0.002

DOWN_ALONG_X = (0.0, 1.0, 0.0, 0.0)
HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class Waypoint:
    """Position [m] and orientation in the task base frame, the body it rides on, and its flags."""

    body: str
    position: tuple[float, float, float]
    quat_xyzw: tuple[float, float, float, float]
    flags: str = ""


@dataclass(frozen=True)
class Facts:
    """What the fact sheet says of one task; lengths in metres, in the task base frame."""

    bodies: dict[str, tuple[float, float, float]]
    masses: dict[str, float]
    # Names of colliding boxes and their full extents along the axes of the task base.
    boxes: dict[str, tuple[float, float, float]]
    waypoints: dict[str, Waypoint]
    # Body, centre and full extents (boxes) or (radius, length) (cylinders).
    volumes: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]]
    # Centre and extents of sampling areas.
    areas: dict[str, tuple[tuple[float, float, float], tuple[float, float]]]
    placement_box: tuple[float, float, float, float]
    instructions: dict[int, tuple[str, ...]]
    base_rotation: tuple[float, float] = (-3.14, 3.14)
    variation_count: int = 1
    graspable: tuple[str, ...] = ()
    success: tuple[Any, ...] = ()
    manipulated: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    joints: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def _arc() -> dict[str, Waypoint]:
    points = [
        ((-0.0251, -0.2397, 0.2730), (0.8804, 0.0, 0.0, -0.4743)),
        ((-0.0251, -0.2161, 0.3089), (0.9002, 0.0, 0.0, -0.4354)),
        ((-0.0251, -0.1866, 0.3401), (0.9347, 0.0, 0.0, -0.3553)),
        ((-0.0251, -0.1521, 0.3657), (0.9622, 0.0, 0.0, -0.2725)),
        ((-0.0251, -0.1138, 0.3849), (0.9822, 0.0, 0.0, -0.1876)),
        ((-0.0251, -0.0726, 0.3972), (0.9949, 0.0, 0.0, -0.1013)),
        ((-0.0251, -0.0300, 0.4022), (0.9999, 0.0, 0.0, -0.0142)),
        ((-0.0251, 0.0129, 0.3996), (0.9973, 0.0, 0.0, 0.0730)),
        ((-0.0251, 0.0546, 0.3897), (0.9872, 0.0, 0.0, 0.1597)),
        ((-0.0251, 0.0940, 0.3727), (0.9793, 0.0, 0.0, 0.2026)),
    ]
    return {f"waypoint2/{i}": Waypoint("box_base", p, q, "path; ignore_collisions") for i, (p, q) in enumerate(points)}


def _cup_waypoint(body: str, y: float, z: float, flags: str = "") -> Waypoint:
    return Waypoint(body, (0.0091, y, z), DOWN_ALONG_X, flags)


TABLE: dict[str, Facts] = {
    "slide_block_to_target": Facts(
        bodies={"block": (0.025, -0.025, 0.027), "target": (0.025, 0.150, 0.001)},
        free=("block",),
        masses={"block": 0.356},
        boxes={"block_collision": (0.05625, 0.05625, 0.05625)},
        waypoints={
            "waypoint0": Waypoint("block", (0.0285, -0.1271, 0.027), (-HALF, HALF, 0.0, 0.0), "close_gripper(0.5)"),
            "waypoint1": Waypoint("block", (0.0285, 0.1450, 0.008), (HALF, -HALF, 0.0, 0.0), "ignore_collisions"),
        },
        volumes={"success": ("target", (0.025, 0.150, 0.0135), (0.1, 0.1, 0.025))},
        areas={"spawn_boundary0": ((-0.025, -0.275, 0.0), (0.5, 0.3))},
        placement_box=(-0.275, 0.225, -0.425, 0.2),
        success=(DetectedCondition("block", "success"),),
        manipulated=("block",),
        instructions={
            0: (
                "slide the block to target",
                "slide the block onto the target",
                "push the block until it is sitting on top of the target",
                "slide the block towards the green target",
                "cover the target with the block by pushing the block in its direction",
            )
        },
    ),
    "close_box": Facts(
        bodies={"box_base": (-0.025, 0.1, 0.0727), "box_lid": (-0.025, -0.140, 0.210)},
        masses={"box_base": 1.8875, "box_lid": 0.938},
        boxes={"box_lid_collision": (0.35, 0.268, 0.01)},
        joints={"box_joint": (-0.2531, 2.3649, 2.3649)},
        waypoints={
            "waypoint0": Waypoint("box_base", (-0.0251, -0.3225, 0.3248), (0.8804, 0.0, 0.0, -0.4743)),
            "waypoint1": Waypoint("box_base", (-0.0251, -0.2397, 0.2730), (0.8804, 0.0, 0.0, -0.4743), "close_gripper()"),
            **_arc(),
            "waypoint3": Waypoint(
                "box_base", (-0.0251, 0.0940, 0.3727), (0.9793, 0.0, 0.0, 0.2026), "open_gripper(); ignore_collisions"
            ),
            "waypoint4": Waypoint(
                "box_base", (-0.0251, 0.1500, 0.4247), (0.9793, 0.0, 0.0, 0.2026), "open_gripper(); ignore_collisions"
            ),
        },
        volumes={},
        areas={"spawn_boundary0": ((0.0, -0.225, 0.0), (0.5, 0.3))},
        placement_box=(-0.25, 0.25, -0.375, 0.23),
        base_rotation=(-math.pi / 8, math.pi / 8),
        success=(JointCondition("box_joint", 2.6),),
        manipulated=("box_base", "box_lid"),
        instructions={0: ("close box", "close the lid on the box", "shut the box", "shut the box lid")},
    ),
    "insert_onto_square_peg": Facts(
        bodies={
            "square_base": (0.0, -0.075, 0.01),
            "pillar0": (-0.125, -0.075, 0.08),
            "pillar1": (0.0, -0.075, 0.08),
            "pillar2": (0.125, -0.075, 0.08),
            "square_ring": (0.05, 0.05, 0.008),
            "success_centre": (0.125, -0.075, 0.0),
        },
        free=("square_ring",),
        masses={"square_ring": 0.02, "square_base": 0.8, "pillar0": 0.075, "pillar1": 0.075, "pillar2": 0.075},
        boxes={
            "square_base_collision": (0.4, 0.1, 0.02),
            "pillar0_collision": (0.025, 0.025, 0.12),
            "pillar1_collision": (0.025, 0.025, 0.12),
            "pillar2_collision": (0.025, 0.025, 0.12),
        },
        waypoints={
            "waypoint0": Waypoint("square_ring", (0.05, 0.05, 0.108), (HALF, HALF, 0.0, 0.0), "open_gripper()"),
            "waypoint1": Waypoint("square_ring", (0.05, 0.05, 0.007), (HALF, HALF, 0.0, 0.0), "close_gripper()"),
            "waypoint2": Waypoint("square_ring", (0.05, 0.05, 0.220), (HALF, HALF, 0.0, 0.0), "ignore_collisions"),
            "waypoint3": Waypoint("success_centre", (0.125, -0.075, 0.217), DOWN_ALONG_X),
            "waypoint4": Waypoint("success_centre", (0.125, -0.075, 0.129), DOWN_ALONG_X, "open_gripper()"),
        },
        volumes={
            "success_detector0": ("success_centre", (0.125, -0.055, 0.025), (0.04, 0.01, 0.05)),
            "success_detector1": ("success_centre", (0.125, -0.098, 0.025), (0.04, 0.01, 0.05)),
            "success_detector2": ("success_centre", (0.105, -0.080, 0.025), (0.01, 0.04, 0.05)),
            "success_detector3": ("success_centre", (0.145, -0.080, 0.025), (0.01, 0.04, 0.05)),
        },
        areas={
            "boundary0": ((0.0, 0.1, 0.002), (0.4, 0.2)),
            "spawn_boundary0": ((0.0, 0.3, 0.0), (0.5, 0.2)),
            "spawn_boundary1": ((-0.025, -0.3, 0.0), (0.5, 0.2)),
        },
        placement_box=(-0.275, 0.25, -0.4, 0.4),
        variation_count=20,
        graspable=("square_ring",),
        success=tuple(DetectedCondition("square_ring", f"success_detector{i}") for i in range(4)),
        manipulated=("square_ring",),
        instructions={
            0: (
                "put the ring on the red spoke",
                "slide the ring onto the red colored spoke",
                "place the ring onto the red spoke",
            ),
            10: (
                "put the ring on the gray spoke",
                "slide the ring onto the gray colored spoke",
                "place the ring onto the gray spoke",
            ),
        },
    ),
    "stack_cups": Facts(
        bodies={"cup1": (0.0121, 0.2059, 0.070), "cup2": (0.0121, 0.0049, 0.070), "cup3": (0.0121, -0.2051, 0.070)},
        free=("cup1", "cup2", "cup3"),
        masses={"cup1": 0.05323, "cup2": 0.05323, "cup3": 0.05323},
        boxes={},
        waypoints={
            "waypoint0": _cup_waypoint("cup1", 0.2459, 0.1880),
            "waypoint1": _cup_waypoint("cup1", 0.2459, 0.1201, "close_gripper()"),
            "waypoint2": _cup_waypoint("cup1", 0.2459, 0.2941, "ignore_collisions"),
            "waypoint3": _cup_waypoint("cup2", 0.0449, 0.3171),
            "waypoint4": _cup_waypoint("cup2", 0.0449, 0.2171, "open_gripper(); ignore_collisions"),
            "waypoint5": _cup_waypoint("cup3", -0.1651, 0.1880),
            "waypoint6": _cup_waypoint("cup3", -0.1651, 0.1201, "close_gripper()"),
            "waypoint7": _cup_waypoint("cup3", -0.1651, 0.2941, "ignore_collisions"),
            "waypoint8": _cup_waypoint("cup2", 0.0449, 0.3171),
            "waypoint9": _cup_waypoint("cup2", 0.0449, 0.2171, "open_gripper(); ignore_collisions"),
        },
        volumes={"success": ("cup2", (0.006, 0.003, 0.059), (0.02, 0.1))},
        areas={"boundary": ((-0.008, -0.001, -0.002), (0.4, 0.6)), "spawn_boundary0": ((-0.025, 0.0, 0.0), (0.5, 0.7))},
        placement_box=(-0.275, 0.225, -0.35, 0.35),
        variation_count=20,
        graspable=("cup1", "cup2", "cup3"),
        success=(DetectedCondition("cup1", "success"), DetectedCondition("cup3", "success"), NothingGrasped()),
        manipulated=("cup1", "cup2", "cup3"),
        instructions={
            5: (
                "stack the other cups on top of the navy cup",
                "place two of the cups onto the odd cup out",
                "put the remaining two cups on top of the navy cup",
                "pick up and set the cups down into the navy cup",
                "create a stack of cups with the navy cup as its base",
                "keeping the navy cup on the table, stack the other two onto it",
            )
        },
    ),
}


@dataclass(frozen=True)
class Loaded:
    """A scene compiled alone, in its stored layout."""

    task: Task
    model: mujoco.MjModel
    data: mujoco.MjData
    facts: Facts


def _store(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    mujoco.mj_resetData(model, data)
    for i in range(model.njnt):
        name = model.joint(i).name
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_NUMERIC.value, name) >= 0:
            data.qpos[model.jnt_qposadr[i]] = model.numeric(name).data[0]
    mujoco.mj_forward(model, data)


def _on_table(name: str) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """The scene on a table of its own, with the engine's contact options."""
    spec = mujoco.MjSpec.from_file(scene_xml(TASKS.get(name)))
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=[1, 1, 0.1], pos=[0, 0, TABLE_TOP - 0.1], friction=[0.6, 0.005, 0.0001], condim=4
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    _store(model, data)
    return model, data


@pytest.fixture(scope="module", params=sorted(TABLE))
def scene(request: pytest.FixtureRequest) -> Loaded:
    name: str = request.param
    model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get(name)))
    data = mujoco.MjData(model)
    _store(model, data)
    return Loaded(TASKS.get(name), model, data, TABLE[name])


def _angle_between(a_xyzw: Any, b_xyzw: Any) -> float:
    a, b = np.asarray(a_xyzw, dtype=float), np.asarray(b_xyzw, dtype=float)
    cosine = abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(2.0 * math.acos(min(1.0, cosine)))


def _site_quat_xyzw(data: mujoco.MjData, site: int) -> np.ndarray:
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, data.site_xmat[site])
    return quat[[1, 2, 3, 0]]


def _body_quat_xyzw(data: mujoco.MjData, body: int) -> np.ndarray:
    return np.asarray(data.xquat[body][[1, 2, 3, 0]])


def _text(model: mujoco.MjModel, name: str) -> str:
    number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT.value, name)
    if number < 0:
        return ""
    start, size = int(model.text_adr[number]), int(model.text_size[number])
    return bytes(model.text_data[start : start + size]).split(b"\0")[0].decode()


class TestTable:
    def test_bodies_stand_where_the_original_stores_them(self, scene: Loaded) -> None:
        base = scene.model.body(scene.task.name).id
        assert scene.data.xpos[base] == pytest.approx(np.zeros(3), abs=1e-12)
        for name, position in scene.facts.bodies.items():
            assert scene.data.body(name).xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name

    def test_free_bodies_are_free_and_others_are_fixed_or_hinged(self, scene: Loaded) -> None:
        free = {
            scene.model.body(scene.model.jnt_bodyid[j]).name
            for j in range(scene.model.njnt)
            if int(scene.model.jnt_type[j]) == int(mujoco.mjtJoint.mjJNT_FREE)
        }
        assert free == set(scene.facts.free)
        for name in free:
            assert int(scene.model.body(name).parentid[0]) == 0

    def test_masses(self, scene: Loaded) -> None:
        for name, mass in scene.facts.masses.items():
            assert float(scene.model.body(name).mass[0]) == pytest.approx(mass, rel=2e-3), name

    def test_sizes(self, scene: Loaded) -> None:
        for name, extents in scene.facts.boxes.items():
            geom = scene.model.geom(name)
            assert int(geom.type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX)
            # The lid's own x axis lies along y of the base.
            full = 2 * geom.size[[1, 0, 2]] if name == "box_lid_collision" else 2 * geom.size
            assert full == pytest.approx(extents, abs=1e-6), name

    def test_hinges(self, scene: Loaded) -> None:
        for name, (low, high, stored) in scene.facts.joints.items():
            joint = scene.model.joint(name)
            assert joint.range == pytest.approx((low, high), abs=1e-4)
            assert scene.model.numeric(name).data[0] == pytest.approx(stored, abs=1e-4)
            assert float(scene.model.qpos0[joint.qposadr[0]]) == 0.0

    def test_waypoints(self, scene: Loaded) -> None:
        sites = {scene.model.site(i).name for i in range(scene.model.nsite)}
        assert {name for name in sites if name.startswith("waypoint")} == set(scene.facts.waypoints)
        for name, waypoint in scene.facts.waypoints.items():
            site = scene.model.site(name).id
            assert scene.data.site_xpos[site] == pytest.approx(waypoint.position, abs=POSITION_TOLERANCE), name
            assert _angle_between(_site_quat_xyzw(scene.data, site), waypoint.quat_xyzw) < ANGLE_TOLERANCE, name
            assert scene.model.body(scene.model.site_bodyid[site]).name == waypoint.body, name
            assert _text(scene.model, name.split("/")[0]) == waypoint.flags, name

    def test_only_waypoints_carry_flags(self, scene: Loaded) -> None:
        flagged = {mujoco.mj_id2name(scene.model, mujoco.mjtObj.mjOBJ_TEXT.value, i) for i in range(scene.model.ntext)}
        assert flagged == {name.split("/")[0] for name, waypoint in scene.facts.waypoints.items() if waypoint.flags}

    def test_detection_volumes(self, scene: Loaded) -> None:
        for name, (body, centre, size) in scene.facts.volumes.items():
            site = scene.model.site(name)
            assert scene.model.body(int(site.bodyid[0])).name == body, name
            assert scene.data.site_xpos[site.id] == pytest.approx(centre, abs=POSITION_TOLERANCE), name
            assert scene.data.site_xmat[site.id] == pytest.approx(np.eye(3).ravel(), abs=1e-6), name
            if len(size) == 3:
                assert int(site.type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX)
                assert 2 * site.size == pytest.approx(size, abs=1e-6), name
            else:
                assert int(site.type[0]) == int(mujoco.mjtGeom.mjGEOM_CYLINDER)
                assert (site.size[0], 2 * site.size[1]) == pytest.approx(size, abs=1e-6), name

    def test_sampling_areas_and_placement_box(self, scene: Loaded) -> None:
        for name, (centre, extents) in scene.facts.areas.items():
            site = scene.model.site(name)
            assert scene.data.site_xpos[site.id] == pytest.approx(centre, abs=POSITION_TOLERANCE), name
            assert 2 * site.size[:2] == pytest.approx(extents, abs=1e-6), name
        assert scene.model.numeric("placement_box").data == pytest.approx(scene.facts.placement_box, abs=1e-3)

    def test_task_description(self, scene: Loaded) -> None:
        task, facts = scene.task, scene.facts
        assert task.variation_count == facts.variation_count
        assert task.graspable == facts.graspable
        assert task.success == facts.success
        assert task.manipulated == facts.manipulated
        assert task.base_rotation == pytest.approx(facts.base_rotation, abs=1e-9)
        for variation, phrasings in facts.instructions.items():
            assert task.instructions(variation) == phrasings
        for variation in range(task.variation_count):
            assert len(task.instructions(variation)) == len(next(iter(facts.instructions.values())))

    def test_cameras_see_no_colliding_helper_and_nothing_seen_collides(self, scene: Loaded) -> None:
        model = scene.model
        for geom in range(model.ngeom):
            solid = bool(model.geom_contype[geom] or model.geom_conaffinity[geom])
            assert solid == (int(model.geom_group[geom]) == 3), model.geom(geom).name
        assert set(model.site_group.tolist()) == {4}

    def test_triangles_stay_within_the_budget(self, scene: Loaded) -> None:
        model = scene.model
        meshes = [int(model.geom_dataid[g]) for g in range(model.ngeom) if model.geom_group[g] == 2 and model.geom_dataid[g] >= 0]
        assert sum(int(model.mesh_facenum[mesh]) for mesh in meshes) <= 20_000

    def test_nothing_overlaps_in_the_stored_layout_and_everything_settles(self, scene: Loaded) -> None:
        model, data = _on_table(scene.task.name)
        assert not [c for c in data.contact if c.dist < -1e-3]
        for _ in range(250):
            mujoco.mj_step(model, data)
        settled = data.xpos.copy()
        for _ in range(250):
            mujoco.mj_step(model, data)
        assert np.abs(data.xpos - settled).max() < 1e-4
        for name, position in scene.facts.bodies.items():
            assert data.body(name).xpos == pytest.approx(position, abs=6e-3), name


def test_the_visible_block_and_pillars_have_the_size_of_what_collides() -> None:
    for name, bodies in {"slide_block_to_target": ("block",), "insert_onto_square_peg": ("square_base", "pillar0")}.items():
        model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get(name)))
        for body in bodies:
            low, high = _mesh_extent(model, f"{body}_visual")
            assert (high - low) / 2 == pytest.approx(model.geom(f"{body}_collision").size, abs=1e-5), body


def test_the_visible_target_covers_the_footprint_of_the_volume_and_lies_on_the_table() -> None:
    model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get("slide_block_to_target")))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    sheet = model.geom("target_visual")
    assert 2 * sheet.size[:2] == pytest.approx((0.1, 0.1), abs=1e-6)
    assert data.geom("target_visual").xpos[:2] == pytest.approx((0.025, 0.150), abs=1e-6)
    assert TABLE_TOP < data.geom("target_visual").xpos[2] + sheet.size[2] <= 0.001


def _mesh_extent(model: mujoco.MjModel, geom: str, rotation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates (3,) of a mesh geom's vertices in its body's frame, or in one turned by ``rotation``."""
    vertices = _mesh_vertices(model, geom)
    if rotation is not None:
        vertices = vertices @ rotation
    return vertices.min(axis=0), vertices.max(axis=0)


def _mesh_vertices(model: mujoco.MjModel, geom: str) -> np.ndarray:
    number = model.geom(geom).id
    mesh = int(model.geom_dataid[number])
    start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    turned = np.empty(9)
    mujoco.mju_quat2Mat(turned, model.geom_quat[number])
    return np.asarray(model.mesh_vert[start : start + count] @ turned.reshape(3, 3).T + model.geom_pos[number])


def _extent_of_body(model: mujoco.MjModel, body: str) -> np.ndarray:
    """Full extents (3,) [m] of the box geoms of a body along its axes."""
    number = model.body(body).id
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for geom in range(model.ngeom):
        if int(model.geom_bodyid[geom]) == number and int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_BOX):
            turned = np.empty(9)
            mujoco.mju_quat2Mat(turned, model.geom_quat[geom])
            half = np.abs(turned.reshape(3, 3)) @ model.geom_size[geom]
            low, high = np.minimum(low, model.geom_pos[geom] - half), np.maximum(high, model.geom_pos[geom] + half)
    return np.asarray(high - low)


def test_compound_objects_fill_their_recorded_boxes() -> None:
    box = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get("close_box")))
    # The box's own x axis points up.
    assert _extent_of_body(box, "box_base") == pytest.approx((0.1506, 0.26, 0.36), abs=5e-4)
    peg = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get("insert_onto_square_peg")))
    assert _extent_of_body(peg, "square_ring") == pytest.approx((0.05, 0.05, 0.01), abs=1e-6)


def test_the_lid_lies_on_the_box_at_its_lower_limit() -> None:
    model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get("close_box")))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    assert data.joint("box_joint").xanchor == pytest.approx((-0.025, -0.023, 0.149), abs=POSITION_TOLERANCE)
    assert data.joint("box_joint").xaxis == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    assert data.body("box_lid").xpos == pytest.approx((-0.025, 0.103, 0.187), abs=POSITION_TOLERANCE)
    data.joint("box_joint").qpos[0] = -0.2531
    mujoco.mj_forward(model, data)
    up = data.body("box_lid").xmat.reshape(3, 3)[:, 2]
    assert math.acos(up[2]) < math.radians(1.0)


class TestBehaviour:
    def test_the_open_lid_stays_open(self) -> None:
        model, data = _on_table("close_box")
        for _ in range(1000):
            mujoco.mj_step(model, data)
        assert float(data.joint("box_joint").qpos[0]) == pytest.approx(2.3649, abs=2e-3)

    def test_the_lid_falls_shut_from_past_the_vertical_and_counts_as_closed(self) -> None:
        model, data = _on_table("close_box")
        lid = data.joint("box_joint")
        lid.qpos[0] = 0.9
        speeds = []
        for _ in range(1000):
            mujoco.mj_step(model, data)
            speeds.append(abs(float(lid.qvel[0])))
        assert 2.3649 - float(lid.qpos[0]) > 2.6
        assert max(speeds) < 4.5

    @pytest.mark.parametrize("pillar", ["pillar0", "pillar1", "pillar2"])
    def test_a_ring_let_go_above_a_pillar_slides_down_to_the_base(self, pillar: str) -> None:
        model, data = _on_table("insert_onto_square_peg")
        ring = data.joint("square_ring")
        ring.qpos[:3] = data.body(pillar).xpos + np.array([0.001, -0.0012, 0.05])
        ring.qpos[3:] = [math.cos(0.02), 0.0, 0.0, math.sin(0.02)]
        for _ in range(500):
            mujoco.mj_step(model, data)
        assert ring.qpos[:3] == pytest.approx(data.body(pillar).xpos + np.array([0.0, 0.0, -0.055]), abs=3e-3)

    @pytest.mark.parametrize(("dx", "dy", "yaw"), [(0.0, 0.0, 0.0), (0.003, -0.002, 0.7), (-0.002, 0.003, -2.0)])
    def test_cups_let_go_above_each_other_nest_within_the_success_volume(self, dx: float, dy: float, yaw: float) -> None:
        model, data = _on_table("stack_cups")
        axis = np.array([-0.0075, -0.003, 0.0])
        turn = np.array([[math.cos(yaw), -math.sin(yaw), 0.0], [math.sin(yaw), math.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
        for cup in ("cup1", "cup3"):
            joint = data.joint(cup)
            joint.qpos[:3] = data.joint("cup2").qpos[:3] + axis - turn @ axis + [dx, dy, 0.097]
            joint.qpos[3:] = [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]
            joint.qvel[:] = 0.0
            for _ in range(600):
                mujoco.mj_step(model, data)
        volume = data.site("success")
        for rank, cup in enumerate(("cup1", "cup3"), start=1):
            body = data.body(cup)
            assert math.degrees(math.acos(min(1.0, body.xmat[8]))) < 2.0
            rise = body.xpos[2] - data.body("cup2").xpos[2]
            assert rise == pytest.approx(0.019 * rank, abs=2e-3)
            foot = data.geom(f"{cup}_foot").xpos
            assert np.linalg.norm(foot[:2] - volume.xpos[:2]) < 0.02
            assert abs(foot[2] - volume.xpos[2]) < 0.05
        assert np.abs(data.qvel).max() < 0.01

    def test_a_block_pushed_at_half_its_height_slides_without_tipping(self) -> None:
        model, data = _on_table("slide_block_to_target")
        block = data.body("block")
        for _ in range(100):
            mujoco.mj_step(model, data)
        start = float(block.xpos[1])
        weight = float(model.body("block").mass[0]) * 9.81
        # Twice what friction can hold back, at the middle of the block.
        block.xfrc_applied[1] = 2 * 0.6 * weight
        for _ in range(100):
            mujoco.mj_step(model, data)
        assert float(block.xpos[1]) > start + 0.02
        assert block.xmat[8] > math.cos(math.radians(1.0))


class Editor:
    """A `SceneEditor` over plain dictionaries, enough to see what a task asks for."""

    def __init__(self, poses: dict[str, np.ndarray]) -> None:
        self.poses = poses
        self.colors: dict[str, tuple[float, ...]] = {}
        self.samples: list[tuple[str, str, tuple[float, float], float]] = []

    def pose(self, body: str) -> np.ndarray:
        return self.poses[body].copy()

    def set_pose(self, body: str, pose_base: Any) -> None:
        self.poses[body] = np.array(pose_base, dtype=float)

    def set_color(self, name: str, rgb: Any) -> None:
        self.colors[name] = tuple(float(v) for v in rgb)

    def sample(
        self,
        body: str,
        area: str,
        rng: np.random.Generator,
        *,
        rotation: tuple[float, float] = (-np.pi, np.pi),
        min_distance: float = 0.01,
    ) -> None:
        self.samples.append((body, area, rotation, min_distance))


def _editor(task: str) -> Editor:
    return Editor({name: np.array([*position, 0.0, 0.0, 0.0, 1.0]) for name, position in TABLE[task].bodies.items()})


def test_the_target_pillar_is_any_of_the_three_whatever_the_variation() -> None:
    task = TASKS.get("insert_onto_square_peg")
    chosen = []
    for seed in range(60):
        places = []
        for variation in (0, 7):
            scene = _editor(task.name)
            task.arrange(scene, variation, np.random.default_rng(seed))
            places.append(tuple(scene.poses["success_centre"]))
            assert scene.samples == [("square_ring", "boundary0", (-3.14, 3.14), 0.01)]
        assert places[0] == places[1]
        assert places[0][1:] == (-0.075, 0.0, 0.0, 0.0, 0.0, 1.0)
        chosen.append(places[0][0])
    counts = [chosen.count(x) for x in (-0.125, 0.0, 0.125)]
    assert sum(counts) == 60
    assert min(counts) >= 8


@pytest.mark.parametrize("variation", range(20))
def test_the_target_pillar_has_the_named_colour_and_the_others_two_different_ones(variation: int) -> None:
    task = TASKS.get("insert_onto_square_peg")
    for seed in range(10):
        scene = _editor(task.name)
        task.arrange(scene, variation, np.random.default_rng(seed))
        task.paint(scene, variation, np.random.default_rng(seed + 100))
        x = scene.poses["success_centre"][0]
        target = {-0.125: "pillar0", 0.0: "pillar1", 0.125: "pillar2"}[x]
        assert scene.colors[target] == COLORS[variation][1]
        assert set(scene.colors) == {"pillar0", "pillar1", "pillar2"}
        assert len(set(scene.colors.values())) == 3


def test_cups_are_dealt_to_the_three_slots_in_all_orders() -> None:
    task = TASKS.get("stack_cups")
    slots = sorted(position[1] for position in TABLE[task.name].bodies.values())
    orders = set()
    for seed in range(60):
        scene = _editor(task.name)
        task.arrange(scene, 0, np.random.default_rng(seed))
        order = tuple(float(scene.poses[cup][1]) for cup in ("cup1", "cup2", "cup3"))
        assert sorted(order) == slots
        orders.add(order)
    assert len(orders) == 6


def test_the_base_cup_has_the_named_colour_and_the_others_any_other() -> None:
    task = TASKS.get("stack_cups")
    alike = 0
    for seed in range(200):
        scene = _editor(task.name)
        task.paint(scene, seed % 20, np.random.default_rng(seed))
        target = COLORS[seed % 20][1]
        assert scene.colors["cup2_visual"] == target
        assert target not in (scene.colors["cup1_visual"], scene.colors["cup3_visual"])
        alike += scene.colors["cup1_visual"] == scene.colors["cup3_visual"]
    # One in nineteen on average.
    assert 1 <= alike <= 30


needs_facts = pytest.mark.skipif(not FACTS.exists(), reason="the fact sheet ../shared/facts/tasks.yaml is not here")
needs_recordings = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings ../shared/parity are not here")


def _sheet_of(task: str) -> str:
    text = FACTS.read_text(encoding="utf-8")
    start = text.index(f"- name: {task}\n  goal:")
    end = text.find("\n- name: ", start)
    return text[start : end if end > 0 else None]


@needs_facts
def test_waypoints_equal_the_fact_sheet(scene: Loaded) -> None:
    sheet = _sheet_of(scene.task.name)
    assert int(re.findall(r"variation_count: (\d+)", sheet)[0]) == scene.task.variation_count
    part = sheet[sheet.index("  waypoints:\n") : sheet.index("  waypoints_executed:")]
    entries = re.split(r"\n  - n: ", part)[1:]
    seen = set()
    for entry in entries:
        number = int(entry.split("\n")[0])
        poses = re.findall(r"position: \[([^]]*)\]\s+tool_axis: \[([^]]*)\]\s+quat_xyzw: \[([^]]*)\]", entry)
        is_path = "kind: path" in entry
        for index, (position, axis, quat) in enumerate(poses):
            name = f"waypoint{number}/{index}" if is_path else f"waypoint{number}"
            seen.add(name)
            site = scene.data.site(name)
            assert site.xpos == pytest.approx([float(v) for v in position.split(",")], abs=POSITION_TOLERANCE), name
            assert _angle_between(_site_quat_xyzw(scene.data, site.id), [float(v) for v in quat.split(",")]) < ANGLE_TOLERANCE
            tool = np.array([float(v) for v in axis.split(",")])
            # The sheet's tool axes along a path are those of the path itself, up to 7 degrees from its control points' frames.
            if not is_path:
                assert site.xmat.reshape(3, 3)[:, 2] @ tool / np.linalg.norm(tool) > math.cos(ANGLE_TOLERANCE), name
        flags = _text(scene.model, f"waypoint{number}")
        assert ("ignore_collisions" in flags) == ("ignore_collisions: true" in entry)
        gripper = re.findall(r"gripper: (\w+)", entry)[0]
        assert ("open_gripper" in flags) == (gripper == "open")
        assert ("close_gripper" in flags) == (gripper == "close")
    assert seen == set(scene.facts.waypoints)


@needs_recordings
def test_objects_and_waypoints_equal_the_recorded_ones_relative_to_what_carries_them(scene: Loaded) -> None:
    with np.load(RECORDINGS / f"{scene.task.name}.npz", allow_pickle=False) as recording:
        meta = json.loads(bytes(recording["meta_json"]).decode())
        episode = meta["episodes"][0]
        poses = dict(zip(episode["object_names"], recording[f"{episode['key']}.object_poses"].astype(float), strict=True))
    compared = 0
    for name, pose in poses.items():
        if re.fullmatch(r"waypoint\d+", name) and f"{name}/0" in scene.facts.waypoints:
            continue
        site = mujoco.mj_name2id(scene.model, mujoco.mjtObj.mjOBJ_SITE.value, name)
        body = mujoco.mj_name2id(scene.model, mujoco.mjtObj.mjOBJ_BODY.value, name)
        if name.startswith("waypoint"):
            here_position, here_quat = scene.data.site_xpos[site], _site_quat_xyzw(scene.data, site)
            carrier = scene.model.body(scene.model.site_bodyid[site]).name
        elif body > 0 and name not in scene.facts.free and name not in (scene.task.name, "box_lid", "success_centre"):
            here_position, here_quat, carrier = scene.data.xpos[body], _body_quat_xyzw(scene.data, body), scene.task.name
        else:
            continue
        there = poses[carrier]
        # Cups are modelled in an upright frame, the original's is tilted; their relative places are compared in the task base.
        frame_here, frame_there = (
            ((scene.data.body(carrier).xpos, _body_quat_xyzw(scene.data, scene.model.body(carrier).id)), there)
            if scene.task.name != "stack_cups"
            else (
                (scene.data.body(carrier).xpos, np.array([0.0, 0.0, 0.0, 1.0])),
                np.concatenate([there[:3], poses["stack_cups"][3:]]),
            )
        )
        offset_here = _matrix(frame_here[1]).T @ (here_position - frame_here[0])
        offset_there = _matrix(frame_there[3:]).T @ (pose[:3] - frame_there[:3])
        assert offset_here == pytest.approx(offset_there, abs=1.5e-3), name
        turn_here = _matrix(frame_here[1]).T @ _matrix(here_quat)
        turn_there = _matrix(frame_there[3:]).T @ _matrix(pose[3:])
        assert np.trace(turn_here.T @ turn_there) > 1 + 2 * math.cos(ANGLE_TOLERANCE), name
        compared += 1
    assert compared >= len({name.split("/")[0] for name in scene.facts.waypoints}) - 1


def _matrix(quat_xyzw: Any) -> np.ndarray:
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, np.asarray(quat_xyzw, dtype=float)[[3, 0, 1, 2]])
    return flat.reshape(3, 3)


@needs_recordings
def test_the_cup_fills_the_recorded_boxes_of_the_original_cup() -> None:
    model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get("stack_cups")))
    with np.load(RECORDINGS / "stack_cups.npz", allow_pickle=False) as recording:
        meta = json.loads(bytes(recording["meta_json"]).decode())
        episode = meta["episodes"][0]
        poses = dict(zip(episode["object_names"], recording[f"{episode['key']}.object_poses"].astype(float), strict=True))
    upright = _matrix(poses["stack_cups"][3:])
    origin = poses["cup1"][:3]
    vertices = origin + _mesh_vertices(model, "cup1_visual") @ upright.T
    seen = poses["cup1_visual"]
    local = (vertices - seen[:3]) @ _matrix(seen[3:])
    box = np.array(meta["objects"]["cup1_visual"]["bbox"]).reshape(3, 2)
    assert local.min(axis=0) == pytest.approx(box[:, 0], abs=2.5e-3)
    assert local.max(axis=0) == pytest.approx(box[:, 1], abs=2.5e-3)


@needs_recordings
def test_the_path_of_the_lid_passes_through_its_control_points() -> None:
    with np.load(RECORDINGS / "close_box.npz", allow_pickle=False) as recording:
        path = recording["path.waypoint2"].astype(float)
    model = mujoco.MjModel.from_xml_path(scene_xml(TASKS.get("close_box")))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    points = np.array([data.site(f"waypoint2/{i}").xpos for i in range(10)])
    assert path[0, :3] == pytest.approx(points[0], abs=POSITION_TOLERANCE)
    assert path[-1, :3] == pytest.approx(points[-1], abs=POSITION_TOLERANCE)
    for point in points:
        assert np.linalg.norm(path[:, :3] - point, axis=1).min() < 0.006
