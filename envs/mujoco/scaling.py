"""Scaling bodies of a compiled model in place, with all that hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.edits import ModelEdits
from hamster_bench.envs.mujoco.grasping import nearest_graspable
from hamster_bench.envs.mujoco.scene import Scene, WaypointSites, site_pose
from hamster_bench.envs.targets import SizeTargets
from hamster_bench.geometry import matrix_from_quat_xyzw, pose_compose, pose_inverse

FloatArray = NDArray[np.float64]

_HINGE, _SLIDE = int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)


@dataclass(frozen=True)
class _Carry:
    """A step of the solution at which the gripper holds a body.

    Attributes:
        sites: ids of the waypoint's sites.
        held: id of the body held.
        grasp_site: id of the site at which the body was taken.
        targets_world: (k, 7) world poses the held body is to reach, before anything is scaled.
    """

    sites: tuple[int, ...]
    held: int
    grasp_site: int
    targets_world: FloatArray


def scale_bodies(
    scene: Scene,
    data: mujoco.MjData,
    edits: ModelEdits,
    targets: SizeTargets,
    scales: Mapping[str, float],
    solution: Sequence[tuple[WaypointSites, int | None]],
) -> dict[str, FloatArray]:
    """Scales bodies, and carries waypoints along so that the scripted solution still does the same to the scaled objects.

    Sizes, offsets, joints, waypoints and volumes on a body grow in proportion, masses with the third and inertias with the fifth power,
    as at constant density; friction and damping of hinges by the powers that keep the motion similar under gravity. A waypoint at
    which an object is held, and which does not hang on that object, moves so that the object, gripped at its scaled grasp, comes to
    where it would have come: its origin, or its working point.

    Args:
        scene: the scene; its model is changed in place.
        data: its state; free bodies move so that they keep standing on what they stand on. Poses must be up to date, and are afterwards.
        edits: takes the changes back later.
        targets: what to scale, and how.
        scales: the scale of every object, by name.
        solution: the scripted solution for this episode.

    Returns:
        The shift (3,) [m], world frame, of the origin of every scaled object.
    """
    model = scene.model
    carries = _carries(scene, data, solution)
    lines = {name: (np.array(point), np.array(direction)) for name, point, direction in targets.leaning}
    pivots = {name: _standing_point(scene, data, name, lines.get(name)) for name in targets.objects}
    level = {scene.sites(name): _heights(data, scene.sites(name)) for name in targets.level_waypoints}
    if targets.together:
        pivots = dict.fromkeys(targets.objects, pivots[targets.objects[0]])
    scaled = {scene.body(name): (scales[name], pivots[name]) for name in targets.objects}
    for name in targets.along:
        body = scene.body(name)
        gaps = {other: float(np.linalg.norm((data.xpos[scene.body(other)] - data.xpos[body])[:2])) for other in targets.objects}
        nearest = min(gaps, key=gaps.__getitem__)
        scaled[body] = (scales[nearest], pivots[nearest])

    inside = {body: set(_subtree(model, body)) for body in scaled}
    meshes: dict[int, float] = {}
    shifts = {}
    for body, (factor, pivot) in scaled.items():
        shift = (factor - 1.0) * (data.xpos[body] - pivot)
        shifts[model.body(body).name] = shift
        _move(scene, data, edits, body, shift)
        meshes |= _scale_subtree(scene, data, edits, body, inside[body], factor)
    for mesh, factor in meshes.items():
        edits.scale_mesh(mesh, factor)
    edits.update_constants()
    mujoco.mj_kinematics(model, data)

    for sites, heights in level.items():
        _lift(model, data, edits, sites, heights)
    mujoco.mj_kinematics(model, data)

    points = {scene.body(name): np.array(point) for name, point in targets.working_points}
    for carry in carries:
        _carry_along(model, data, edits, carry, scaled, inside, points)
    mujoco.mj_kinematics(model, data)
    return shifts


def lowest_point(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> float:
    """Height [m] of the lowest point of a geom."""
    z_in_geom = data.geom_xmat[geom].reshape(3, 3)[2]
    centre = float(data.geom_xpos[geom, 2])
    kind, size = int(model.geom_type[geom]), model.geom_size[geom]
    if kind == int(mujoco.mjtGeom.mjGEOM_MESH):
        mesh = int(model.geom_dataid[geom])
        first = int(model.mesh_vertadr[mesh])
        return centre + float((model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])] @ z_in_geom).min())
    if kind == int(mujoco.mjtGeom.mjGEOM_BOX):
        return centre - float(np.abs(z_in_geom) @ size)
    if kind == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
        return centre - float(size[0] * np.hypot(z_in_geom[0], z_in_geom[1]) + size[1] * abs(z_in_geom[2]))
    if kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE):
        return centre - float(size[0] + size[1] * abs(z_in_geom[2]))
    return centre - float(model.geom_rbound[geom])


def _standing_point(scene: Scene, data: mujoco.MjData, name: str, line: tuple[FloatArray, FloatArray] | None) -> FloatArray:
    """World position (3,) at the height of a body's lowest colliding point: below its origin, or on a line (point, direction) of it."""
    body = scene.body(name)
    floor = min(lowest_point(scene.model, data, geom) for geom in scene.solid[name])
    point: FloatArray = data.xpos[body].copy()
    if line is None:
        point[2] = floor
        return point
    rotation = data.xmat[body].reshape(3, 3)
    start, direction = point + rotation @ line[0], rotation @ line[1]
    on_line: FloatArray = start + direction * ((floor - start[2]) / direction[2])
    return on_line


def _heights(data: mujoco.MjData, sites: tuple[int, ...]) -> FloatArray:
    heights: FloatArray = data.site_xpos[list(sites), 2].copy()
    return heights


def _lift(model: mujoco.MjModel, data: mujoco.MjData, edits: ModelEdits, sites: tuple[int, ...], heights: FloatArray) -> None:
    """Brings sites back to the heights they had in the world."""
    positions = edits.array("site_pos")
    for site, height in zip(sites, heights, strict=True):
        lift = np.array([0.0, 0.0, height - data.site_xpos[site, 2]])
        positions[site] += data.xmat[int(model.site_bodyid[site])].reshape(3, 3).T @ lift


def _subtree(model: mujoco.MjModel, body: int) -> list[int]:
    inside = [body]
    for child in range(body + 1, model.nbody):
        if int(model.body_parentid[child]) in inside:
            inside.append(child)
    return inside


def _move(scene: Scene, data: mujoco.MjData, edits: ModelEdits, body: int, shift_world: FloatArray) -> None:
    model = scene.model
    name = model.body(body).name
    if name in scene.free:
        address = scene.free[name].qpos
        data.qpos[address : address + 3] += shift_world
        return
    parent = int(model.body_parentid[body])
    edits.array("body_pos")[body] += data.xmat[parent].reshape(3, 3).T @ shift_world


def _scale_subtree(
    scene: Scene, data: mujoco.MjData, edits: ModelEdits, root: int, bodies: set[int], factor: float
) -> dict[int, float]:
    """Scales everything on a body and below it about the body's origin; gives the meshes that are still to be scaled."""
    model = scene.model
    numbers = sorted(bodies)
    below = [body for body in numbers if body != root]
    edits.array("body_pos")[below] *= factor
    edits.array("body_ipos")[numbers] *= factor
    edits.array("body_mass")[numbers] *= factor**3
    edits.array("body_inertia")[numbers] *= factor**5

    geoms = np.flatnonzero(np.isin(model.geom_bodyid, numbers))
    is_mesh = model.geom_type[geoms] == int(mujoco.mjtGeom.mjGEOM_MESH)
    meshes = {int(mesh): factor for mesh in model.geom_dataid[geoms[is_mesh]]}
    for name in ("geom_pos", "geom_size", "geom_rbound", "geom_aabb"):
        edits.array(name)[geoms] *= factor
    for body in numbers:
        first, count = int(model.body_bvhadr[body]), int(model.body_bvhnum[body])
        if first >= 0:
            edits.part("bvh_aabb", first, count)[:] *= factor

    sites = np.flatnonzero(np.isin(model.site_bodyid, numbers))
    for name in ("site_pos", "site_size"):
        edits.array(name)[sites] *= factor

    joints = np.flatnonzero(np.isin(model.jnt_bodyid, numbers))
    edits.array("jnt_pos")[joints] *= factor
    for joint in joints:
        kind, dof, address = int(model.jnt_type[joint]), int(model.jnt_dofadr[joint]), int(model.jnt_qposadr[joint])
        # Under gravity similar motions take a time that grows with the root of the size.
        if kind == _HINGE:
            force, damping, inertia = factor**4, factor**4.5, factor**5
        elif kind == _SLIDE:
            force, damping, inertia = factor**3, factor**2.5, factor**3
            edits.array("jnt_range")[joint] *= factor
            data.qpos[address] *= factor
        else:
            continue
        edits.array("dof_frictionloss")[dof] *= force
        edits.array("dof_damping")[dof] *= damping
        edits.array("dof_armature")[dof] *= inertia
    return meshes


def _carries(scene: Scene, data: mujoco.MjData, solution: Sequence[tuple[WaypointSites, int | None]]) -> list[_Carry]:
    """Steps between taking and releasing an object whose waypoints hang neither on the object nor on a body laid out for the episode."""
    model = scene.model
    carries: list[_Carry] = []
    held: int | None = None
    grasp_site = -1
    for waypoint, frame in solution:
        if held is not None and frame is None and int(model.site_bodyid[waypoint.sites[0]]) not in _subtree(model, held):
            T_world_held = _body_pose(data, held)
            T_held_tip = pose_compose(pose_inverse(T_world_held), site_pose(data, grasp_site))
            targets = [pose_compose(site_pose(data, site), pose_inverse(T_held_tip)) for site in waypoint.sites]
            carries.append(_Carry(waypoint.sites, held, grasp_site, np.array(targets)))
        if waypoint.gripper is not None and waypoint.gripper > 0.5:
            held = None
        elif waypoint.gripper is not None and frame is None:
            name, grasp_site = nearest_graspable(scene, data, waypoint.sites[-1]), waypoint.sites[-1]
            held = None if name is None else scene.body(name)
    return carries


def _carry_along(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    edits: ModelEdits,
    carry: _Carry,
    scaled: Mapping[int, tuple[float, FloatArray]],
    inside: Mapping[int, set[int]],
    points: Mapping[int, FloatArray],
) -> None:
    carrier = int(model.site_bodyid[carry.sites[0]])
    receiver = next((body for body, bodies in inside.items() if carrier in bodies), None)
    if receiver is None and carry.held not in scaled:
        return
    T_held_tip = pose_compose(pose_inverse(_body_pose(data, carry.held)), site_pose(data, carry.grasp_site))
    factor = scaled[carry.held][0] if carry.held in scaled else 1.0
    T_carrier_world = pose_inverse(_body_pose(data, carrier))
    positions, quats = edits.array("site_pos"), edits.array("site_quat")
    for site, stored in zip(carry.sites, carry.targets_world, strict=True):
        target = stored.copy()
        if receiver is not None:
            receiver_factor, pivot = scaled[receiver]
            target[:3] = pivot + receiver_factor * (target[:3] - pivot)
        if carry.held in points:
            target[:3] += (1.0 - factor) * matrix_from_quat_xyzw(target[3:]) @ points[carry.held]
        pose = pose_compose(T_carrier_world, pose_compose(target, T_held_tip))
        positions[site] = pose[:3]
        quats[site] = pose[[6, 3, 4, 5]]


def _body_pose(data: mujoco.MjData, body: int) -> FloatArray:
    w, x, y, z = data.xquat[body]
    return np.array([*data.xpos[body], x, y, z, w])
