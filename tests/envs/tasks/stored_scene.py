"""A task's scene file compiled alone, in its stored layout, and what tests measure in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

import hamster_bench  # noqa: F401  # registers the environments
from hamster_bench.agent import EpisodeContext, make_agent
from hamster_bench.envs.task import Task
from hamster_bench.envs.tasks import TASKS, scene_xml
from hamster_bench.errors import AgentStopped
from hamster_bench.scenario import Scenario

RECORDINGS = Path(__file__).resolve().parents[3].parent / "shared" / "parity" / "rlbench_demos"
needs_recordings = pytest.mark.skipif(not RECORDINGS.exists(), reason="the original's recordings are not at hand")

TABLE_TOP = -0.002
POSITION_TOLERANCE = 1e-3
ANGLE_TOLERANCE = math.radians(1.0)


@dataclass(frozen=True)
class StoredScene:
    """A compiled scene file in its stored layout; all poses are in the task base frame."""

    task: Task
    model: mujoco.MjModel
    data: mujoco.MjData

    def text(self, name: str) -> str:
        """A custom text of the file, or nothing."""
        number = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_TEXT.value, name)
        if number < 0:
            return ""
        start = int(self.model.text_adr[number])
        return bytes(self.model.text_data[start : start + int(self.model.text_size[number])]).rstrip(b"\0").decode()

    def site_quat_xyzw(self, name: str) -> np.ndarray:
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self.data.site(name).xmat)
        return quat[[1, 2, 3, 0]]

    def vertices(self, geom: str) -> np.ndarray:
        """Vertices (n, 3) of a mesh geom."""
        number = self.model.geom(geom).id
        mesh = int(self.model.geom_dataid[number])
        start, count = int(self.model.mesh_vertadr[mesh]), int(self.model.mesh_vertnum[mesh])
        in_geom = self.model.mesh_vert[start : start + count]
        return np.asarray(in_geom @ self.data.geom_xmat[number].reshape(3, 3).T + self.data.geom_xpos[number])

    def solid_extent(self, body: str) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest coordinates (3,) of a body's own colliding geoms, in the body's frame."""
        number = self.model.body(body).id
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for geom in range(self.model.ngeom):
            if int(self.model.geom_bodyid[geom]) == number and self.model.geom_contype[geom]:
                turned = np.empty(9)
                mujoco.mju_quat2Mat(turned, self.model.geom_quat[geom])
                aabb = self.model.geom_aabb[geom]
                centre = turned.reshape(3, 3) @ aabb[:3] + self.model.geom_pos[geom]
                half = np.abs(turned.reshape(3, 3)) @ aabb[3:]
                low, high = np.minimum(low, centre - half), np.maximum(high, centre + half)
        return low, high

    def check_waypoints(self, table: Mapping[str, tuple[str, tuple[float, ...], tuple[float, ...], str]]) -> None:
        """Compares all waypoints with a table of carrier, position, orientation and flags."""
        names = {self.model.site(i).name for i in range(self.model.nsite)}
        assert {name for name in names if name.startswith("waypoint")} == set(table)
        for name, (body, position, quat_xyzw, flags) in table.items():
            site = self.data.site(name)
            assert self.model.body(int(self.model.site_bodyid[site.id])).name == body, name
            assert site.xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name
            cosine = abs(self.site_quat_xyzw(name) @ np.array(quat_xyzw)) / np.linalg.norm(quat_xyzw)
            assert 2 * math.acos(min(1.0, cosine)) < ANGLE_TOLERANCE, name
            assert self.text(name) == flags, name

    def check_what_cameras_see(self) -> None:
        """Nothing seen collides, nothing that collides is seen, and there are few triangles."""
        model = self.model
        for geom in range(model.ngeom):
            solid = bool(model.geom_contype[geom] or model.geom_conaffinity[geom])
            assert int(model.geom_group[geom]) == (3 if solid else 2), model.geom(geom).name
        assert set(model.site_group.tolist()) == {4}
        meshes = [int(model.geom_dataid[g]) for g in range(model.ngeom) if model.geom_dataid[g] >= 0]
        assert sum(int(model.mesh_facenum[mesh]) for mesh in meshes) <= 10_000


def stored_scene(name: str) -> StoredScene:
    """The scene file of a task, compiled alone."""
    task = TASKS.get(name)
    model = mujoco.MjModel.from_xml_path(scene_xml(task))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return StoredScene(task, model, data)


def episode(env: Any, variation: int, number: int = 0) -> Scenario:
    """Starts an episode without any factor."""
    scenario = Scenario(task=env.unwrapped.task.name, variation=variation, episode=number)
    _, info = env.reset(options={"scenario": scenario})
    assert not info["is_success"]
    return scenario


def solve(env: Any, scenario: Scenario) -> bool:
    """Lets the expert act in an episode that was just started; whether it succeeded."""
    agent: Any = make_agent("expert")
    agent.reset(EpisodeContext(scenario=scenario, instruction="", rng=scenario.rng("agent"), oracle=env.unwrapped.oracle))
    observation = env.unwrapped.simulation.proprioception()
    while True:
        try:
            observation, _, terminated, _, info = env.step(agent.act(observation))
        except AgentStopped:
            return False
        if terminated:
            return bool(info["is_success"])


def idle(env: Any, steps: int) -> None:
    """Holds the arm still, the gripper as it was commanded last."""
    simulation = env.unwrapped.simulation
    for _ in range(steps):
        env.step(np.append(simulation.controller.joints, simulation.controller.opening))


def pose_in_base(env: Any, body: str) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) and rotation matrix (3, 3) of a body in the task base frame now."""
    simulation = env.unwrapped.simulation
    data, base = simulation.data, simulation.scene.base
    turn = data.xmat[base].reshape(3, 3)
    number = simulation.scene.body(body)
    return turn.T @ (data.xpos[number] - data.xpos[base]), turn.T @ data.xmat[number].reshape(3, 3)


@contextmanager
def moved(env: Any, body: str, position_base: Any) -> Iterator[Any]:
    """The simulation with a free body put at a place in the task base frame, its orientation kept, for as long as the block lasts."""
    simulation = env.unwrapped.simulation
    data, base = simulation.data, simulation.scene.base
    address = simulation.scene.free[body].qpos
    before = data.qpos.copy()
    data.qpos[address : address + 3] = data.xpos[base] + data.xmat[base].reshape(3, 3) @ np.asarray(position_base, dtype=float)
    mujoco.mj_kinematics(simulation.scene.model, data)
    yield simulation
    data.qpos[:] = before
    mujoco.mj_kinematics(simulation.scene.model, data)
