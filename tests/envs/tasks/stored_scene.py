"""A task's scene file compiled alone, in its stored layout, and how it compares with a table of the original's measures.

The tables stand in the test modules, one for each task, and are read off the original, never off this project's files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
import pytest

from hamster_bench.envs.task import Task
from hamster_bench.envs.tasks import TASKS, scene_xml

TABLE_TOP = -0.002
# Tables are in millimetres; a nanometre for the rounding of their decimals.
POSITION_TOLERANCE = 1e-3 + 1e-9
ANGLE_TOLERANCE = math.radians(1.0)

Numbers = tuple[float, ...]


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
        """Orientation (4,) of a site."""
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, self.data.site(name).xmat)
        return quat[[1, 2, 3, 0]]

    def free_bodies(self) -> set[str]:
        """Names of the bodies that move freely."""
        joints = np.flatnonzero(self.model.jnt_type == int(mujoco.mjtJoint.mjJNT_FREE))
        return {self.model.body(int(self.model.jnt_bodyid[joint])).name for joint in joints}

    def solid_geoms(self, body: str) -> list[int]:
        """Numbers of a body's own colliding geoms."""
        own = self.model.geom_bodyid == self.model.body(body).id
        return [int(geom) for geom in np.flatnonzero(own & (self.model.geom_contype != 0))]

    def corners(self, geom: int | str) -> np.ndarray:
        """Points (n, 3) that span a mesh or box geom, in the frame of its body."""
        number = self.model.geom(geom).id
        mesh = int(self.model.geom_dataid[number])
        if mesh >= 0:
            start, count = int(self.model.mesh_vertadr[mesh]), int(self.model.mesh_vertnum[mesh])
            in_geom = self.model.mesh_vert[start : start + count]
        else:
            signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
            in_geom = self.model.geom_aabb[number, :3] + signs * self.model.geom_aabb[number, 3:]
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, self.model.geom_quat[number])
        return np.asarray(in_geom @ turn.reshape(3, 3).T + self.model.geom_pos[number])

    def vertices(self, geom: str) -> np.ndarray:
        """Vertices (n, 3) of a mesh geom in the task base frame."""
        body = int(self.model.geom_bodyid[self.model.geom(geom).id])
        return np.asarray(self.corners(geom) @ self.data.xmat[body].reshape(3, 3).T + self.data.xpos[body])

    def solid_extent(self, body: str) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest coordinates (3,) of a body's own colliding geoms, in the body's frame."""
        points = np.concatenate([self.corners(geom) for geom in self.solid_geoms(body)])
        return points.min(axis=0), points.max(axis=0)

    def check_bodies(self, table: Mapping[str, Numbers]) -> None:
        """Compares positions of bodies."""
        assert self.data.body(self.task.name).xpos == pytest.approx(np.zeros(3), abs=1e-12)
        for name, position in table.items():
            assert self.data.body(name).xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name

    def check_masses(self, table: Mapping[str, float]) -> None:
        """Compares masses of bodies."""
        for name, mass in table.items():
            assert float(self.model.body(name).mass[0]) == pytest.approx(mass, rel=2e-3), name

    def check_boxes(self, table: Mapping[str, Numbers]) -> None:
        """Compares full extents of box geoms along their own axes."""
        for name, extents in table.items():
            assert int(self.model.geom(name).type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX), name
            assert 2 * self.model.geom(name).size == pytest.approx(extents, abs=1e-5), name

    def check_waypoints(self, table: Mapping[str, tuple[str, Numbers, Numbers, str]]) -> None:
        """Compares all waypoints with a table of carrier, position, orientation (xyzw) and flags."""
        names = {self.model.site(i).name for i in range(self.model.nsite)}
        assert {name for name in names if name.startswith("waypoint")} == set(table)
        for name, (body, position, quat_xyzw, flags) in table.items():
            site = self.data.site(name)
            assert self.model.body(int(self.model.site_bodyid[site.id])).name == body, name
            assert site.xpos == pytest.approx(position, abs=POSITION_TOLERANCE), name
            assert angle_between(self.site_quat_xyzw(name), quat_xyzw) < ANGLE_TOLERANCE, name
            assert self.text(name.split("/")[0]) == flags, name

    def check_volumes(self, table: Mapping[str, tuple[str, Numbers, Numbers]]) -> None:
        """Compares detection volumes, straight in the base, with a table of carrier, centre, and full extents or radius and length."""
        for name, (body, centre, size) in table.items():
            site = self.model.site(name)
            assert self.model.body(int(site.bodyid[0])).name == body, name
            assert self.data.site(name).xpos == pytest.approx(centre, abs=POSITION_TOLERANCE), name
            assert self.data.site(name).xmat == pytest.approx(np.eye(3).ravel(), abs=1e-6), name
            if len(size) == 3:
                assert int(site.type[0]) == int(mujoco.mjtGeom.mjGEOM_BOX), name
                assert 2 * site.size == pytest.approx(size, abs=1e-6), name
            else:
                assert int(site.type[0]) == int(mujoco.mjtGeom.mjGEOM_CYLINDER), name
                assert (site.size[0], 2 * site.size[1]) == pytest.approx(size, abs=1e-6), name

    def check_areas(self, table: Mapping[str, tuple[Numbers, Numbers]], placement_box: Numbers) -> None:
        """Compares sampling areas with a table of centres and full extents, and the box that placements keep on the table."""
        for name, (centre, extents) in table.items():
            assert self.data.site(name).xpos == pytest.approx(centre, abs=POSITION_TOLERANCE), name
            assert 2 * self.model.site(name).size[:2] == pytest.approx(extents, abs=1e-4), name
        assert self.model.numeric("placement_box").data == pytest.approx(placement_box, abs=POSITION_TOLERANCE)


def angle_between(a_xyzw: np.ndarray | Numbers, b_xyzw: np.ndarray | Numbers) -> float:
    """Angle [rad] between two orientations."""
    a, b = np.asarray(a_xyzw, dtype=float), np.asarray(b_xyzw, dtype=float)
    return 2.0 * math.acos(min(1.0, abs(float(a @ b)) / float(np.linalg.norm(a) * np.linalg.norm(b))))


def stored_scene(name: str) -> StoredScene:
    """The scene file of a task, compiled alone."""
    task = TASKS.get(name)
    model = mujoco.MjModel.from_xml_path(scene_xml(task))
    return StoredScene(task, model, _stored_layout(model))


def scene_on_table(name: str) -> StoredScene:
    """The scene file of a task on a table of its own, with the engine's contact options."""
    task = TASKS.get(name)
    spec = mujoco.MjSpec.from_file(scene_xml(task))
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=[1, 1, 0.1], pos=[0, 0, TABLE_TOP - 0.1], friction=[0.6, 0.005, 0.0001], condim=4
    )
    model = spec.compile()
    return StoredScene(task, model, _stored_layout(model))


def _stored_layout(model: mujoco.MjModel) -> mujoco.MjData:
    data = mujoco.MjData(model)
    for i in range(model.njnt):
        name = model.joint(i).name
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_NUMERIC.value, name) >= 0:
            data.qpos[model.jnt_qposadr[i]] = model.numeric(name).data[0]
    mujoco.mj_forward(model, data)
    return data
