"""Changes of a compiled model that the next reset takes back."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

# What laying out, attaching and removing change: put back at every reset, and part of a snapshot.
EPISODE_ARRAYS = ("body_pos", "body_quat", "geom_rgba", "eq_data")

_STATISTICS = ("center", "extent", "meaninertia", "meanmass", "meansize")


class ModelEdits:
    """Keeps what a model was like before it was changed in place.

    Attributes:
        model: the model.
        textures: ids of the textures whose pixels have changed since renderers were last told.
        meshes: ids of the meshes whose vertices have changed since renderers were last told.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.textures: set[int] = set()
        self.meshes: set[int] = set()
        self._saved: dict[str, NDArray[Any]] = {name: getattr(model, name).copy() for name in EPISODE_ARRAYS}
        self._changed: set[str] = set()
        self._parts: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self._scaled_meshes: set[int] = set()
        self._scratch: mujoco.MjData | None = None
        self._statistics = {name: np.copy(getattr(model.stat, name)) for name in _STATISTICS}

    def array(self, name: str) -> Any:
        """An array of the model, to be changed in place."""
        array = getattr(self.model, name)
        if name not in self._saved:
            self._saved[name] = array.copy()
        self._changed.add(name)
        return array

    def part(self, name: str, first: int, count: int) -> Any:
        """Rows of a large array of the model, to be changed in place; those alone are kept and put back."""
        view = getattr(self.model, name)[first : first + count]
        self._parts.append((view, view.copy()))
        return view

    def scale_mesh(self, mesh: int, factor: float) -> None:
        """Scales the vertices of a mesh and the boxes that rays are tested against."""
        model = self.model
        first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        self.part("mesh_vert", first, count)[:] *= factor
        first, count = int(model.mesh_bvhadr[mesh]), int(model.mesh_bvhnum[mesh])
        if first >= 0:
            self.part("bvh_aabb", first, count)[:] *= factor
        self._scaled_meshes.add(mesh)
        self.meshes.add(mesh)

    def paint_texture(self, texture: int, pixels: NDArray[np.uint8]) -> None:
        """Sets the pixels of a texture; nothing shows them unless a material in use does, so they stay."""
        start = int(self.model.tex_adr[texture])
        self.model.tex_data[start : start + pixels.size] = pixels.ravel()
        self.textures.add(texture)

    def update_constants(self) -> None:
        """Recomputes what the model derives from masses and sizes.

        Its statistics but the mean inertia stay: the range of depth that is drawn depends on them.
        """
        for name in _DERIVED:
            # Older versions of MuJoCo lack some.
            if hasattr(self.model, name):
                self.array(name)
        if self._scratch is None:
            self._scratch = mujoco.MjData(self.model)
        mujoco.mj_setConst(self.model, self._scratch)
        for name in ("center", "extent", "meanmass", "meansize"):
            self._restore_statistic(name)

    def restore(self) -> None:
        """Takes everything back."""
        for name in self._changed.union(EPISODE_ARRAYS):
            getattr(self.model, name)[:] = self._saved[name]
        self._changed.clear()
        # The last change first, in case rows were changed twice.
        for view, before in reversed(self._parts):
            view[:] = before
        self._parts.clear()
        for name in _STATISTICS:
            self._restore_statistic(name)
        self.meshes |= self._scaled_meshes
        self._scaled_meshes.clear()

    def episode_arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of the arrays that change within an episode."""
        return {name: getattr(self.model, name).copy() for name in EPISODE_ARRAYS}

    def _restore_statistic(self, name: str) -> None:
        value = self._statistics[name]
        if value.ndim:
            getattr(self.model.stat, name)[:] = value
        else:
            setattr(self.model.stat, name, float(value))


# What `mj_setConst` writes.
_DERIVED = (
    "qpos0",
    "qpos_spring",
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "dof_M0",
    "dof_length",
    "cam_pos0",
    "cam_poscom0",
    "cam_mat0",
    "light_pos0",
    "light_poscom0",
    "light_dir0",
    "actuator_acc0",
    "actuator_length0",
    "actuator_lengthrange",
    "eq_data",
    "tendon_length0",
    "tendon_invweight0",
    "tendon_lengthspring",
)
