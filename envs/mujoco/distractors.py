"""Distractor objects in a scene: slots that can become any object of the pool without compiling the scene anew.

A slot is a free body with geoms for the parts of any object. The meshes of all objects are part of the scene; becoming an object means
taking over what that object's compiled geoms look like. Slots that hold nothing lie under the floor, touch nothing and are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.factors.contract import DistractorPlacement
from hamster_bench.envs.factors.distractor_objects.mjcf import COLLISION_GROUP, add_meshes, add_to_spec
from hamster_bench.envs.factors.distractor_objects.pool import SIZES, pool, pool_object
from hamster_bench.envs.mujoco.edits import ModelEdits

FloatArray = NDArray[np.float64]

# What a geom takes over from the compiled object.
_GEOM_ARRAYS = (
    "geom_type",
    "geom_dataid",
    "geom_contype",
    "geom_conaffinity",
    "geom_condim",
    "geom_group",
    "geom_size",
    "geom_pos",
    "geom_quat",
    "geom_rbound",
    "geom_aabb",
    "geom_friction",
    "geom_solref",
    "geom_rgba",
)
_BODY_ARRAYS = ("body_mass", "body_inertia", "body_ipos", "body_iquat")
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

    geoms: dict[str, NDArray[np.generic]]
    meshes: tuple[str | None, ...]
    body: dict[str, NDArray[np.generic]]
    box: FloatArray


@dataclass(frozen=True, eq=False)
class Library:
    """All objects of a pool, compiled.

    Attributes:
        folder: the user's folder, or None for this project's objects.
        objects: by kind and size.
        most_geoms: number of geoms of the object that has most.
    """

    folder: Path | None
    objects: dict[tuple[str, float], _Compiled]
    most_geoms: int


@lru_cache(maxsize=4)
def load_library(folder: Path | None) -> Library:
    """Compiles every object of a pool in every size; less than a second, once in a process.

    Raises:
        InvalidOptionError: the user's folder or one of its files cannot be read.
    """
    spec = mujoco.MjSpec()
    names = {(kind, scale): _name(kind, scale) for kind in pool(folder=folder) for scale in SIZES}
    for (kind, scale), name in names.items():
        add_to_spec(spec, pool_object(kind, scale, folder), name)
    model = spec.compile()
    objects = {key: _compiled(model, name) for key, name in names.items()}
    return Library(folder, objects, max(len(thing.meshes) for thing in objects.values()))


def add_slots(world: mujoco.MjSpec, library: Library, count: int) -> tuple[str, ...]:
    """Adds the meshes of a library and a number of slots to a scene, after everything else in it; gives the slots' names."""
    for kind, scale in library.objects:
        add_meshes(world, pool_object(kind, scale, library.folder), _name(kind, scale))
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


def fill_slot(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    edits: ModelEdits,
    library: Library,
    slot: Slot,
    placement: DistractorPlacement,
    pose_world: FloatArray,
) -> None:
    """Turns a slot into an object at rest at a world pose (7,)."""
    thing = library.objects[placement.kind, placement.scale]
    used = slot.geoms[: len(thing.meshes)]
    for name, values in thing.geoms.items():
        edits.array(name)[used] = values
    edits.array("geom_dataid")[used] = [-1 if mesh is None else model.mesh(mesh).id for mesh in thing.meshes]
    for name, value in thing.body.items():
        edits.array(name)[slot.body] = value
    edits.array("body_gravcomp")[slot.body] = 0.0
    # One box around everything in every node: the tests between geoms that follow are exact.
    first, count = int(model.body_bvhadr[slot.body]), int(model.body_bvhnum[slot.body])
    if first >= 0:
        edits.part("bvh_aabb", first, count)[:] = thing.box
    data.qpos[slot.qpos : slot.qpos + 7] = pose_world[[0, 1, 2, 6, 3, 4, 5]]
    data.qvel[slot.qvel : slot.qvel + 6] = 0.0


def _name(kind: str, scale: float) -> str:
    return f"{kind}@{scale:g}"


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
        geoms={array: getattr(model, array)[geoms].copy() for array in _GEOM_ARRAYS if array != "geom_dataid"},
        meshes=tuple(model.mesh(mesh).name if mesh >= 0 else None for mesh in model.geom_dataid[geoms]),
        body={array: getattr(model, array)[body].copy() for array in _BODY_ARRAYS},
        box=np.concatenate([(low + high) / 2, (high - low) / 2]),
    )
