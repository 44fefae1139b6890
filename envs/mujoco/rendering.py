"""Images: colour and depth from one draw, segmentation from a second one, with OpenGL or by casting rays."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable
from typing import Any, Literal, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco import gl
from hamster_bench.envs.mujoco.frame import Frame
from hamster_bench.envs.mujoco.raycasting import RayCaster
from hamster_bench.errors import RenderingUnavailableError

RendererChoice = Literal["auto", "gl", "raycast"]
RENDERER_CHOICES: tuple[RendererChoice, ...] = ("auto", "gl", "raycast")

# Groups above this hold collision shapes, sites and detection volumes.
VISIBLE_GROUPS = (0, 1, 2)
_EXTRA_GEOMS = 64


class Renderer(Protocol):
    """Draws one scene at one image size."""

    @property
    def name(self) -> str:
        """How it draws: ``"egl"``, ``"osmesa"``, ``"raycast"``, ..."""
        ...

    def draw(self, data: mujoco.MjData, camera: int, segmentation: bool = False) -> Frame:
        """Images of the camera with this id."""
        ...

    def update(self, textures: Iterable[int], meshes: Iterable[int]) -> None:
        """Takes over the pixels of textures and the vertices of meshes, by id, that have changed in the model."""
        ...

    def close(self) -> None:
        """Frees what it holds; it may be called twice."""
        ...


def make_renderer(model: mujoco.MjModel, height: int, width: int, choice: RendererChoice, shadows: bool = False) -> Renderer:
    """A renderer for the model.

    Args:
        model: the scene.
        height: of images [pixel].
        width: of images [pixel].
        choice: ``"gl"``: OpenGL or an error; ``"raycast"``: no OpenGL; ``"auto"``: OpenGL where it works, else ray casting with a
            warning that names the missing packages.
        shadows: draw shadows (OpenGL only); several times slower.

    Raises:
        RenderingUnavailableError: ``"gl"`` was asked for and does not work here.
    """
    if choice == "raycast":
        return RayCaster(model, height, width)
    try:
        return GlRenderer(model, height, width, shadows)
    except RenderingUnavailableError as error:
        if choice == "gl":
            raise
        warnings.warn(f"{error} Images are ray-cast instead: right in shape and depth, without textures.", stacklevel=2)
        return RayCaster(model, height, width)


class GlRenderer:
    """OpenGL renderer: colour and depth are read after one and the same draw."""

    def __init__(self, model: mujoco.MjModel, height: int, width: int, shadows: bool = False) -> None:
        """Makes an offscreen context.

        Raises:
            RenderingUnavailableError: no OpenGL platform works in this process.
        """
        self.name = gl.choose_platform()
        if self.name == "disable":
            raise _unavailable("it is switched off by MUJOCO_GL, or neither libEGL.so.1 nor libOSMesa.so.8 loads")
        model.vis.quality.offsamples = 0
        model.vis.quality.shadowsize = 1024 if shadows else 0
        self._gl: Any = None
        try:
            self._gl = gl.make_context(self.name, width, height)
            self._gl.make_current()
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except Exception as error:
            _free(self._gl, None)
            raise _unavailable(f"the OpenGL platform {self.name!r} fails: {error}") from error
        # Also when the renderer is dropped without `close`, and before the interpreter takes its modules apart.
        self._release = weakref.finalize(self, _free, self._gl, self._context)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZERONEAR.value
        self._model = model
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + _EXTRA_GEOMS)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW.value] = shadows
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION.value] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_HAZE.value] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX.value] = 0
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[list(VISIBLE_GROUPS)] = 1
        self._option.sitegroup[:] = 0
        self._option.tendongroup[:] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        self._perturb = mujoco.MjvPerturb()
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._near = float(model.vis.map.znear * model.stat.extent)
        self._far = float(model.vis.map.zfar * model.stat.extent)
        self._rgb = np.empty((height, width, 3), np.uint8)
        self._depth = np.empty((height, width), np.float32)

    def draw(self, data: mujoco.MjData, camera: int, segmentation: bool = False) -> Frame:
        """Images of the camera with this id."""
        self._gl.make_current()
        self._camera.fixedcamid = camera
        mujoco.mjv_updateScene(
            self._model, data, self._option, self._perturb, self._camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        mujoco.mjr_render(self._rect, self._scene, self._context)
        mujoco.mjr_readPixels(self._rgb, self._depth, self._rect, self._context)
        # The buffer runs from 0 at the near plane to 1 at the far one; images come upside down.
        depth = self._depth[::-1] * np.float32(self._near - self._far)
        depth += np.float32(self._far)
        np.divide(np.float32(self._near * self._far), depth, out=depth)
        rgb = self._rgb[::-1].copy()
        return Frame(rgb, depth, self._segment() if segmentation else None)

    def update(self, textures: Iterable[int], meshes: Iterable[int]) -> None:
        """Uploads textures and meshes, by id, that have changed in the model."""
        self._gl.make_current()
        for texture in textures:
            mujoco.mjr_uploadTexture(self._model, self._context, texture)
        for mesh in meshes:
            mujoco.mjr_uploadMesh(self._model, self._context, mesh)

    def close(self) -> None:
        """Frees the drawing context."""
        self._release()

    def _segment(self) -> NDArray[np.int32]:
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT.value] = 1
        flags[mujoco.mjtRndFlag.mjRND_IDCOLOR.value] = 1
        mujoco.mjr_render(self._rect, self._scene, self._context)
        mujoco.mjr_readPixels(self._rgb, None, self._rect, self._context)
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT.value] = 0
        flags[mujoco.mjtRndFlag.mjRND_IDCOLOR.value] = 0
        code = self._rgb[::-1].astype(np.int32) @ np.array([1, 256, 65536], np.int32)
        geoms = self._scene.geoms[: self._scene.ngeom]
        bodies = np.zeros(self._scene.ngeom + 1, np.int32)
        for geom in geoms:
            if geom.objtype == int(mujoco.mjtObj.mjOBJ_GEOM) and geom.segid >= 0:
                bodies[geom.segid + 1] = self._model.geom_bodyid[geom.objid]
        return bodies[code]


def _free(gl_context: Any, drawing_context: Any) -> None:
    """Frees a context while it is current: freed later, it would take the buffers of whatever other context is current then."""
    if gl_context is not None:
        if drawing_context is not None:
            try:
                gl_context.make_current()
            except Exception:
                # At the end of the program the platform may have been shut down before, and every context with it.
                return
            drawing_context.free()
        gl_context.free()


def _unavailable(reason: str) -> RenderingUnavailableError:
    return RenderingUnavailableError(
        f"OpenGL images cannot be drawn: {reason}. On Debian or Ubuntu install the libraries with: {gl.INSTALL_COMMAND}"
    )
