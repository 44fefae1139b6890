"""Images without OpenGL: one ray a pixel, plain colours with Lambert shading."""

from __future__ import annotations

from collections.abc import Iterable

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.frame import Frame

_VISIBLE = np.array([1, 1, 1, 0, 0, 0], np.uint8)
_AMBIENT = 0.45
_NO_COLOR = np.array([0.5, 0.5, 0.5, 1.0], np.float32)
# Where no ray hits: the clear sky of MuJoCo's renderer and the far plane [m].
_SKY = np.array([0, 0, 0], np.uint8)
_FAR = 10.0
# Diffuse light of the room's lights together; relative to it the light of a scene shines.
_ROOM_LIGHT = 0.73
# Light from above and in front of the table, as a unit vector towards the light.
_LIGHT = np.array([0.35, 0.2, 0.915]) / np.linalg.norm([0.35, 0.2, 0.915])


class RayCaster:
    """Draws by casting rays; slower and plainer than OpenGL, but it works everywhere."""

    name = "raycast"

    def __init__(self, model: mujoco.MjModel, height: int, width: int) -> None:
        """Prepares for images of one size."""
        self._model = model
        self._height, self._width = height, width
        self._tints = np.array([_tint(model, int(texture)) for texture in _textures(model)]).reshape(-1, 3)
        self._pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1).reshape(-1, 2)

    def draw(self, data: mujoco.MjData, camera: int, segmentation: bool = False) -> Frame:
        """Images of the camera with this id."""
        model = self._model
        tangent = np.tan(0.5 * np.deg2rad(model.cam_fovy[camera])) / (0.5 * self._height)
        # Rays of camera z = -1 that are not normalised make the hit parameter the planar depth.
        in_camera = np.empty((len(self._pixels), 3))
        in_camera[:, 0] = (self._pixels[:, 0] - 0.5 * self._width) * tangent
        in_camera[:, 1] = -(self._pixels[:, 1] - 0.5 * self._height) * tangent
        in_camera[:, 2] = -1.0
        rotation = data.cam_xmat[camera].reshape(3, 3)
        rays = np.ascontiguousarray(in_camera @ rotation.T)
        count = len(rays)
        geoms = np.empty(count, np.int32)
        depth = np.empty(count)
        normals = np.empty((count, 3))
        mujoco.mj_multiRay(
            model, data, data.cam_xpos[camera], rays.ravel(), _VISIBLE, 1, -1, geoms, depth, normals.ravel(), count, _FAR
        )
        hit = geoms >= 0
        colors = model.geom_rgba[:, :3].astype(np.float64)
        # As MuJoCo draws: a geom's own colour counts unless it is the default one; then its material's does. Textures tint both.
        has_material = model.geom_matid >= 0
        from_material = has_material & (model.geom_rgba == _NO_COLOR).all(axis=1)
        colors[from_material] = model.mat_rgba[model.geom_matid[from_material], :3]
        colors[has_material] *= self._tints[model.geom_matid[has_material]]
        light = (1.0 - _AMBIENT) * model.light_diffuse.sum(axis=0, dtype=np.float64) / _ROOM_LIGHT
        shade = _AMBIENT + np.clip(normals @ _LIGHT, 0.0, 1.0)[:, None] * light
        rgb = np.tile(_SKY, (count, 1))
        rgb[hit] = np.clip(255.0 * colors[geoms[hit]] * shade[hit], 0, 255).astype(np.uint8)
        planar = np.where(hit, depth, _FAR).astype(np.float32)
        shape = (self._height, self._width)
        bodies: NDArray[np.int32] | None = None
        if segmentation:
            bodies = np.where(hit, model.geom_bodyid[geoms], 0).astype(np.int32).reshape(shape)
        return Frame(rgb.reshape(*shape, 3), planar.reshape(shape), bodies)

    def update(self, textures: Iterable[int], meshes: Iterable[int]) -> None:
        """Takes over the mean colours of textures that have changed; rays read meshes from the model itself."""
        changed = set(textures)
        for material, texture in enumerate(_textures(self._model)):
            if int(texture) in changed:
                self._tints[material] = _tint(self._model, int(texture))

    def close(self) -> None:
        """Holds nothing that needs freeing."""


def _textures(model: mujoco.MjModel) -> NDArray[np.int32]:
    """Id (nmat,) of the texture of every material, -1 for none."""
    textures: NDArray[np.int32] = model.mat_texid[:, int(mujoco.mjtTextureRole.mjTEXROLE_RGB)]
    return textures


def _tint(model: mujoco.MjModel, texture: int) -> NDArray[np.float64]:
    """Mean colour (3,) of a texture in 0 to 1; white for none."""
    if texture < 0:
        return np.ones(3)
    channels = int(model.tex_nchannel[texture])
    start = int(model.tex_adr[texture])
    size = int(model.tex_width[texture]) * int(model.tex_height[texture]) * channels
    mean: NDArray[np.float64] = model.tex_data[start : start + size].reshape(-1, channels)[:, :3].mean(axis=0)
    return mean / 255.0
