"""Places for textures that are only known at reset: a material and a texture of their own for every surface that may get one."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.targets import TextureTargets
from hamster_bench.envs.task import Task
from hamster_bench.errors import SceneError

TEXTURE_SIZE = 256
"""Edge of the textures [pixel]."""

# Faces of a texture that wraps a shape without texture coordinates.
_CUBE_FACE = 128
_CUBE_FACES = 6

# Surfaces of the room: geoms and repetitions in a metre.
_ROOM = {"walls": (("Wall1", "Wall2", "Wall3", "Wall4"), 0.25), "table": (("diningTable_visible",), 1.0)}


@dataclass(frozen=True)
class Coat:
    """What covers one geom while it is textured.

    Attributes:
        geom: id of the geom.
        material: id of the material it gets.
        texture: id of the texture of that material.
    """

    geom: int
    material: int
    texture: int


def add_coats(world: mujoco.MjSpec, task: Task, source: str) -> dict[str, tuple[str, ...]]:
    """Adds materials and textures for every surface that a factor may cover.

    Args:
        world: the scene, not compiled yet.
        task: its task.
        source: the scene file, for messages.

    Returns:
        The names of the geoms of every surface; geoms without a name get one.

    Raises:
        SceneError: the scene has no visible geom or body of the name of a target.
    """
    surfaces: dict[str, tuple[str, ...]] = {}
    for name, (geoms, repeat) in _ROOM.items():
        surfaces[name] = geoms
        _add_coat(world, name, mujoco.mjtTexture.mjTEXTURE_2D, repeat)
    for targets in task.factors.values():
        if isinstance(targets, TextureTargets):
            for name in targets.objects:
                found = visible_geoms(world, name, source)
                for number, geom in enumerate(found):
                    geom.name = geom.name or f"{name}/visible{number}"
                    is_mesh = geom.type == mujoco.mjtGeom.mjGEOM_MESH
                    kind = mujoco.mjtTexture.mjTEXTURE_2D if is_mesh else mujoco.mjtTexture.mjTEXTURE_CUBE
                    _add_coat(world, geom.name, kind, None)
                surfaces[name] = tuple(geom.name for geom in found)
    return surfaces


def visible_geoms(world: mujoco.MjSpec, name: str, source: str) -> list[mujoco.MjsGeom]:
    """The geom of a name, or the visible geoms directly on the body of that name.

    Raises:
        SceneError: there is none.
    """
    geom, body = world.geom(name), world.body(name)
    found = [geom] if geom is not None else [g for g in (body.geoms if body is not None else []) if g.group <= 2]
    if not found:
        raise SceneError(f"{source} has no visible geom or body {name!r}, which a variation factor names")
    return found


def coats(model: mujoco.MjModel, surfaces: dict[str, tuple[str, ...]]) -> dict[str, tuple[Coat, ...]]:
    """What `add_coats` added, in the compiled model."""

    def coat(surface: str, geom: str) -> Coat:
        own = _coat_name(surface if surface in _ROOM else geom)
        return Coat(model.geom(geom).id, model.material(own).id, model.texture(own).id)

    return {name: tuple(coat(name, geom) for geom in geoms) for name, geoms in surfaces.items()}


def pixels_for(model: mujoco.MjModel, texture: int, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (256, 256, 3) in the layout of a texture of the model."""
    if int(model.tex_type[texture]) == int(mujoco.mjtTexture.mjTEXTURE_2D):
        return picture
    face = picture.reshape(_CUBE_FACE, 2, _CUBE_FACE, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    return np.concatenate([face] * _CUBE_FACES)


def _add_coat(world: mujoco.MjSpec, name: str, kind: mujoco.mjtTexture, repeat: float | None) -> None:
    own = _coat_name(name)
    if world.texture(own) is not None:
        return
    size = TEXTURE_SIZE if kind == mujoco.mjtTexture.mjTEXTURE_2D else _CUBE_FACE
    world.add_texture(
        name=own,
        type=kind,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=[1.0, 1.0, 1.0],
        rgb2=[1.0, 1.0, 1.0],
        width=size,
        height=size,
        nchannel=3,
    )
    material = world.add_material(name=own, specular=0.1, shininess=0.2)
    material.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = own
    if repeat is not None:
        material.texuniform = True
        material.texrepeat = [repeat, repeat]


def _coat_name(name: str) -> str:
    return f"factor/{name}"
