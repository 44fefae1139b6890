"""A task's scene in words, for people to read."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.scene import GRASP_VOLUME, load_scene
from hamster_bench.envs.task import Task

_JOINT_KINDS = {
    int(mujoco.mjtJoint.mjJNT_FREE): "free",
    int(mujoco.mjtJoint.mjJNT_BALL): "ball",
    int(mujoco.mjtJoint.mjJNT_SLIDE): "slide",
    int(mujoco.mjtJoint.mjJNT_HINGE): "hinge",
}
_SHAPES = {int(mujoco.mjtGeom.mjGEOM_BOX): "box", int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder"}


@dataclass(frozen=True)
class SceneDescription:
    """A task's scene in words, row by row, for a data sheet.

    Attributes:
        bodies: name, kind, position, mass.
        joints: name, kind, range, stored value.
        volumes: name, shape, full size, centre.
        waypoints: name, body, position, tool axis, flags.
    """

    bodies: list[tuple[str, ...]]
    joints: list[tuple[str, ...]]
    volumes: list[tuple[str, ...]]
    waypoints: list[tuple[str, ...]]


def describe_scene(task: Task) -> SceneDescription:
    """What a task's scene holds, at its stored layout.

    Raises:
        SceneError: the scene file lacks something the task refers to, or does not compile.
    """
    scene = load_scene(task)
    model = scene.model
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    own = [b for b in range(1, model.nbody) if b != scene.base and not model.body(b).name.startswith("panda_")]
    bodies: list[tuple[str, ...]] = []
    joints: list[tuple[str, ...]] = []
    removable = set(task.removal.objects) if task.removal else set()
    for body in own:
        name = model.body(body).name
        if name in removable:
            continue
        first = int(model.body_jntadr[body])
        kind = "fixed" if first < 0 else _JOINT_KINDS[int(model.jnt_type[first])]
        mass = float(model.body_mass[body])
        bodies.append((f"`{name}`", kind, _vector(data.xpos[body]), f"{mass:.4g}" if first >= 0 else "-"))
        if kind in ("hinge", "slide"):
            joint = model.joint(first).name
            low, high = model.jnt_range[first]
            limits = f"{low:.4f} to {high:.4f}" if model.jnt_limited[first] else "no limits"
            joints.append((f"`{joint}`", kind, limits, f"{scene.stored_joints.get(joint, (0, 0.0))[1]:.4f}"))
    volumes: list[tuple[str, ...]] = []
    for name, geom in scene.volumes.items():
        if name != GRASP_VOLUME:
            shape = _SHAPES.get(int(model.geom_type[geom]), "mesh")
            size = model.geom_size[geom]
            full = (2 * size[0], 2 * size[0], 2 * size[1]) if shape == "cylinder" else 2 * size
            volumes.append((f"`{name}`", shape, _vector(full), _vector(data.geom_xpos[geom])))
    waypoints: list[tuple[str, ...]] = []
    for waypoint in scene.waypoints:
        site = waypoint.sites[0]
        carrier = model.body(int(model.site_bodyid[site])).name
        flags = [f"{len(waypoint.sites)} control points"] if waypoint.is_path else []
        flags += ["ignore_collisions"] if waypoint.ignore_collisions else []
        flags += [f"gripper to {waypoint.gripper:g}"] if waypoint.gripper is not None else []
        axis = data.site_xmat[site].reshape(3, 3)[:, 2]
        waypoints.append(
            (waypoint.name, f"`{carrier}`", _vector(data.site_xpos[site]), _vector(axis, 2), ", ".join(flags) or "-")
        )
    return SceneDescription(bodies, joints, volumes, waypoints)


def _vector(values: NDArray[np.float64] | tuple[float, ...], digits: int = 3) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return ", ".join(f"{round(float(value), digits) + 0.0:.{digits}f}" for value in values)
