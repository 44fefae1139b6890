"""Distractor objects in a MuJoCo scene."""

from __future__ import annotations

import mujoco
import numpy as np

from hamster_bench.envs.factors.distractor_objects.model import Box, Cylinder, DistractorObject, Hull

VISUAL_GROUP = 2
COLLISION_GROUP = 3

# Sliding, torsional [m] and rolling [m] friction; the last brings a ball that was pushed to rest within a hand's breadth or so.
_FRICTION = [0.6, 0.005, 0.001]
# Stiff contacts, as the tasks' own objects have: time constant [s] and damping ratio.
_SOLREF = [0.004, 1.0]


def add_meshes(spec: mujoco.MjSpec, obj: DistractorObject, body_name: str) -> None:
    """Adds the meshes of an object to a scene, as `add_to_spec` does, without the object.

    Args:
        spec: the scene, not compiled yet.
        obj: the object.
        body_name: first part of the meshes' names.
    """
    for i, part in enumerate(obj.parts):
        spec.add_mesh(
            name=_part_name(body_name, i),
            uservert=part.vertices.ravel(),
            usernormal=part.normals.ravel(),
            userface=part.faces.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
    for i, shape in enumerate(obj.collision):
        if isinstance(shape, Hull):
            # Exactly the inertia of the convex hull, since these points have no faces of their own.
            spec.add_mesh(
                name=_collision_name(body_name, i),
                uservert=shape.vertices.ravel(),
                inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX,
            )


def add_to_spec(spec: mujoco.MjSpec, obj: DistractorObject, body_name: str) -> None:
    """Adds an object to a scene that is not compiled yet, as a body that moves freely.

    The body and its free joint are called ``body_name``; its frame is the object frame, so z = 0 of the body is the height of the table.
    Meshes and geoms are called ``<body_name>/part<i>`` and ``<body_name>/collision<i>``. What is seen is in geom group 2 and collides
    with nothing, what collides is in group 3.

    Args:
        spec: the scene.
        obj: the object.
        body_name: a name that the scene does not have yet.

    Raises:
        ValueError: MuJoCo has an element of that name already (also when the scene is compiled).
    """
    add_meshes(spec, obj, body_name)
    body = spec.worldbody.add_body(name=body_name)
    body.add_freejoint(name=body_name)
    for i, part in enumerate(obj.parts):
        body.add_geom(
            name=_part_name(body_name, i),
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=_part_name(body_name, i),
            rgba=[*part.rgb, 1.0],
            contype=0,
            conaffinity=0,
            group=VISUAL_GROUP,
            mass=0.0,
        )
    total = sum(shape.volume for shape in obj.collision)
    for i, shape in enumerate(obj.collision):
        name = _collision_name(body_name, i)
        geom = body.add_geom(
            name=name,
            group=COLLISION_GROUP,
            mass=obj.mass * shape.volume / total,
            condim=6,
            friction=_FRICTION,
            solref=_SOLREF,
            rgba=[0.5, 0.5, 0.5, 1.0],
        )
        if isinstance(shape, Hull):
            geom.type, geom.meshname = mujoco.mjtGeom.mjGEOM_MESH, name
            continue
        geom.pos = shape.position
        if isinstance(shape, Box):
            geom.type, geom.size = mujoco.mjtGeom.mjGEOM_BOX, shape.half_size
        elif isinstance(shape, Cylinder):
            geom.type, geom.size = mujoco.mjtGeom.mjGEOM_CYLINDER, [shape.radius, shape.half_length, 0.0]
        else:
            geom.type, geom.size = mujoco.mjtGeom.mjGEOM_SPHERE, [shape.radius, 0.0, 0.0]
            continue
        quat_wxyz = np.empty(4)
        mujoco.mju_mat2Quat(quat_wxyz, shape.R_object_shape.ravel())
        geom.quat = quat_wxyz


def _part_name(body_name: str, number: int) -> str:
    return f"{body_name}/part{number}"


def _collision_name(body_name: str, number: int) -> str:
    return f"{body_name}/collision{number}"
