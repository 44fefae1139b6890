"""Distractor objects in a scene: slots that can become any object of the pool without compiling the scene anew.

A slot is a free body with geoms for the parts of any object. The meshes of all objects are part of the scene; becoming an object means
taking over what that object's compiled geoms look like. Slots that hold nothing lie under the floor, touch nothing and are not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.factors.contract import DistractorPlacement
from hamster_bench.envs.factors.distractor_objects.mjcf import COLLISION_GROUP, add_meshes, add_to_spec
from hamster_bench.envs.factors.distractor_objects.pool import pool, pool_object
from hamster_bench.envs.mujoco.edits import ModelEdits
from hamster_bench.errors import InvalidOptionError

FloatArray = NDArray[np.float64]

# What a geom takes over from the compiled object, and the power of the scale by which it grows.
_GEOM_ARRAYS = {
    "geom_type": 0,
    "geom_contype": 0,
    "geom_conaffinity": 0,
    "geom_condim": 0,
    "geom_group": 0,
    "geom_size": 1,
    "geom_pos": 1,
    "geom_quat": 0,
    "geom_rbound": 1,
    "geom_aabb": 1,
    "geom_friction": 0,
    "geom_solref": 0,
    "geom_rgba": 0,
}
_BODY_ARRAYS = {"body_mass": 3, "body_inertia": 5, "body_ipos": 1, "body_iquat": 0}
PROBE = "distractor_probe"
"""Name of the geom, an upright cylinder that collides with nothing, by which free places are found."""

_HIDDEN_GROUP = 5
_PARKED_DEPTH = -1.0


@dataclass(frozen=True)
class Slot:
    """A body that can become any object.

    Attributes:
        name: of the body and its free joint.
        body: id of the body.
        qpos: address of its pose.
        qvel: address of its velocity.
        geoms: ids of its geoms.
    """

    name: str
    body: int
    qpos: int
    qvel: int
    geoms: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class _Compiled:
    """What an object is made of, in its own compiled model; meshes by name."""

    geoms: dict[str, NDArray[Any]]
    meshes: tuple[str | None, ...]
    body: dict[str, NDArray[Any]]
    box: FloatArray


@dataclass(frozen=True, eq=False)
class Library:
    """All objects of a pool, compiled.

    Attributes:
        folder: the user's folder, or None for this project's objects.
        objects: by kind, in natural size.
        most_geoms: number of geoms of the object that has most.
    """

    folder: Path | None
    objects: dict[str, _Compiled]
    most_geoms: int


@lru_cache(maxsize=4)
def load_library(folder: Path | None) -> Library:
    """Compiles every object of a pool; half a second, once in a process.

    Raises:
        InvalidOptionError: the user's folder or one of its files cannot be read.
    """
    spec = mujoco.MjSpec()
    kinds = pool(folder=folder)
    for kind in kinds:
        add_to_spec(spec, pool_object(kind, 1.0, folder), kind)
    model = spec.compile()
    objects = {kind: _compiled(model, kind) for kind in kinds}
    return Library(folder, objects, max(len(thing.meshes) for thing in objects.values()))


def add_slots(world: mujoco.MjSpec, library: Library, count: int) -> tuple[str, ...]:
    """Adds the meshes of a library and a number of slots to a scene, after everything else in it; gives the slots' names."""
    for kind in library.objects:
        add_meshes(world, pool_object(kind, 1.0, library.folder), kind)
    # A body of its own, and last: geoms of the world would come before all others.
    world.worldbody.add_body(name=PROBE).add_geom(
        name=PROBE,
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[0.01, 0.01, 0.0],
        pos=[0.0, 0.0, _PARKED_DEPTH],
        contype=0,
        conaffinity=0,
        mass=0.0,
        group=_HIDDEN_GROUP,
    )
    names = tuple(f"distractor{number}" for number in range(count))
    for number, name in enumerate(names):
        body = world.worldbody.add_body(name=name, pos=[0.5 * number, 0.0, _PARKED_DEPTH], gravcomp=1.0)
        body.add_freejoint(name=name)
        # Neither simple nor aligned frames: the compiler would leave out what objects need later.
        body.explicitinertial = True
        body.mass, body.inertia = 0.1, [1e-4, 1.1e-4, 1.2e-4]
        body.ipos, body.iquat = [0.001, 0.002, 0.003], [0.9, 0.3, 0.2, 0.1]
        for piece in range(library.most_geoms):
            body.add_geom(
                name=f"{name}/{piece}",
                type=mujoco.mjtGeom.mjGEOM_BOX,
                size=[0.01, 0.01, 0.01],
                pos=[0.001 * (piece + 1), 0.002, 0.003],
                quat=[0.9, 0.3, 0.2, 0.1],
                mass=0.0,
                condim=6,
                group=COLLISION_GROUP,
            )
    return names


def find_slots(model: mujoco.MjModel, names: tuple[str, ...]) -> tuple[Slot, ...]:
    """The slots of a compiled scene, parked."""
    slots = []
    for name in names:
        body, joint = model.body(name).id, model.joint(name)
        first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
        slot = Slot(name, body, int(joint.qposadr[0]), int(joint.dofadr[0]), np.arange(first, first + count))
        _hide(model, slot.geoms)
        slots.append(slot)
    return tuple(slots)


def fill_slots(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    edits: ModelEdits,
    library: Library,
    placements: Sequence[tuple[Slot, DistractorPlacement, FloatArray]],
) -> None:
    """Turns slots into objects at rest.

    Args:
        model: the scene.
        data: its state.
        edits: takes the changes back later.
        library: the objects.
        placements: slot, object and world pose (7,) of each.

    Raises:
        InvalidOptionError: one kind is asked for in two sizes: all objects of a kind share its meshes.
    """
    scales: dict[str, float] = {}
    for _, placement, _ in placements:
        if scales.setdefault(placement.kind, placement.scale) != placement.scale:
            raise InvalidOptionError(f"distractors of one kind have one size in a scene; {placement.kind} is asked for in two")
    for kind, scale in scales.items():
        for mesh in filter(None, library.objects[kind].meshes):
            edits.scale_mesh(model.mesh(mesh).id, scale)
    for slot, placement, pose_world in placements:
        thing, scale = library.objects[placement.kind], placement.scale
        used = slot.geoms[: len(thing.meshes)]
        for name, power in _GEOM_ARRAYS.items():
            edits.array(name)[used] = thing.geoms[name] * scale**power if power else thing.geoms[name]
        edits.array("geom_dataid")[used] = [-1 if mesh is None else model.mesh(mesh).id for mesh in thing.meshes]
        for name, power in _BODY_ARRAYS.items():
            edits.array(name)[slot.body] = thing.body[name] * scale**power
        edits.array("body_gravcomp")[slot.body] = 0.0
        # One box around everything in every node: the tests between geoms that follow are exact.
        first, count = int(model.body_bvhadr[slot.body]), int(model.body_bvhnum[slot.body])
        if first >= 0:
            edits.part("bvh_aabb", first, count)[:] = thing.box * scale
        data.qpos[slot.qpos : slot.qpos + 7] = pose_world[[0, 1, 2, 6, 3, 4, 5]]
        data.qvel[slot.qvel : slot.qvel + 6] = 0.0


def _hide(model: mujoco.MjModel, geoms: NDArray[np.intp]) -> None:
    model.geom_contype[geoms] = 0
    model.geom_conaffinity[geoms] = 0
    model.geom_group[geoms] = _HIDDEN_GROUP


def _compiled(model: mujoco.MjModel, name: str) -> _Compiled:
    body = model.body(name).id
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    geoms = slice(first, first + count)
    nodes = slice(int(model.body_bvhadr[body]), int(model.body_bvhadr[body]) + int(model.body_bvhnum[body]))
    boxes = model.bvh_aabb[nodes]
    low = (boxes[:, :3] - boxes[:, 3:]).min(axis=0)
    high = (boxes[:, :3] + boxes[:, 3:]).max(axis=0)
    return _Compiled(
        geoms={array: getattr(model, array)[geoms].copy() for array in _GEOM_ARRAYS},
        meshes=tuple(model.mesh(mesh).name if mesh >= 0 else None for mesh in model.geom_dataid[geoms]),
        body={array: getattr(model, array)[body].copy() for array in _BODY_ARRAYS},
        box=np.concatenate([(low + high) / 2, (high - low) / 2]),
    )
