"""Distractors on the table: they touch nothing, keep out of the way, and are the objects that they are made of."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray

import hamster_bench  # noqa: F401
from hamster_bench.agent import EpisodeContext
from hamster_bench.baselines.scripted.expert import ExpertAgent
from hamster_bench.envs.factors.contract import DistractorPlacement
from hamster_bench.envs.factors.distractor_objects import make_object, object_names
from hamster_bench.envs.factors.distractor_objects.mjcf import add_to_spec
from hamster_bench.envs.mujoco.distractors import add_slots, fill_slots, find_slots, load_library
from hamster_bench.envs.mujoco.edits import ModelEdits
from hamster_bench.errors import AgentStopped
from hamster_bench.scenario import Scenario
from tests.envs.factors.cells import ALL_TASKS, Bench, Start

_TABLE = 0.750
# Of every family one, with boxes, cylinders, spheres and hulls among them.
_SOME = ("banana", "tennis_ball", "cereal_box", "mug", "fork", "toy_plane")


def geoms_of(model: mujoco.MjModel, bodies: Any) -> NDArray[np.intp]:
    """Geoms on bodies that are seen or collide."""
    shapes = (model.geom_group <= 2) | (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    return np.flatnonzero(shapes & np.isin(model.geom_bodyid, list(bodies)))


def distance(model: mujoco.MjModel, data: mujoco.MjData, one: NDArray[np.intp], other: NDArray[np.intp], reach: float) -> float:
    """Smallest distance [m] between two sets of geoms, up to a reach."""
    nearest = reach
    for a, b in itertools.product(one, other):
        apart = float(np.linalg.norm(data.geom_xpos[a] - data.geom_xpos[b]) - model.geom_rbound[a] - model.geom_rbound[b])
        if apart < nearest:
            nearest = min(nearest, float(mujoco.mj_geomDistance(model, data, int(a), int(b), nearest, None)))
    return nearest


def shown_at(bench: Bench, start: Start, body: int) -> int:
    """The body that the front image shows where the underside of a body is."""
    camera = bench.env.camera("front")
    in_camera = np.linalg.inv(camera.T_world_camera) @ np.append(bench.data.xpos[body] + [0.0, 0.0, 0.02], 1.0)
    u, v = (camera.intrinsics @ in_camera[:3] / in_camera[2])[:2].astype(int)
    return int(start.bodies[v, u])


def check_places(bench: Bench, factor: str, episode: int) -> None:
    start = bench.reset(factor, episode)
    model, data, scene = bench.model, bench.data, bench.env.simulation.scene
    added = [slot.body for slot in scene.slots]
    assert len(start.draws["distractor"]["objects"]) == len(added)
    names = {body: model.body(body).name for body in range(1, model.nbody)}
    robot = [body for body, name in names.items() if name.startswith("panda_")]
    task = [body for body, name in names.items() if body not in {*robot, *added} and name != "distractor_probe"]
    room = {model.geom(name).bodyid[0] for name in ("Wall1", "diningTable_visible")}
    task = [body for body in task if body not in room]
    shapes = {body: geoms_of(model, [body]) for body in added}
    for body, geoms in shapes.items():
        assert distance(model, data, geoms, geoms_of(model, task), 0.02) > 0.002, (names[body], start.draws)
        assert distance(model, data, geoms, geoms_of(model, robot), 0.02) > 0.005
        assert bench.lowest([names[body]]) == pytest.approx(_TABLE, abs=1.5e-3)
        if factor == "distractor":
            # In company the camera may turn away from it.
            assert (start.bodies == body).any() or shown_at(bench, start, body) in added
    for one, other in itertools.combinations(added, 2):
        assert distance(model, data, shapes[one], shapes[other], 0.02) > 0.005
    before = data.xpos[added].copy()
    for _ in range(10):
        bench.env.simulation.controller.step(bench.env.simulation.controller.joints, 1.0)
    assert np.linalg.norm(data.xpos[added] - before, axis=1).max() < 2e-3


@pytest.mark.parametrize("task", ALL_TASKS)
def test_distractors_touch_nothing_and_stand_still(task: str) -> None:
    bench = Bench(task, episodes=())
    for episode in range(2):
        for factor in ("distractor", "rlb_and_col"):
            check_places(bench, factor, episode)
    bench.close()


@pytest.mark.slow
@pytest.mark.parametrize("task", ALL_TASKS)
def test_distractors_of_many_scenarios_touch_nothing_and_stand_still(task: str) -> None:
    bench = Bench(task, episodes=())
    for episode in range(2, 22):
        for factor in ("distractor", "rlb_and_col"):
            check_places(bench, factor, episode)
    bench.close()


@pytest.mark.slow
@pytest.mark.parametrize("factor", ["distractor", "rlb_and_col"])
@pytest.mark.parametrize("task", ALL_TASKS)
def test_the_scripted_solution_pushes_no_distractor(task: str, factor: str) -> None:
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0", cameras=(), action_mode="joint_position")
    inner = env.unwrapped
    agent = ExpertAgent()
    pushed: dict[str, float] = {}
    for episode in range(3):
        scenario = Scenario(task=task, factor=factor, episode=episode)
        observation, info = env.reset(options={"scenario": scenario})
        added = [slot.body for slot in inner.simulation.scene.slots]
        start = inner.simulation.data.xpos[added].copy()
        agent.reset(
            EpisodeContext(scenario=scenario, instruction=info["instruction"], rng=scenario.rng("agent"), oracle=inner.oracle)
        )
        furthest = 0.0
        for _ in range(1500):
            try:
                observation, _, terminated, _, info = env.step(agent.act(observation))
            except AgentStopped:
                break
            moved = np.linalg.norm(inner.simulation.data.xpos[added] - start, axis=1)
            furthest = max(furthest, float(moved.max()))
            if terminated:
                break
        pushed[scenario.id] = round(furthest, 4)
    env.close()
    assert max(pushed.values()) < 0.01, pushed


def world() -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.worldbody.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1.0, 1.0, 0.1])
    return spec


class Slotted:
    """A bare table with one slot."""

    def __init__(self) -> None:
        self.library = load_library(None)
        spec = world()
        names = add_slots(spec, self.library, 1)
        self.model = spec.compile()
        (self.slot,) = find_slots(self.model, names)
        self.data = mujoco.MjData(self.model)
        self.edits = ModelEdits(self.model)

    def fill(self, kind: str, scale: float, pose: Any) -> None:
        self.edits.restore()
        mujoco.mj_resetData(self.model, self.data)
        placement = DistractorPlacement(kind, scale, tuple(pose))
        fill_slots(self.model, self.data, self.edits, self.library, [(self.slot, placement, np.array(pose))])
        self.edits.update_constants()
        mujoco.mj_forward(self.model, self.data)

    def step(self, seconds: float) -> Any:
        for _ in range(round(seconds / 0.002)):
            mujoco.mj_step(self.model, self.data)
        return self.data.qpos[self.slot.qpos : self.slot.qpos + 7]


@pytest.fixture(scope="module")
def slotted() -> Slotted:
    return Slotted()


def compiled(kind: str, scale: float) -> mujoco.MjModel:
    spec = world()
    add_to_spec(spec, make_object(kind, scale), "thing")
    return spec.compile()


def check_slot(slotted: Slotted, kind: str, scale: float) -> None:
    slotted.fill(kind, scale, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    ours, theirs = slotted.model, compiled(kind, scale)
    body, other = slotted.slot.body, theirs.body("thing").id
    for name in ("body_mass", "body_inertia", "body_ipos", "body_invweight0", "body_subtreemass", "body_gravcomp"):
        assert getattr(ours, name)[body] == pytest.approx(getattr(theirs, name)[other], rel=1e-5, abs=1e-8), name
    count = int(theirs.body_geomnum[other])
    mine, first = slotted.slot.geoms, int(theirs.body_geomadr[other])
    for number in range(count):
        a, b = int(mine[number]), first + number
        exact = (
            "geom_type",
            "geom_contype",
            "geom_conaffinity",
            "geom_condim",
            "geom_group",
            "geom_rgba",
            "geom_friction",
            "geom_solref",
        )
        for name in exact:
            assert np.array_equal(getattr(ours, name)[a], getattr(theirs, name)[b]), name
        assert ours.geom_rbound[a] == pytest.approx(theirs.geom_rbound[b], rel=1e-2)
        meshes = int(ours.geom_dataid[a]), int(theirs.geom_dataid[b])
        assert (meshes[0] < 0) == (meshes[1] < 0)
        if meshes[0] >= 0:
            # In the body's frame: that of a mesh as long as wide may be turned.
            assert vertices(ours, meshes[0], a) == pytest.approx(vertices(theirs, meshes[1], b), abs=2e-6)
            continue
        for name in ("geom_size", "geom_pos", "geom_aabb"):
            assert getattr(ours, name)[a] == pytest.approx(getattr(theirs, name)[b], rel=1e-4, abs=1e-6), name
        assert abs(float(ours.geom_quat[a] @ theirs.geom_quat[b])) == pytest.approx(1.0, abs=1e-5)
    assert not ((ours.geom_contype[mine[count:]] != 0) | (ours.geom_group[mine[count:]] <= 2)).any()

    # Standing, and let fall from a tilt, both do the same.
    assert np.linalg.norm(slotted.step(0.5)[:3]) < 2e-3
    tilted = [0.0, 0.0, 0.05, 0.12, 0.09, 0.0, 0.0]
    tilted[6] = float(np.sqrt(1.0 - np.dot(tilted[3:6], tilted[3:6])))
    slotted.fill(kind, scale, tilted)
    fallen = slotted.step(0.12).copy()
    data = mujoco.MjData(theirs)
    data.qpos[:] = np.array(tilted)[[0, 1, 2, 6, 3, 4, 5]]
    for _ in range(60):
        mujoco.mj_step(theirs, data)
    assert fallen[:3] == pytest.approx(data.qpos[:3], abs=5e-4)
    # It has met the table, and stays on it.
    resting = slotted.step(0.6)
    assert -2e-3 < resting[2] < 0.12
    assert slotted.data.ncon > 0


def vertices(model: mujoco.MjModel, mesh: int, geom: int) -> Any:
    """Vertices (n, 3) [m] of a mesh in the frame of the body that the geom is on."""
    first = int(model.mesh_vertadr[mesh])
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    in_mesh = model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])].astype(np.float64)
    return in_mesh @ rotation.reshape(3, 3).T + model.geom_pos[geom]


@pytest.mark.parametrize("scale", [0.8, 1.2])
@pytest.mark.parametrize("kind", [name for name in _SOME if name in object_names()])
def test_a_slot_is_the_object_compiled_into_the_scene(slotted: Slotted, kind: str, scale: float) -> None:
    check_slot(slotted, kind, scale)


@pytest.mark.slow
@pytest.mark.parametrize("kind", object_names())
def test_a_slot_can_be_every_object(slotted: Slotted, kind: str) -> None:
    for scale in (0.8, 1.0, 1.2):
        check_slot(slotted, kind, scale)


def test_a_slot_forgets_what_it_was(slotted: Slotted) -> None:
    ground = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    slotted.fill("fork", 1.2, ground)
    first = {
        name: getattr(slotted.model, name).copy() for name in ("geom_size", "geom_dataid", "body_mass", "mesh_vert", "bvh_aabb")
    }
    slotted.fill("cereal_box", 0.8, ground)
    slotted.fill("fork", 1.2, ground)
    for name, values in first.items():
        assert np.array_equal(getattr(slotted.model, name), values), name
